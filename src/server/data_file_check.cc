#include "server/data_file_check.h"

#include <fmt/format.h>

#include <memory>

namespace insula::server {

namespace {

// Of a check that found out what is wrong rather than that it cannot go on.
bool says_damage(const Error& error) {
    return error.code() == Code::data_loss || error.code() == Code::internal;
}

Result<std::optional<uint64_t>> size_of(FileSystem& fs, const std::string& path) {
    const auto file = fs.open(path, OpenMode::read);
    if (!file && file.error().code() == Code::not_found) return std::nullopt;
    if (!file) return fail(file.error());
    ASSIGN_OR_RETURN(const uint64_t size, (*file)->size());
    return size;
}

}  // namespace

Result<DataFileReport> DataFileChecker::check(const catalog::Source& source,
                                              const catalog::DataFile& file,
                                              tables::RowIdSet& row_ids,
                                              const blob::OnRead& on_read) const {
    DataFileReport report;
    const std::string name = catalog::file_path(source.tenant, source.incarnation, file);
    const std::string path = data_directory + "/" + name;
    const auto damage = [&](std::string what) {
        report.findings.push_back({.file = name, .what = std::move(what)});
    };
    ASSIGN_OR_RETURN(const auto size, size_of(fs, path));
    if (!size) {
        damage(fmt::format("missing; it is file {} of source {}", file.id.value, source.source_id));
        return report;
    }
    if (*size != file.stored_bytes) {
        damage(fmt::format("it has {} bytes, the catalog says {}", *size, file.stored_bytes));
    }
    const auto frames =
        blob::check_blob(fs, path, {.id = file.id, .content_bytes = file.content_bytes}, on_read);
    if (!frames && frames.error().code() != Code::data_loss) return fail(frames.error());
    if (!frames) {
        damage(std::string(frames.error().detail()));
        return report;
    }
    for (const blob::BlobDamage& blob : frames->damages) {
        report.findings.push_back(
            {.file = name, .offset = blob.offset, .bytes = blob.bytes, .what = blob.what});
    }
    if (frames->more_damages > 0) {
        damage(fmt::format("{} more places are damaged", frames->more_damages));
    }
    if (engine == nullptr || !frames->damages.empty()) return report;
    auto stored =
        std::make_shared<tables::StoredFile>(fs, open_files, path, file.id, file.content_bytes);
    const auto rows = tables::check_content(*engine, file, stored, source.next_row_id, row_ids);
    if (!rows && !says_damage(rows.error())) return fail(rows.error());
    if (!rows) {
        damage("its rows cannot be read: " + rows.error().describe());
        return report;
    }
    report.rows = rows->rows;
    for (const std::string& wrong : rows->wrong) damage(wrong);
    return report;
}

}  // namespace insula::server
