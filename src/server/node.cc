#include "server/node.h"

#include <algorithm>
#include <atomic>

#include "core/audit/audit_trail.h"
#include "core/keys/root_key.h"
#include "core/tenancy/gate.h"
#include "frontends/rest/rest_api.h"
#include "platform/fs/disk_reserve.h"
#include "platform/net/http_server.h"
#include "platform/runtime/fail_point.h"
#include "platform/runtime/log.h"
#include "platform/runtime/metrics.h"
#include "server/catalog_check.h"
#include "server/certificate_watch.h"
#include "server/data_directory.h"
#include "server/node_catalog.h"
#include "server/node_metrics.h"
#include "server/readiness.h"
#include "server/scrub.h"
#include "server/storage_fail_points.h"
#include "stores/tables/query.h"
#include "stores/tables/table_store.h"

namespace insula::server {

namespace {

constexpr size_t kWorkerQueueMax = 8192;
constexpr std::string_view kControlDb = "control.db";
constexpr size_t kDamageShown = 10;
// What may be written to the journal's head again and again: this part of it.
constexpr uint64_t kRemaindersShare = 8;
// Streams hold a query while their client reads; they wait beside those that the workers run.
constexpr size_t kRunningQueriesPerWorker = 8;

FailPoint catalog_opened_point("node.start.catalog_opened");
FailPoint tenant_added_point("node.start.tenant_added");
FailPoint epochs_raised_point("node.start.epochs_raised");
FailPoint checked_point("node.start.journal_checked");
FailPoint stream_created_point("node.start.stream_created");
FailPoint proved_point("node.start.proved");
FailPoint recovered_point("node.start.recovered");
FailPoint drained_point("node.stop.drained");
FailPoint flushed_point("node.stop.flushed");
FailPoint journal_closed_point("node.stop.journal_closed");

// What the server stores itself is not to be attached, wherever the operator's directories lie.
tables::AllowedRoots attachable(const config::ServerConfig& config, const std::string& own) {
    tables::AllowedRoots roots;
    for (const std::string& root : config.allowed_data_roots) {
        roots.push_back(std::make_shared<const OutsideDirectory>(root, own));
    }
    return roots;
}

tables::TableLimits table_limits(const config::ServerConfig& config) {
    tables::TableLimits limits;
    limits.source_memtable_bytes = config.flush_source_bytes;
    limits.source_memory_bytes = config.memtable_source_bytes;
    limits.node_flush_bytes = config.flush_memory_bytes;
    limits.journal_bytes = config.journal_flush_bytes;
    limits.remainders_bytes_max =
        std::min(limits.remainders_bytes_max, limits.journal_bytes / kRemaindersShare);
    limits.create_sources = config.auto_create_sources;
    limits.record_bytes_max =
        std::min(limits.record_bytes_max, config.journal_segment_bytes * 3 / 4);
    return limits;
}

journal::Options journal_options(const config::ServerConfig& config) {
    journal::Options options;
    options.segment_bytes = config.journal_segment_bytes;
    options.record_bytes_max = config.journal_segment_bytes * 3 / 4;
    return options;
}

// Kept segments go before the disk comes near the reserve, below which writes are refused.
journal::Retention journal_retention(const config::ServerConfig& config, DiskReserve& disk) {
    const uint64_t reserve = disk.state().reserve_bytes;
    return {.time = std::chrono::duration_cast<std::chrono::seconds>(config.journal_retention),
            .bytes_max = config.journal_retention_bytes,
            .free_bytes_min = reserve + reserve / 4 + 2 * config.journal_segment_bytes};
}

tables::EngineHostOptions engine_options(const config::ServerConfig& config, DiskReserve& disk) {
    return {
        .memory_bytes = config.engine_memory_bytes,
        .instance_memory_bytes = config.engine_instance_bytes,
        .spill_bytes = config.engine_spill_bytes,
        .parallelism = config.engine_threads,
        .idle_close = std::chrono::duration_cast<std::chrono::seconds>(config.engine_idle_close),
        .admit_spill = [&disk] { return disk.admit(); }};
}

net::HttpServerOptions http_options(const config::ServerConfig& config) {
    using std::chrono::duration_cast;
    using std::chrono::milliseconds;
    net::HttpServerOptions options;
    options.listen = {{config.host, config.rest_port}, {config.host, config.gateway_port}};
    options.io_threads = config.io_threads;
    options.plain_beyond_loopback = config.insecure;
    options.trusted_proxies = config.trusted_proxies;
    options.forwarded_header = config.forwarded_header;
    options.limits.connections_max = config.connections_max;
    options.limits.connections_per_address_max = config.connections_per_address_max;
    // What the rate comes to within one span of the time limit.
    const double span = std::chrono::duration<double>(config.stall_timeout).count();
    options.limits.progress_bytes_min = std::max<size_t>(
        1, static_cast<size_t>(span * static_cast<double>(config.transfer_rate_min)));
    options.limits.handshake_timeout = duration_cast<milliseconds>(config.tls_handshake_timeout);
    options.limits.handshakes_max = config.tls_handshakes_max;
    options.limits.header_timeout = duration_cast<milliseconds>(config.header_timeout);
    options.limits.idle_timeout = duration_cast<milliseconds>(config.idle_timeout);
    options.limits.body_stall_timeout = duration_cast<milliseconds>(config.stall_timeout);
    options.limits.write_stall_timeout = duration_cast<milliseconds>(config.stall_timeout);
    return options;
}

// Of tenants that have none of their own.
tenancy::Limits default_limits(const config::ServerConfig& config) {
    tenancy::Limits limits;
    if (config.rate_limiting) limits.requests_per_second = config.default_requests_per_second;
    return limits;
}

Result<catalog::Tenant> own_default_tenant(const config::ServerConfig& config,
                                           catalog::Catalog& catalog, Clock& clock,
                                           Random& random) {
    ASSIGN_OR_RETURN(const auto tenants, catalog.tenants());
    auto found = std::ranges::find(tenants, config.tenant_slug, &catalog::Tenant::slug);
    catalog::Tenant tenant;
    if (found != tenants.end()) {
        tenant = *found;
    } else {
        tenant = {.id = config.tenant_id ? *config.tenant_id : random.uuid(),
                  .slug = config.tenant_slug,
                  .name = config.tenant_name,
                  .created_at = clock.wall_now()};
        RETURN_IF_ERROR(add_tenant(catalog, tenant));
        tenant_added_point.reach();
    }
    return tenant;
}

// What is wrong with the directory's own root key is damage of the directory.
Error as_damage(const Error& error) {
    if (error.code() != Code::failed_precondition) return error;
    return Error(Code::data_loss, error.reason(), std::string(error.message()))
        .with_hint(std::string(error.hint()))
        .with_detail(error.detail());
}

// What to do about damage that stops the start.
Error with_way_out(const Error& error, const std::string& data_directory) {
    if (error.code() != Code::data_loss || !error.hint().empty()) return error;
    return error.with_hint("`insula verify --data-dir " + data_directory +
                           "` shows all that is damaged.");
}

Error with_way_out_of_journal(const Error& error, const std::string& data_directory) {
    if (error.code() != Code::data_loss) return error;
    return error.with_hint(
        "`insula journal verify --data-dir " + data_directory +
        "` shows all damage of the journal; `insula journal salvage --data-dir " + data_directory +
        "` shows what would be lost, and leads on.");
}

Error with_way_out_of_audit(const Error& error, const std::string& data_directory) {
    if (error.code() != Code::data_loss) return error;
    return error.with_hint("`insula audit verify --data-dir " + data_directory +
                           "` shows all that is wrong with the audit log; the guide on it says "
                           "how to go on.");
}

// Arms what the configuration asks for. Returns the file system to use in place of `fs`; null:
// `fs`.
Result<std::unique_ptr<FileSystem>> arm_fail_points(const config::ServerConfig& config,
                                                    FileSystem& fs) {
    std::vector<FailPlan> of_storage;
    for (const std::string& text : config.fail_points) {
        ASSIGN_OR_RETURN(FailPlan plan, parse_fail_plan(text));
        if (plan.point.starts_with(kStorageFailPointPrefix)) {
            of_storage.push_back(std::move(plan));
        } else {
            RETURN_IF_ERROR(arm_fail_point(plan));
        }
    }
    if (!config.fail_points.empty()) {
        log::warn("fail points are armed: this server may kill itself",
                  {{"points", static_cast<uint64_t>(config.fail_points.size())}});
    }
    if (of_storage.empty()) return nullptr;
    ASSIGN_OR_RETURN(auto points, StorageFailPoints::create(fs, config.data_dir, of_storage));
    return points;
}

// What /health/details shows of it.
rest::ScrubHealth scrub_health(const ScrubState& state) {
    rest::ScrubHealth health{
        .on = state.on, .last_pass_at = state.last_pass_at, .damaged_files = state.damaged_files};
    for (const Finding& finding : state.findings) {
        if (health.damage.size() == kDamageShown) break;
        const std::string offset =
            finding.offset ? "offset " + std::to_string(*finding.offset) + ": " : "";
        health.damage.push_back(finding.file + ": " + offset + finding.what);
    }
    return health;
}

}  // namespace

// In the order of construction; members go down in the reverse order.
struct Node::State {
    State(const config::ServerConfig& node_config, FileSystem& node_fs,
          std::unique_ptr<FileSystem> storage_fail_points, Clock& node_clock, Random& node_random,
          DataDirectory data_directory)
        : config(node_config),
          fail_points(std::move(storage_fail_points)),
          fs(node_fs),
          clock(node_clock),
          random(node_random),
          directory(std::move(data_directory)),
          disk(fs, clock, directory.path(), config.disk_reserve_bytes),
          memtables("memtables", config.memtable_bytes),
          bodies("request bodies", config.request_memory_bytes),
          answers("answers", config.answer_memory_bytes),
          engines(engine_options(config, disk), fs, clock, directory.spill_path()) {}

