#include "stores/tables/attached/attached_reader.h"

#include <algorithm>
#include <utility>

#include "platform/runtime/log.h"
#include "stores/tables/attached/attached_file.h"
#include "stores/tables/columns.h"
#include "stores/tables/ingest/csv_shredder.h"
#include "stores/tables/ingest/csv_types.h"
#include "stores/tables/ingest/json_shredder.h"

namespace insula::tables {

namespace {

// Rows in memory from which a part is written.
constexpr uint64_t kPartBytes = 64ull << 20;

Error unreadable(const std::string& name, const std::string& why, std::string_view detail) {
    return Error(Code::unprocessable, "attachment_unreadable",
                 "The attached file \"" + name + "\" cannot be read: " + why)
        .with_detail(detail);
}

std::string_view format_name(AttachedFormat format) {
    switch (format) {
        case AttachedFormat::parquet:
            return "Parquet";
        case AttachedFormat::json:
            return "JSON";
        case AttachedFormat::csv:
            return "CSV";
        case AttachedFormat::tsv:
            return "TSV";
    }
    return "";
}

// What a reader of bodies says about a piece of a file.
Error in_file(const Error& error, const std::string& name, AttachedFormat format, uint64_t begin) {
    if (error.code() != Code::invalid_argument) return error;
    std::string why = "it is not what is read as " + std::string(format_name(format));
    if (begin > 0) why += "; in the part from byte " + std::to_string(begin) + " on";
    return unreadable(name, why + ": " + std::string(error.message()), error.detail())
        .with_hint(std::string(error.hint()));
}

Status check_running(Deadline deadline, const CancelToken& cancel) {
    if (cancel.cancelled()) {
        return fail(Error(Code::cancelled, "cancelled", "The request was cancelled."));
    }
    if (deadline.passed()) return fail(deadline_exceeded());
    return {};
}

}  // namespace

struct AttachedReader::Text {
    const OutsideEntry& entry;
    const AttachedFormat format;
    const Deadline deadline;
    const std::string origin;
    std::vector<ChunkRows> chunks;  // not yet in a part
    uint64_t chunk_bytes = 0;
    MemoryGrant memory;  // of the chunks
    bool any_part = false;

