#include "platform/engine/query_state.h"

#include <algorithm>
#include <cctype>
#include <unordered_set>
#include <utility>

#include "platform/engine/file_scan.h"

namespace insula::engine {

namespace {

constexpr const char* kStateKey = "insula";

std::string lower(std::string_view text) {
    std::string result(text);
    std::ranges::transform(result, result.begin(),
                           [](unsigned char c) { return c < 128 ? std::tolower(c) : c; });
    return result;
}

}  // namespace

duckdb::LogicalType engine_type(ColumnType type) {
    switch (type) {
        case ColumnType::boolean:
            return duckdb::LogicalType::BOOLEAN;
        case ColumnType::int64:
            return duckdb::LogicalType::BIGINT;
        case ColumnType::float64:
            return duckdb::LogicalType::DOUBLE;
        case ColumnType::date:
            return duckdb::LogicalType::DATE;
        case ColumnType::timestamp:
            return duckdb::LogicalType::TIMESTAMP_NS;
        case ColumnType::string:
        case ColumnType::json:
            break;
    }
    return duckdb::LogicalType::VARCHAR;
}

QueryState::QueryState(std::shared_ptr<FileSlots> slots, Deadline deadline, CancelToken cancel)
    : slots_(std::move(slots)), deadline_(deadline), cancel_(std::move(cancel)) {}

QueryState::~QueryState() { release_sources(); }

duckdb::shared_ptr<QueryState> QueryState::find(duckdb::ClientContext& context) {
    return context.registered_state->Get<QueryState>(kStateKey);
}

void QueryState::attach(duckdb::ClientContext& context, duckdb::shared_ptr<QueryState> self) {
    context.registered_state->Insert(kStateKey, std::move(self));
}

Status QueryState::add_scan(Scan scan) {
    auto source = std::make_unique<ScanSource>();
    source->columns = std::move(scan.columns);
    source->chunks = std::move(scan.chunks);
    std::unordered_set<std::string> seen{kRowIdName};
    for (const ScanColumn& column : source->columns) {
        // The engine does not tell names apart by case; it would answer with the wrong column.
        if (!seen.insert(lower(column.name)).second) {
            return fail(internal_error("two columns of a scan are named " + column.name));
        }
        source->names.push_back(column.name);
        source->types.push_back(engine_type(column.type));
    }
    source->names.emplace_back(kRowIdName);
    source->types.push_back(duckdb::LogicalType::BIGINT);
    for (const ChunkRows& chunk : source->chunks) source->chunk_rows += chunk.rows;
    for (Scan::FileRef& file : scan.files) {
        source->file_bytes += file.file->size();
        source->paths.push_back(add_file(file.id, std::move(file.file), FileMaker::us));
    }
    RETURN_IF_ERROR(add_foreign(std::move(scan.foreign), *source));
    sources_.push_back(std::move(source));
    return {};
}

Status QueryState::add_foreign(std::vector<Scan::ForeignRef> files, ScanSource& source) {
    std::unordered_map<const ForeignLayout*, ForeignShape*> known;
    for (Scan::ForeignRef& file : files) {
        ForeignShape*& shape = known[file.layout.get()];
        if (shape == nullptr) {
            shapes_.push_back(std::make_unique<ForeignShape>());
            shape = shapes_.back().get();
            shape->number = shapes_.size() - 1;
            shape->layout = std::move(file.layout);
            source.shapes.push_back(shape);
        }
        shape->file_bytes += file.file->size();
        shape->first_row_ids.push_back(file.first_row_id);
        shape->paths.push_back(add_file(file.id, std::move(file.file), FileMaker::others));
    }
    if (source.shapes.size() <= kForeignLayoutsMax) return {};
    return fail(internal_error("a scan over foreign files of too many layouts"));
}

const std::string& QueryState::add_file(FileId id, std::shared_ptr<ReadableFile> file,
                                        FileMaker maker) {
    auto pinned = std::make_unique<PinnedFile>();
    pinned->pin = slots_->pin(id);
    pinned->file = std::move(file);
    pinned->maker = maker;
    files_.push_back(std::move(pinned));
    PinnedFile& added = *files_.back();
    files_by_path_.emplace(added.pin.path, &added);
    return added.pin.path;
}

PinnedFile* QueryState::find_file(const std::string& path) {
    const auto at = files_by_path_.find(path);
    return at == files_by_path_.end() ? nullptr : at->second;
}

void QueryState::check_stop() const {
    if (must_stop()) throw duckdb::InterruptException();
}

void QueryState::keep_error(Error error) {
    const std::lock_guard lock(mutex_);
    if (!error_) error_ = std::move(error);
}

std::optional<Error> QueryState::kept_error() const {
    const std::lock_guard lock(mutex_);
    return error_;
}

void QueryState::count_open(PinnedFile& file) {
    if (!file.opened.exchange(true)) ++files_opened_;
}

void QueryState::count_reader(duckdb::shared_ptr<duckdb::BaseFileReader> reader) {
    const std::lock_guard lock(mutex_);
    readers_.push_back(std::move(reader));
}

void QueryState::note_footer(const PinnedFile& file, uint64_t bytes) {
    slots_->note_footer(file.pin.slot, bytes);
}

ScanCost QueryState::cost() const {
    ScanCost cost{rows_, bytes_, files_opened_};
    const std::lock_guard lock(mutex_);
    for (const auto& reader : readers_) cost.rows += rows_read(*reader);
    return cost;
}

void QueryState::release_readers() {
    const std::lock_guard lock(mutex_);
    for (const auto& reader : readers_) rows_ += rows_read(*reader);
    readers_.clear();
}

void QueryState::release_sources() {
    for (const auto& file : files_) slots_->unpin(file->pin.slot);
    files_by_path_.clear();
    files_.clear();
    sources_.clear();
    shapes_.clear();
}

}  // namespace insula::engine