    Status open_storage(std::function<bool()> give_up);
    std::shared_ptr<tenancy::StorageAccounts> storage_accounts();
    // The root key, and the keys that are wrapped under it.
    Status open_keys();
    // So that a verification knows whether it has to be there.
    Status note_root_key_place(std::string_view place);
    Status open_audit();
    Status open_door();
    Status open_tls();
    net::HttpServerOptions http_server_options();
    Status replay();
    void finish_removals();
    Status hand_over_keys(const StartHooks& hooks);
    Status stop();

    const config::ServerConfig config;
    const std::unique_ptr<FileSystem> fail_points;  // `fs`, if there are any
    FileSystem& fs;
    Clock& clock;
    Random& random;
    DataDirectory directory;
    DiskReserve disk;
    metrics::Registry registry;
    MemoryBudget memtables;
    MemoryBudget bodies;
    MemoryBudget answers;
    std::unique_ptr<catalog::Catalog> catalog;
    std::unique_ptr<audit::AuditLog> audit_log;
    std::unique_ptr<audit::AuditTrail> audit_trail;
    std::vector<catalog::Tenant> tenants;
    catalog::Tenant default_tenant;
    std::unique_ptr<tenancy::Directory> tenancy;
    std::unique_ptr<tenancy::Tokens> tokens;
    tenancy::FirstMembers first_members;
    tenancy::Meters meters;
    tables::EngineHost engines;
    tables::OpenFiles open_files;
    std::unique_ptr<tables::Services> services;
    std::unique_ptr<tables::TableStore> store;
    std::unique_ptr<journal::Journal> journal;
    tables::RecoveryStats recovery;
    std::unique_ptr<Scrub> scrub;
    std::unique_ptr<tables::Queries> queries;
    std::unique_ptr<ThreadPool> workers;
    std::unique_ptr<ThreadPool> query_workers;
    std::unique_ptr<tenancy::Administration> administration;
    std::unique_ptr<tenancy::Logins> logins;
    std::unique_ptr<tenancy::Gate> gate;
    std::unique_ptr<rest::RestApi> api;
    std::unique_ptr<net::TlsServer> tls;
    std::unique_ptr<CertificateWatch> certificates;
    std::unique_ptr<net::HttpServer> http;
    std::vector<metrics::Callback> callbacks;
    std::atomic<bool> ready{false};
    bool stopped = false;
};

std::shared_ptr<tenancy::StorageAccounts> Node::State::storage_accounts() {
    return std::make_shared<tenancy::StorageAccounts>(
        [this](const TenantId& tenant) { return tenancy->limits(tenant); },
        [this](const TenantId& tenant, const tenancy::LimitField& limit) {
            meters.of(tenant)->count_refusal(limit);
        });
}

Status Node::State::open_keys() {
    ASSIGN_OR_RETURN(const auto platform, tenancy->view(TenantId()));
    const bool here = config.root_key.empty() && config.root_key_file.empty();
    const keys::RootKeySource source{
        .text = config.root_key,
        .path = here ? directory.root_key_path() : config.root_key_file,
        .may_create = platform->signing_keys().empty()};
    const auto open = [&]() -> Status {
        ASSIGN_OR_RETURN(const keys::LoadedRootKey root, keys::load_root_key(source, random));
        if (root.created) {
            log::warn("a root key was made: keep a copy of it, apart from the data's backups",
                      {{"file", source.path}});
        }
        ASSIGN_OR_RETURN(tokens, tenancy::Tokens::open(*tenancy, root.key.signing_wrapping_key(),
                                                       random, clock.wall_now()));
        return {};
    };
    const Status opened = open();
    if (!opened) return fail(here ? as_damage(opened.error()) : opened.error());
    return note_root_key_place(here ? kRootKeyHere : kRootKeyElsewhere);
}

Status Node::State::note_root_key_place(std::string_view place) {
    ASSIGN_OR_RETURN(const auto noted, catalog->setting(kRootKeyPlace));
    if (noted == place) return {};
    return catalog->put_setting(kRootKeyPlace, place);
}

Status Node::State::open_storage(std::function<bool()> give_up) {
    ASSIGN_OR_RETURN(catalog,
                     open_node_catalog(config, fs, clock, random, directory, std::move(give_up)));
    catalog_opened_point.reach();
    ASSIGN_OR_RETURN(const uint64_t stream, catalog->allocate_ids(catalog::IdKind::stream, 1));
    RETURN_IF_ERROR(check_catalog_age(fs, directory.journal_path(), StreamId{stream}));
    RETURN_IF_ERROR(open_audit());
    ASSIGN_OR_RETURN(default_tenant, own_default_tenant(config, *catalog, clock, random));
    RETURN_IF_ERROR(catalog->raise_epochs());
    epochs_raised_point.reach();
    ASSIGN_OR_RETURN(tenants, catalog->tenants());
    ASSIGN_OR_RETURN(tenancy, tenancy::Directory::open(*catalog, default_limits(config)));
    RETURN_IF_ERROR(open_keys());
    ASSIGN_OR_RETURN(first_members,
                     tenancy::find_first_members(*catalog, *tenancy, default_tenant.id, random,
                                                 clock.wall_now()));
    // NOLINTNEXTLINE(modernize-make-unique): members by name, and an atomic cannot be moved
    services.reset(new tables::Services{
        .fs = fs,
        .clock = clock,
        .catalog = *catalog,
        .engines = engines,
        .open_files = open_files,
        .memtables = memtables,
        .data_directory = directory.path(),
        .limits = table_limits(config),
        .admit_write = [this]() -> Status {
            RETURN_IF_ERROR(catalog->check_owned());
            return disk.admit();
        },
        .storage = storage_accounts(),
        .limits_of = [this](const TenantId& tenant) { return tenancy->limits(tenant); },
        .attachable = attachable(config, directory.path())});
    store = std::make_unique<tables::TableStore>(*services);
    auto recovered = store->open(tenants, directory.journal_path(), journal_options(config));
    if (!recovered) {
        return fail(with_way_out_of_journal(recovered.error(), directory.path()));
    }
    recovery = *recovered;
    checked_point.reach();
    journal::Options stream_options = journal_options(config);
    stream_options.hybrid_time_floor = recovery.last_hybrid_time;
    stream_options.retention = journal_retention(config, disk);
    ASSIGN_OR_RETURN(journal, journal::Journal::create(fs, clock, directory.journal_path(),
                                                       StreamId{stream}, stream_options));
    stream_created_point.reach();
    store->start(*journal);
    RETURN_IF_ERROR(
        prove_readiness({fs, clock, *catalog, *journal, engines, directory.probe_path()}));
    proved_point.reach();
    return {};
}

Status Node::State::open_tls() {
    if (!config.tls) return {};
    ASSIGN_OR_RETURN(tls, net::TlsServer::open(*config.tls));
    certificates = std::make_unique<CertificateWatch>(*tls, clock, config.tls_reload_interval);
    return {};
}

net::HttpServerOptions Node::State::http_server_options() {
    net::HttpServerOptions options = http_options(config);
    options.tls = tls.get();
    options.answer_error = [this](const net::FailedRequest& failed) {
        return api->answer_error(failed);
    };
    return options;
}

Status Node::State::open_audit() {
    auto opened = audit::AuditLog::open(fs, directory.audit_path(), random);
    if (!opened) return fail(with_way_out_of_audit(opened.error(), directory.path()));
    audit_log = *std::move(opened);
    audit_trail = std::make_unique<audit::AuditTrail>(
        audit::TrailOptions{}, audit::TrailServices{*audit_log, *catalog, disk, clock, random});
    // What the last run has left in the catalog is in the log before any request.
    RETURN_IF_ERROR(audit_trail->pass(/*sign_now=*/true));
    audit_trail->start();
    return {};
}

Status Node::State::open_door() {
    workers = std::make_unique<ThreadPool>(ThreadPoolOptions{
        .name = "worker", .threads = config.worker_threads, .queue_max = kWorkerQueueMax});
    query_workers = std::make_unique<ThreadPool>(ThreadPoolOptions{
        .name = "query", .threads = config.searches_max, .queue_max = kWorkerQueueMax});
    queries =
        std::make_unique<tables::Queries>(*store, config.searches_max * kRunningQueriesPerWorker);
    scrub = std::make_unique<Scrub>(
        ScrubOptions{.bytes_per_second = config.scrub_bytes_per_second,
                     .interval = config.scrub_interval},
        ScrubServices{fs, clock, *catalog, *journal, engines, open_files, directory.path(),
                      directory.journal_path(),
                      config.catalog_url.empty() ? std::string(kControlDb) : std::string()});
    gate = std::make_unique<tenancy::Gate>(
        tenancy::GateOptions{.development = config.dev, .default_tenant = default_tenant.id},
        *tenancy, *tokens, meters, clock);
    administration = std::make_unique<tenancy::Administration>(
        *tenancy, *tokens, clock, random,
        tenancy::AdministrationOptions{.default_tenant = default_tenant.id,
                                       .regions = config.regions});
    logins = std::make_unique<tenancy::Logins>(*tenancy, *tokens, clock, random);
    rest::RestOptions options{.body_bytes_max = config.body_bytes_max,
                              .data_roots = config.allowed_data_roots};
    options.cors = {.enabled = config.cors_enabled,
                    .origins = config.allowed_origins,
                    .allow_headers = config.cors_allow_headers};
    options.metrics_enabled = config.metrics_enabled;
    options.access_log = config.access_log;
    options.audit_changes = config.audit_changes;
    options.audit_reads = config.audit_reads;
    options.request_deadline =
        std::chrono::duration_cast<std::chrono::milliseconds>(config.request_timeout);
    api = std::make_unique<rest::RestApi>(
        std::move(options),
        rest::RestServices{.gate = *gate,
                           .administration = *administration,
                           .logins = *logins,
                           .meters = meters,
                           .audit = *audit_trail,
                           .tables = *store,
                           .queries = *queries,
                           .journal = *journal,
                           .workers = *workers,
                           .query_workers = *query_workers,
                           .bodies = bodies,
                           .answers = answers,
                           .disk = disk,
                           .registry = registry,
                           .random = random,
                           .ready =
                               [this] {
                                   return ready.load() && journal->health().has_value() &&
                                          audit_log->health().has_value() &&
                                          catalog->check_owned().has_value();
                               },
                           .scrub = [this] { return scrub_health(scrub->state()); }});
    http = std::make_unique<net::HttpServer>(http_server_options());
    callbacks = register_node_metrics(
        registry, {*store, *queries, *journal, *catalog, engines, open_files, memtables, bodies,
                   answers, disk, *scrub, meters, *audit_trail});
    add_connection_metrics(registry, *http, certificates.get(), callbacks);
    if (certificates) certificates->start();
    return http->start([this](net::Exchange& exchange) { return api->handle(exchange); });
}

// With the door open: a tenant is served as soon as its own records are in.
Status Node::State::replay() {
    if (const Status replayed = store->replay(); !replayed) {
        return fail(with_way_out_of_journal(replayed.error(), directory.path()));
    }
    recovered_point.reach();
    finish_removals();
    return {};
}

// Of tenants whose removal a stop has interrupted.
void Node::State::finish_removals() {
    for (const catalog::Tenant& tenant : tenants) {
        if (tenant.status != catalog::TenantStatus::removing) continue;
        Status removed = store->remove_tenant(tenant.id);
        if (removed) removed = administration->finish_removal(tenant.id);
        if (removed) continue;
        log::warn("the removal of a tenant is not finished; the next start goes on with it",
                  {{"tenant", tenant.slug}, {"error", removed.error().describe()}});
    }
}

// Last of all, when nothing can fail any more: keys whose hashes are stored and that nobody has
// seen would lock everybody out.
Status Node::State::hand_over_keys(const StartHooks& hooks) {
    const tenancy::FirstKeys& keys = first_members.keys;
    if (keys.administrator || keys.owner) hooks.show_keys(keys);
    RETURN_IF_ERROR(tenancy::store_first_members(*tenancy, first_members));
    // So that the first request finds it in memory.
    ASSIGN_OR_RETURN([[maybe_unused]] const auto view, tenancy->view(default_tenant.id));
    return {};
}

Status Node::State::stop() {
    if (stopped) return {};
    stopped = true;
    ready = false;
    if (scrub) scrub->stop();
    const Deadline deadline = Deadline::after(config.stop_timeout);
    if (http) {
        if (const size_t cut = http->stop(deadline); cut > 0) {
            log::warn("requests cut off at the stop", {{"requests", cut}});
        }
    }
    callbacks.clear();
    if (certificates) certificates->stop();
    if (workers) workers->stop();
    if (query_workers) query_workers->stop();
    drained_point.reach();
    Status status;
    if (store) status = store->stop(journal != nullptr);
    flushed_point.reach();
    if (journal) {
        const Status closed = journal->close();
        if (status) status = closed;
        journal_closed_point.reach();
    }
    http.reset();
    api.reset();
    queries.reset();
    store.reset();
    journal.reset();
    if (audit_trail) {
        const Status brought = audit_trail->stop();
        // What the catalog keeps while it is away, the next start brings in.
        if (!brought && brought.error().code() == Code::unavailable) {
            log::warn(
                "the audit log is not up to date at the stop; the catalog keeps what it lacks",
                {{"error", brought.error().describe()}});
        } else if (status) {
            status = brought;
        }
    }
    if (catalog) {
        const Status closed = catalog->close();
        if (status) status = closed;
    }
    return status;
}

Node::Node(std::unique_ptr<State> state) : state_(std::move(state)) {}

Node::~Node() {
    if (const Status stopped = state_->stop(); !stopped) {
        log::error("the node did not stop cleanly", {{"error", stopped.error().describe()}});
    }
}

Result<std::unique_ptr<Node>> Node::start(const config::ServerConfig& config, FileSystem& fs,
                                          Clock& clock, Random& random, const StartHooks& hooks) {
    ASSIGN_OR_RETURN(auto fail_points, arm_fail_points(config, fs));
    FileSystem& storage = fail_points ? *fail_points : fs;
    ASSIGN_OR_RETURN(DataDirectory directory, DataDirectory::open(storage, config.data_dir));
    auto node = std::unique_ptr<Node>(new Node(std::make_unique<State>(
        config, storage, std::move(fail_points), clock, random, std::move(directory))));
    RETURN_IF_ERROR(node->state_->open_tls());
    if (const Status opened = node->state_->open_storage(hooks.give_up); !opened) {
        return fail(with_way_out(opened.error(), config.data_dir));
    }
    RETURN_IF_ERROR(node->state_->open_door());
    RETURN_IF_ERROR(node->state_->replay());
    RETURN_IF_ERROR(node->state_->hand_over_keys(hooks));
    node->state_->ready = true;
    node->state_->scrub->start();
    return node;
}

const std::vector<uint16_t>& Node::ports() const { return state_->http->ports(); }

std::string Node::recovery_summary() const {
    const tables::RecoveryStats& stats = state_->recovery;
    return std::to_string(stats.sources) + " sources, " + std::to_string(stats.records) +
           " journal records (" + std::to_string(stats.journal_bytes) + " bytes) replayed";
}

Status Node::stop() { return state_->stop(); }

}  // namespace insula::server