    char delimiter() const { return format == AttachedFormat::tsv ? '\t' : ','; }
};

AttachedReader::AttachedReader(Services& services, std::shared_ptr<engine::Instance> engine,
                               DataFileTarget target, SchemaPtr schema, uint64_t next_row_id)
    : services_(services),
      engine_(std::move(engine)),
      target_(std::move(target)),
      result_{.files = {}, .schema = std::move(schema), .next_row_id = next_row_id} {}

AttachedReader::~AttachedReader() {
    for (const std::string& path : written_) {
        if (const Status removed = services_.fs.remove(path); !removed) {
            log::warn("file of a source that was not attached not removed; the next start does it",
                      {{"error", removed.error().describe()}});
        }
    }
}

Status AttachedReader::read(const AttachedPlace& place, const OutsideEntry& entry,
                            Deadline deadline, const CancelToken& cancel) {
    RETURN_IF_ERROR(check_running(deadline, cancel));
    const AttachedFormat format = *attached_format(entry.name);
    if (format == AttachedFormat::parquet) return read_parquet(place, entry, deadline, cancel);
    return read_text(place, entry, format, deadline, cancel);
}

Status AttachedReader::read_parquet(const AttachedPlace& place, const OutsideEntry& entry,
                                    Deadline deadline, const CancelToken& cancel) {
    ASSIGN_OR_RETURN(const FileId id, next_id());
    const auto file =
        std::make_shared<AttachedFile>(services_.open_files, place, entry.name, entry.identity);
    auto found = engine_->describe_parquet(id, file, deadline, cancel);
    if (!found) {
        if (found.error().reason() != "malformed_parquet") return fail(found.error());
        return fail(
            unreadable(entry.name, "it is not a Parquet file, or damaged.",
                       found.error().describe())
                .with_hint("Check that other Parquet readers can read it, and write it again."));
    }
    if (found->columns.size() > kAttachedColumnsMax) {
        return fail(unreadable(
            entry.name, "it has more than " + std::to_string(kAttachedColumnsMax) + " columns.",
            ""));
    }
    result_.schema = with_columns_of(result_.schema, found->columns);
    Origin origin{.name = entry.name,
                  .identity = entry.identity,
                  .in_place = Origin::InPlace{std::string(engine::engine_version()),
                                              result_.next_row_id, std::move(found->columns)}};
    catalog::DataFile stored = new_file(id);
    stored.rows = found->rows;
    stored.content_bytes = entry.identity.bytes;
    stored.raw_bytes = entry.identity.bytes;
    stored.origin = encode_origin(origin);
    result_.next_row_id += found->rows;
    result_.files.push_back(std::move(stored));
    return {};
}

Status AttachedReader::read_text(const AttachedPlace& place, const OutsideEntry& entry,
                                 AttachedFormat format, Deadline deadline,
                                 const CancelToken& cancel) {
    auto opened = place.open(entry.name);
    if (!opened) {
        if (opened.error().code() != Code::not_found) return fail(opened.error());
        return fail(attachment_changed(entry.name).with_detail(opened.error().detail()));
    }
    OutsideFile& file = **opened;
    const auto bytes = [&](MutableBytes out, uint64_t offset) { return file.read_at(out, offset); };
    Text text{.entry = entry,
              .format = format,
              .deadline = deadline,
              .origin = encode_origin(
                  {.name = entry.name, .identity = entry.identity, .in_place = std::nullopt})};
    const auto each_piece = [&](auto use) -> Status {
        const bool json = format == AttachedFormat::json;
        TextPieces pieces(bytes, json ? TextFormat::json : TextFormat::csv);
        for (;;) {
            RETURN_IF_ERROR(check_running(deadline, cancel));
            const auto piece = pieces.next();
            if (!piece) return fail(in_file(piece.error(), entry.name, format, 0));
            if (!*piece) return {};
            if (const Status used = use(**piece); !used) {
                return fail(in_file(used.error(), entry.name, format, (*piece)->begin));
            }
        }
    };
    if (format != AttachedFormat::json) {
        CsvTypes types;
        RETURN_IF_ERROR(each_piece(
            [&](const TextPiece& piece) { return types.add(piece.text, text.delimiter()); }));
        result_.schema = types.extend(result_.schema);
    }
    RETURN_IF_ERROR(each_piece([&](const TextPiece& piece) { return add_piece(text, piece); }));
    if (!text.chunks.empty()) RETURN_IF_ERROR(write_part(text));
    ASSIGN_OR_RETURN(const FileIdentity now, file.identity());
    if (!now.same_content(entry.identity)) return fail(attachment_changed(entry.name));
    if (text.any_part) return {};
    // A file without rows is known by a data file without a place.
    ASSIGN_OR_RETURN(const FileId id, next_id());
    result_.files.push_back(new_file(id));
    result_.files.back().origin = text.origin;
    return {};
}

Status AttachedReader::add_piece(Text& text, const TextPiece& piece) {
    RETURN_IF_ERROR(services_.admit_write());
    ASSIGN_OR_RETURN(const Batch batch,
                     text.format == AttachedFormat::json
                         ? shred_ndjson(piece.text, result_.schema)
                         : shred_csv(piece.text, text.delimiter(), result_.schema));
    if (batch.rows == 0) return {};
    const uint64_t part_bytes = std::min(kPartBytes, services_.memtables.limit() / 4);
    if (text.chunk_bytes > 0 && text.chunk_bytes + batch.bytes > part_bytes) {
        RETURN_IF_ERROR(write_part(text));
    }
    auto memory = services_.memtables.try_reserve(batch.bytes);
    if (!memory) {
        // Nobody waits while holding what others wait for.
        if (!text.chunks.empty()) RETURN_IF_ERROR(write_part(text));
        memory = services_.memtables.reserve(batch.bytes, text.deadline, services_.admit_write);
        if (!memory) return fail(memory.error());
    }
    text.memory.merge(*std::move(memory));
    text.chunk_bytes += batch.bytes;
    for (const auto& chunk : batch.chunks) {
        text.chunks.push_back({chunk, chunk->rows(), result_.next_row_id});
        result_.next_row_id += chunk->rows();
    }
    result_.schema = batch.schema;
    return {};
}

Status AttachedReader::write_part(Text& text) {
    ASSIGN_OR_RETURN(target_.id, next_id());
    target_.part = next_part_++;
    catalog::DataFile named{
        .epoch = target_.epoch, .generation = target_.generation, .part = target_.part};
    written_.push_back(target_.data_directory + "/" +
                       catalog::file_path(target_.tenant, target_.incarnation, named));
    // In the order of the file: nothing about the source says how else.
    auto written = write_data_file(services_.fs, *engine_, target_, *result_.schema,
                                   catalog::SourceOptions{}, text.chunks);
    if (!written) {
        written_.pop_back();
        return fail(written.error());
    }
    catalog::DataFile& file = written->file;
    file.raw_bytes = text.chunk_bytes;
    file.origin = text.origin;
    result_.files.push_back(std::move(file));
    text.any_part = true;
    text.chunks.clear();
    text.chunk_bytes = 0;
    text.memory = MemoryGrant();
    return {};
}

Result<FileId> AttachedReader::next_id() {
    ASSIGN_OR_RETURN(const uint64_t id, services_.catalog.allocate_ids(catalog::IdKind::file, 1));
    return FileId{id};
}

catalog::DataFile AttachedReader::new_file(FileId id) {
    return {
        .id = id, .epoch = target_.epoch, .generation = target_.generation, .part = next_part_++};
}

SchemaPtr with_columns_of(const SchemaPtr& schema,
                          const std::vector<engine::ForeignParquet::Column>& columns) {
    auto changed = std::make_shared<Schema>(*schema);
    for (const auto& column : columns) {
        const auto node = changed->child(Schema::kRoot, column.name);
        const uint32_t known = node == Schema::kNone ? Schema::kNone : changed->node_column(node);
        if (known == Schema::kNone) {
            // One that may not become a column stands aside.
            static_cast<void>(changed->add({}, column.name, column.type, false));
            continue;
        }
        catalog::Column held = changed->column(known);
        if (held.type == ColumnType::int64 && column.type == ColumnType::float64 &&
            held.exact_in_double) {
            held.type = ColumnType::float64;
            changed->upsert(held);
        }
    }
    return changed;
}

engine::ForeignLayout layout_of(const std::vector<engine::ForeignParquet::Column>& columns,
                                const Schema& schema) {
    engine::ForeignLayout layout{.columns = {}, .rest = kRestColumn};
    for (const auto& column : columns) {
        engine::ForeignLayout::Column shown{column.name, column.file_type, ColumnId{}, column.type};
        const auto node = schema.child(Schema::kRoot, column.name);
        if (node != Schema::kNone && schema.node_column(node) != Schema::kNone) {
            const catalog::Column& held = schema.column(schema.node_column(node));
            shown.id = held.id;
            shown.type = held.type;
        }
        layout.columns.push_back(std::move(shown));
    }
    return layout;
}

}  // namespace insula::tables
