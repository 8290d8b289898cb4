// The schema of control.db as numbered steps that only go forward. A step that has shipped is never
// changed; what comes later is a step of its own.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"
#include "platform/runtime/clock.h"
#include "platform/sqlite/database.h"

namespace insula::catalog {

struct Migration {
    uint32_t version = 0;   // 1, 2, 3, …
    std::string_view name;  // for people
    std::string_view sql;  // any number of statements; runs in one transaction with its version row
};

// All steps, by version.
std::span<const Migration> catalog_migrations();

// Runs the steps that `database` lacks. A power cut leaves each wholly done or not begun.
// failed_precondition, and nothing changed, if the database is of a newer version
// ("catalog_too_new") or is something else
// ("not_a_catalog").
Status migrate(sqlite::Database& database, std::span<const Migration> migrations, WallNanos now);

}  // namespace insula::catalog
