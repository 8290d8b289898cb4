#include "server/node_metrics.h"

namespace insula::server {

namespace {

using metrics::Kind;
using Add = std::function<void(Kind kind, std::string name, std::string help,
                               std::function<double()> read)>;

void add_storage(const NodeMetricsSources& sources, const Add& add) {
    const auto* journal = &sources.journal;
    add(Kind::gauge, "insula_journal_bytes", "Journal that is still needed.",
        [journal] { return static_cast<double>(journal->usage().bytes); });
    add(Kind::gauge, "insula_journal_kept_bytes",
        "Journal that nothing needs any longer and that is kept for a while.",
        [journal] { return static_cast<double>(journal->usage().kept_bytes); });
    add(Kind::counter, "insula_journal_syncs_total", "Syncs of the journal.",
        [journal] { return static_cast<double>(journal->usage().syncs); });
    add(Kind::gauge, "insula_journal_sync_seconds", "Duration of the journal's last sync.",
        [journal] { return static_cast<double>(journal->usage().last_sync_nanos) / 1e9; });
    const auto* catalog = &sources.catalog;
    add(Kind::gauge, "insula_catalog_reachable", "1 while the catalog's database can be reached.",
        [catalog] { return catalog->health().reachable ? 1.0 : 0.0; });
    add(Kind::gauge, "insula_catalog_connections", "Connections to the catalog's database.",
        [catalog] { return static_cast<double>(catalog->health().connections); });
    add(Kind::counter, "insula_catalog_repeats_total",
        "Commands of the catalog that were sent once more.",
        [catalog] { return static_cast<double>(catalog->health().repeats); });
    add(Kind::counter, "insula_catalog_unknown_outcomes_total",
        "Commands of the catalog of which it was not learnt in time whether they were carried out.",
        [catalog] { return static_cast<double>(catalog->health().unknown_outcomes); });
}

void add_memory(const NodeMetricsSources& sources, const Add& add) {
    const auto* memtables = &sources.memtables;
    add(Kind::gauge, "insula_memtable_bytes", "Rows in memory that are not in a file yet.",
        [memtables] { return static_cast<double>(memtables->usage()); });
    add(Kind::gauge, "insula_memtable_limit_bytes", "Bound on insula_memtable_bytes.",
        [memtables] { return static_cast<double>(memtables->limit()); });
    const auto* bodies = &sources.bodies;
    add(Kind::gauge, "insula_request_body_bytes", "Request bodies being read.",
        [bodies] { return static_cast<double>(bodies->usage()); });
}

void add_disk(const NodeMetricsSources& sources, const Add& add) {
    const auto* scrub = &sources.scrub;
    add(Kind::counter, "insula_scrub_bytes_total",
        "Stored data that was read again in the background.",
        [scrub] { return static_cast<double>(scrub->state().bytes); });
    add(Kind::gauge, "insula_scrub_damaged_files", "Files in which that found damage.",
        [scrub] { return static_cast<double>(scrub->state().damaged_files); });
    add(Kind::gauge, "insula_scrub_last_pass_timestamp_seconds",
        "When all of it had been read last; 0: not yet.",
        [scrub] { return static_cast<double>(scrub->state().last_pass_at) / 1e9; });
    const auto* answers = &sources.answers;
    add(Kind::gauge, "insula_answer_bytes", "Pages that clients have not taken yet.",
        [answers] { return static_cast<double>(answers->usage()); });
    auto* disk = &sources.disk;
    add(Kind::gauge, "insula_disk_available_bytes", "Free space of the data directory's disk.",
        [disk] { return static_cast<double>(disk->state().available_bytes); });
    add(Kind::gauge, "insula_disk_reserve_bytes", "Writes are refused while less is free.",
        [disk] { return static_cast<double>(disk->state().reserve_bytes); });
    add(Kind::counter, "insula_disk_refusals_total", "Writes refused because the disk is full.",
        [disk] { return static_cast<double>(disk->refusals()); });
}

void add_tables(const NodeMetricsSources& sources, const Add& add) {
    const auto* engines = &sources.engines;
    add(Kind::gauge, "insula_engine_instances", "Engine instances that are open.",
        [engines] { return static_cast<double>(engines->open_instances()); });
    add(Kind::gauge, "insula_engine_memory_bytes", "Memory that engine instances hold.",
        [engines] { return static_cast<double>(engines->memory_bytes()); });
    const auto* queries = &sources.queries;
    add(Kind::gauge, "insula_queries_running", "Searches and aggregates under way.",
        [queries] { return static_cast<double>(queries->running()); });
    const auto* open_files = &sources.open_files;
    add(Kind::gauge, "insula_open_data_files", "Data files that are open.",
        [open_files] { return static_cast<double>(open_files->count()); });
    const auto* store = &sources.store;
    add(Kind::counter, "insula_flush_failures_total",
        "Flushes that failed and will be tried again.",
        [store] { return static_cast<double>(store->flush_failures()); });
    add(Kind::counter, "insula_restatements_total",
        "Small memtables that were written to the journal's head once more.",
        [store] { return static_cast<double>(store->restatements()); });
}

std::vector<metrics::Registry::Sample> refusals(const tenancy::Meters& meters) {
    std::vector<metrics::Registry::Sample> samples;
    const std::vector<uint64_t> counts = meters.refusals();
    for (size_t i = 0; i < counts.size(); ++i) {
        samples.push_back(
            {{std::string(tenancy::limit_fields()[i].name)}, static_cast<double>(counts[i])});
    }
    return samples;
}

void add_audit(const NodeMetricsSources& sources, const Add& add) {
    const auto* audit = &sources.audit;
    add(Kind::gauge, "insula_audit_entries", "Entries of the audit log.",
        [audit] { return static_cast<double>(audit->log().size()); });
    add(Kind::gauge, "insula_audit_bytes", "Size of the audit log.",
        [audit] { return static_cast<double>(audit->log().usage().bytes); });
    add(Kind::counter, "insula_audit_dropped_total",
        "Refusals and reads for which the audit log had no place.",
        [audit] { return static_cast<double>(audit->state().dropped); });
    add(Kind::counter, "insula_audit_failures_total",
        "Times that the audit log could not be brought up to date; it is tried again.",
        [audit] { return static_cast<double>(audit->state().failures); });
}

}  // namespace

std::vector<metrics::Callback> register_node_metrics(metrics::Registry& registry,
                                                     const NodeMetricsSources& sources) {
    std::vector<metrics::Callback> callbacks = metrics::register_process_metrics(registry);
    const Add add = [&](Kind kind, std::string name, std::string help,
                        std::function<double()> read) {
        callbacks.push_back(
            registry.callback(kind, std::move(name), std::move(help), std::move(read)));
    };
    add_storage(sources, add);
    add_memory(sources, add);
    add_disk(sources, add);
    add_tables(sources, add);
    callbacks.push_back(
        registry.callback(Kind::counter, "insula_limit_refusals_total",
                          "What limits of tenants have refused, of all tenants.", {"limit"},
                          [meters = &sources.meters] { return refusals(*meters); }));
    add_audit(sources, add);
    return callbacks;
}

void add_connection_metrics(metrics::Registry& registry, const net::HttpServer& http,
                            const CertificateWatch* certificates,
                            std::vector<metrics::Callback>& callbacks) {
    const auto add = [&](Kind kind, std::string name, std::string help,
                         std::function<double()> read) {
        callbacks.push_back(
            registry.callback(kind, std::move(name), std::move(help), std::move(read)));
    };
    const auto of_http = [&](Kind kind, std::string name, std::string help,
                             uint64_t net::HttpServerStats::* field) {
        add(kind, std::move(name), std::move(help),
            [&http, field] { return static_cast<double>(http.stats().*field); });
    };
    using Stats = net::HttpServerStats;
    of_http(Kind::gauge, "insula_connections_open", "Connections of clients.",
            &Stats::connections_open);
    of_http(Kind::counter, "insula_connections_refused_total",
            "Connections refused because there were as many as there may be.",
            &Stats::connections_refused);
    of_http(Kind::counter, "insula_connection_timeouts_total",
            "Connections ended because the client was idle or too slow.", &Stats::timeouts);
    if (certificates == nullptr) return;
    of_http(Kind::counter, "insula_tls_handshakes_total", "TLS handshakes that succeeded.",
            &Stats::tls_handshakes);
    of_http(Kind::counter, "insula_tls_handshake_failures_total", "TLS handshakes that did not.",
            &Stats::tls_failures);
    add(Kind::gauge, "insula_tls_certificate_expiry_timestamp_seconds",
        "When the certificate that is shown expires.",
        [certificates] { return static_cast<double>(certificates->certificate().valid_to); });
    add(Kind::counter, "insula_tls_certificate_reloads_total", "Changed certificates taken.",
        [certificates] { return static_cast<double>(certificates->reloads()); });
    add(Kind::counter, "insula_tls_certificate_reload_failures_total",
        "Changed certificates that could not be used; the one before is shown.",
        [certificates] { return static_cast<double>(certificates->failures()); });
}

}  // namespace insula::server
