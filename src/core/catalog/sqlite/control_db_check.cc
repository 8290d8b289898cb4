#include "core/catalog/sqlite/control_db_check.h"

#include <fmt/format.h>

#include <array>

#include "core/catalog/catalog.h"
#include "core/catalog/sqlite/migrations.h"
#include "platform/sqlite/database.h"

namespace insula::catalog {

namespace {

using sqlite::Database;

Status check_integrity(Database& database, std::vector<std::string>& wrong) {
    ASSIGN_OR_RETURN(auto rows, database.prepare("PRAGMA integrity_check(100)"));
    for (;;) {
        ASSIGN_OR_RETURN(const bool any, rows.step());
        if (!any) return {};
        if (rows.text(0) != "ok") wrong.push_back("integrity: " + std::string(rows.text(0)));
    }
}

Status check_references(Database& database, std::vector<std::string>& wrong) {
    ASSIGN_OR_RETURN(auto rows, database.prepare("PRAGMA foreign_key_check"));
    for (;;) {
        ASSIGN_OR_RETURN(const bool any, rows.step());
        if (!any) return {};
        wrong.push_back(fmt::format("a row of {} refers to a row of {} that is not there",
                                    rows.text(0), rows.text(2)));
    }
}

// An identity at or above its counter would be given out again.
Status check_counter(Database& database, IdKind kind, std::string_view what,
                     std::string_view highest_sql, std::vector<std::string>& wrong) {
    ASSIGN_OR_RETURN(auto highest, database.prepare(highest_sql));
    ASSIGN_OR_RETURN([[maybe_unused]] const bool row, highest.step());
    const uint64_t used = highest.is_null(0) ? 0 : highest.uint64(0);
    if (used == 0) return {};
    ASSIGN_OR_RETURN(auto counter, database.prepare("SELECT next FROM counters WHERE kind = ?"));
    ASSIGN_OR_RETURN(const bool found, counter.bind(static_cast<uint8_t>(kind)).step());
    const uint64_t next = found ? counter.uint64(0) : 0;
    if (used < next) return {};
    wrong.push_back(fmt::format("{} {} is in use, and the counter stands at {}", what, used, next));
    return {};
}

Status check_idempotency_counts(Database& database, std::vector<std::string>& wrong) {
    ASSIGN_OR_RETURN(auto rows,
                     database.prepare("SELECT incarnation, idempotency_keys, (SELECT count(*) FROM"
                                      " idempotency i WHERE i.incarnation = s.incarnation) AS keys"
                                      " FROM sources s WHERE idempotency_keys != keys"));
    for (;;) {
        ASSIGN_OR_RETURN(const bool any, rows.step());
        if (!any) return {};
        wrong.push_back(fmt::format("source {} says it has {} idempotency keys and has {}",
                                    rows.uint64(0), rows.uint64(1), rows.uint64(2)));
    }
}

}  // namespace

Result<std::vector<std::string>> check_control_db(FileSystem& fs, const std::string& path) {
    std::vector<std::string> wrong;
    ASSIGN_OR_RETURN(const auto database, Database::open(fs, path));
    RETURN_IF_ERROR(migrate(*database, catalog_migrations(), /*now=*/0));
    RETURN_IF_ERROR(check_integrity(*database, wrong));
    if (!wrong.empty()) return wrong;  // the rest would only repeat it
    RETURN_IF_ERROR(check_references(*database, wrong));
    RETURN_IF_ERROR(check_counter(*database, IdKind::source_incarnation, "source incarnation",
                                  "SELECT max(incarnation) FROM (SELECT incarnation FROM sources"
                                  " UNION ALL SELECT incarnation FROM garbage)",
                                  wrong));
    RETURN_IF_ERROR(check_counter(*database, IdKind::file, "file",
                                  "SELECT max(file_id) FROM (SELECT file_id FROM files UNION ALL"
                                  " SELECT file_id FROM garbage)",
                                  wrong));
    RETURN_IF_ERROR(check_counter(*database, IdKind::stream, "journal stream",
                                  "SELECT max(flushed_stream) FROM sources", wrong));
    RETURN_IF_ERROR(check_idempotency_counts(*database, wrong));
    return wrong;
}

}  // namespace insula::catalog
