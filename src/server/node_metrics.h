// The node's own series: what grows, and its bounds.
#pragma once

#include <vector>

#include "core/audit/audit_trail.h"
#include "core/catalog/catalog.h"
#include "core/tenancy/meter.h"
#include "platform/fs/disk_reserve.h"
#include "platform/journal/journal.h"
#include "platform/net/http_server.h"
#include "platform/runtime/memory_budget.h"
#include "platform/runtime/metrics.h"
#include "server/certificate_watch.h"
#include "server/scrub.h"
#include "stores/tables/engine_host.h"
#include "stores/tables/files/stored_file.h"
#include "stores/tables/query.h"
#include "stores/tables/table_store.h"

namespace insula::server {

struct NodeMetricsSources {
    const tables::TableStore& store;
    const tables::Queries& queries;
    const journal::Journal& journal;
    const catalog::Catalog& catalog;
    const tables::EngineHost& engines;
    const tables::OpenFiles& open_files;
    const MemoryBudget& memtables;
    const MemoryBudget& bodies;
    const MemoryBudget& answers;
    DiskReserve& disk;
    const Scrub& scrub;
    const tenancy::Meters& meters;
    const audit::AuditTrail& audit;
};

// All of `sources` must outlive the result.
[[nodiscard]] std::vector<metrics::Callback> register_node_metrics(
    metrics::Registry& registry, const NodeMetricsSources& sources);

// Of the ports, and of the certificate where there is one. All must outlive the callbacks.
void add_connection_metrics(metrics::Registry& registry, const net::HttpServer& http,
                            const CertificateWatch* certificates,
                            std::vector<metrics::Callback>& callbacks);

}  // namespace insula::server
