#include "core/catalog/postgres/tests/test_schema.h"

#include <fmt/format.h>

#include <atomic>

#include "base/check.h"
#include "platform/postgres/connection.h"
#include "platform/runtime/log.h"

namespace insula::catalog {

std::string new_schema_name() {
    static std::atomic<int> last{0};
    return fmt::format("catalog_{}", ++last);
}

PostgresCatalogOptions test_options(const postgres::PostgresServer& server) {
    // That the server is not durable, and that it goes away, is meant.
    const Status quiet = log::set_level("catalog=error,postgres=error");
    INSULA_CHECK(quiet.has_value(), "a level that there is");
    return {.url = server.url(),
            .schema = new_schema_name(),
            .connections_max = 8,
            .command_timeout = std::chrono::milliseconds(20'000),
            .start_timeout = std::chrono::milliseconds(20'000)};
}

std::string run_sql(const PostgresCatalogOptions& options, std::string_view sql) {
    const Deadline deadline = Deadline::after(std::chrono::seconds(20));
    auto connection = postgres::Connection::open(*postgres::Target::parse(options.url),
                                                 {.search_path = options.schema}, deadline);
    if (!connection) return connection.error().error.describe();
    const postgres::Query query{{.name = "", .sql = sql}};
    const auto rows = (*connection)->transact(postgres::Access::write, {&query, 1}, deadline);
    if (!rows) return rows.error().error.describe();
    if (rows->front().count() == 0 || rows->front().is_null(0, 0)) return "";
    return std::string(rows->front().text(0, 0));
}

}  // namespace insula::catalog
