// The tables of the catalog on PostgreSQL as numbered steps that only go forward
// (docs/formats/catalog.md). A step that has shipped is never changed; what comes later is a step
// of its own.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/catalog/postgres/planted_fault.h"
#include "platform/postgres/connection.h"
#include "platform/runtime/clock.h"

namespace insula::catalog::postgres_schema {

struct Migration {
    uint32_t version = 0;                          // 1, 2, 3, …
    std::string_view name;                         // for people
    std::span<const std::string_view> statements;  // run in one transaction with the version's row
};

// All steps, by version.
std::span<const Migration> migrations();

// Runs the steps that `schema` lacks, each in one transaction: a server or a node that dies leaves
// each done or not begun. Nodes that start together take turns. failed_precondition, and nothing
// changed, if the schema is of a newer version ("catalog_too_new") or is something else
// ("not_a_catalog").
postgres::Outcome<void> migrate(postgres::Connection& connection, const std::string& schema,
                                std::span<const Migration> migrations, WallNanos now,
                                PlantedFault planted = PlantedFault::none);

// Whether migrate() has nothing to do: failed_precondition otherwise ("catalog_too_old" where a
// step is missing).
postgres::Outcome<void> require_current(postgres::Connection& connection,
                                        const std::string& schema);

}  // namespace insula::catalog::postgres_schema
