// A schema of its own for each test, in a server that the tests share.
#pragma once

#include <string>
#include <string_view>

#include "core/catalog/postgres/postgres_catalog.h"
#include "platform/postgres/tests/postgres_server.h"

namespace insula::catalog {

// A name that no other test of this program uses.
std::string new_schema_name();

// How to open a catalog in a new schema of `server`.
PostgresCatalogOptions test_options(const postgres::PostgresServer& server);

// Runs `sql` in the schema of `options`, for looks past the catalog: the first column of the first
// row, which is text, or the error.
std::string run_sql(const PostgresCatalogOptions& options, std::string_view sql);

}  // namespace insula::catalog
