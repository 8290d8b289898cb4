#include "server/catalog_check.h"

#include "platform/journal/journal.h"

namespace insula::server {
namespace {

Error refused(std::string detail) {
    return data_loss(std::move(detail))
        .with_hint(
            "Put the catalog's newest files back, control.db together with control.db-wal, or its "
            "newest backup on PostgreSQL. "
            "Nothing was changed.");
}

}  // namespace

Status check_catalog_present(FileSystem& fs, const std::string& catalog_path,
                             const std::string& journal_path) {
    ASSIGN_OR_RETURN(const StreamId newest, journal::newest_stream(fs, journal_path));
    if (newest.value == 0) return {};
    ASSIGN_OR_RETURN(const bool exists, fs.exists(catalog_path));
    if (!exists) return fail(refused(catalog_path + ": missing, though there is a journal"));
    ASSIGN_OR_RETURN(const auto file, fs.open(catalog_path, OpenMode::read));
    ASSIGN_OR_RETURN(const uint64_t size, file->size());
    if (size > 0) return {};
    // The first commits of a catalog may still be in its log.
    ASSIGN_OR_RETURN(const bool log, fs.exists(catalog_path + "-wal"));
    if (log) return {};
    return fail(refused(catalog_path + ": empty, though there is a journal"));
}

Status check_catalog_age(FileSystem& fs, const std::string& journal_path, StreamId next) {
    ASSIGN_OR_RETURN(const StreamId newest, journal::newest_stream(fs, journal_path));
    if (newest < next) return {};
    return fail(refused("the catalog is older than the journal: it knows nothing of stream " +
                        std::to_string(newest.value) + " in " + journal_path));
}

}  // namespace insula::server
