#include "stores/tables/attached/attachment.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "stores/tables/attached/attached_file.h"
#include "stores/tables/attached/attached_reader.h"

namespace insula::tables {

namespace {

// Still what it was, and readable in the words of this engine.
bool is_current(const Origin& origin, const FileIdentity& now) {
    return origin.identity.settled && origin.identity.same_content(now) &&
           (!origin.in_place || origin.in_place->engine == engine::engine_version());
}

Status check_text_bytes(const FoundFiles& found) {
    uint64_t bytes = 0;
    for (const OutsideEntry& entry : found.files) {
        if (attached_format(entry.name) != AttachedFormat::parquet) bytes += entry.identity.bytes;
    }
    if (bytes <= kAttachedTextBytesMax) return {};
    return fail(Error(Code::unprocessable, "attachment_too_large",
                      "The JSON and CSV files at the address have " + std::to_string(bytes >> 20) +
                          " MiB together; " + std::to_string(kAttachedTextBytesMax >> 20) +
                          " MiB is the most that one source may attach.")
                    .with_hint("Parquet files have no such limit; or write the rows to a source "
                               "without connection_string."));
}

Error too_many_shapes() {
    return Error(Code::unprocessable, "attachment_too_large",
                 "The Parquet files at the address have more than " +
                     std::to_string(engine::kForeignLayoutsMax) +
                     " different lists of columns, which is the most that one source may attach.")
        .with_hint("Attach files of like columns as sources of their own.");
}

// Files of the same columns share a layout.
class Layouts {
  public:
    explicit Layouts(const Schema& schema) : schema_(schema) {}
    std::shared_ptr<const engine::ForeignLayout> of(
        const std::vector<engine::ForeignParquet::Column>& columns) {
        std::string key;
        for (const auto& column : columns) {
            key.append(column.name).push_back('\0');
            key.append(column.file_type).push_back('\0');
        }
        auto& layout = layouts_[std::move(key)];
        if (!layout) {
            layout = std::make_shared<const engine::ForeignLayout>(layout_of(columns, schema_));
        }
        return layout;
    }
    size_t count() const { return layouts_.size(); }

  private:
    const Schema& schema_;
    std::unordered_map<std::string, std::shared_ptr<const engine::ForeignLayout>> layouts_;
};

}  // namespace

Attachment::Attachment(std::string connection_string, const std::vector<catalog::DataFile>& files)
    : connection_string_(std::move(connection_string)), files_(files) {
    for (const catalog::DataFile& file : files_) {
        origins_.emplace(file.id, decode_origin(file.origin));
    }
}

Result<FoundFiles> Attachment::find(const AllowedRoots& roots) const {
    ASSIGN_OR_RETURN(const AttachedAddress address, AttachedAddress::parse(connection_string_));
    ASSIGN_OR_RETURN(FoundFiles found, find_attached(roots, address));
    RETURN_IF_ERROR(check_text_bytes(found));
    return found;
}

Attachment::Changes Attachment::compare(const FoundFiles& found) const {
    std::unordered_map<std::string_view, const FileIdentity*> now;
    for (const OutsideEntry& entry : found.files) now.emplace(entry.name, &entry.identity);
    Changes changes;
    std::unordered_set<std::string_view> kept;
    for (const catalog::DataFile& file : files_) {
        const std::optional<Origin>& origin = origins_.at(file.id);
        const auto at = origin ? now.find(origin->name) : now.end();
        if (at != now.end() && is_current(*origin, *at->second)) {
            kept.insert(at->first);
        } else {
            changes.remove.push_back(file.id);
        }
    }
    for (const OutsideEntry& entry : found.files) {
        if (!kept.contains(entry.name)) changes.read.push_back(entry);
    }
    return changes;
}

void Attachment::adopt(const AttachedPlace& place, std::vector<catalog::DataFile> files) {
    place_ = place;
    files_ = std::move(files);
    origins_.clear();
    for (const catalog::DataFile& file : files_) {
        origins_.emplace(file.id, decode_origin(file.origin));
    }
}

bool Attachment::is_at(const AttachedPlace& place) const {
    return place_ && place_->root == place.root && place_->directories == place.directories;
}

Result<FileSet> Attachment::entries(
    Services& services, const AttachedPlace& place, const std::vector<catalog::DataFile>& files,
    const Schema& schema, const std::function<FileEntry(const catalog::DataFile&)>& open) const {
    Layouts layouts(schema);
    FileSet entries;
    for (const catalog::DataFile& file : files) {
        const std::optional<Origin> origin = decode_origin(file.origin);
        if (!origin || !origin->in_place) {
            entries.push_back(open(file));
            continue;
        }
        entries.push_back({.meta = file,
                           .file = std::make_shared<AttachedFile>(services.open_files, place,
                                                                  origin->name, origin->identity),
                           .layout = layouts.of(origin->in_place->columns),
                           .first_row_id = origin->in_place->first_row_id});
    }
    if (layouts.count() > engine::kForeignLayoutsMax) return fail(too_many_shapes());
    return entries;
}

Error error_of_source(const Error& error, std::string_view source_id) {
    if (!error.reason().starts_with("attachment_")) return error;
    // A request about it is in order; the files are not.
    const Code code =
        error.code() == Code::unprocessable ? Code::failed_precondition : error.code();
    return Error(code, error.reason(),
                 "Source \"" + std::string(source_id) + "\": " + std::string(error.message()))
        .with_hint(std::string(error.hint()) +
                   " Until then name the other sources in \"sources\"; DELETE detaches this one "
                   "and leaves its files.")
        .with_detail(error.detail());
}

}  // namespace insula::tables
