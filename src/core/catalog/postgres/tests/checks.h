// What must hold for the catalog on PostgreSQL, as checks that say what is wrong, so that the same
// check can show that the product is right and that a planted fault is found.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/catalog/postgres/postgres_catalog.h"
#include "platform/postgres/tests/postgres_server.h"

namespace insula::catalog {

using Problem = std::optional<std::string>;

// Random commands do what the model does.
Problem check_against_model(const PostgresCatalogOptions& options, uint64_t seed, int steps);

// Every kind of change, with its connection cut after n bytes of the client's or the server's, for
// every stride-th n from `first` on: each is carried out once, and answered so.
struct CutSweep {
    uint64_t first = 0;
    uint64_t stride = 1;
};
struct CutCounts {
    uint64_t cuts = 0;
    uint64_t repeats = 0;
};
Problem check_cut_connections(const postgres::PostgresServer& server,
                              const PostgresCatalogOptions& options, const CutSweep& sweep,
                              CutCounts* counts = nullptr);

// Threads of two nodes commit while the server crashes and restarts `restarts` times: what was
// answered is there once, and what was refused is not.
struct RestartCounts {
    uint64_t answered = 0;
    uint64_t unknown = 0;
    uint64_t repeats = 0;
};
Problem check_restarts_under_load(postgres::PostgresServer& server,
                                  const PostgresCatalogOptions& options, int restarts,
                                  RestartCounts* counts = nullptr);

// An epoch is not raised between a commit's look at it and the commit's end.
Problem check_epoch_is_held(const PostgresCatalogOptions& options);

// A change that is under way when another process takes the node over comes before that if it has
// `begun`, and is refused otherwise.
Problem check_node_is_held(const PostgresCatalogOptions& options, bool begun);

// Source ids come, and are told apart, by their bytes.
Problem check_bytewise_names(const PostgresCatalogOptions& options);

// A new catalog and an upgrade, cut after every stride-th byte: at one whole version each time, and
// the next start finishes.
Problem check_cut_migrations(const postgres::PostgresServer& server, PlantedFault planted,
                             const CutSweep& sweep, CutCounts* counts = nullptr);

// Nodes that start together on an empty schema.
Problem check_migrations_together(const postgres::PostgresServer& server, PlantedFault planted);

}  // namespace insula::catalog
