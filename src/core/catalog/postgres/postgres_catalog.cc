#include "core/catalog/postgres/postgres_catalog.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/catalog/postgres/directory_queries.h"
#include "core/catalog/postgres/migrations.h"
#include "core/catalog/postgres/source_queries.h"
#include "core/catalog/postgres/stored_text.h"
#include "core/catalog/refusals.h"
#include "platform/runtime/log.h"

namespace insula::catalog {
namespace {

using postgres::Failure;
using postgres::Parameters;
using postgres::Query;
using postgres::Recovery;
using postgres::Rows;
using postgres::Statement;
using std::chrono::milliseconds;

// Most allocations cost no transaction. What a stop leaves of a block is never given out.
constexpr uint64_t kIdBlock = 64;
constexpr milliseconds kStartPause{250};
constexpr std::chrono::seconds kTellEvery{5};
constexpr std::chrono::hours kForgetKeysEvery{1};
constexpr size_t kSchemaNameBytesMax = 63;  // NAMEDATALEN - 1

constexpr Statement kSelectGarbage{
    .name = "select_garbage",
    .sql =
        "SELECT file_id, tenant, incarnation, epoch, generation, part, since FROM garbage"
        " ORDER BY file_id"};
// Key and answer are stored in the same step: where the key is there, nothing is raised.
constexpr Statement kRaiseEpoch{
    .name = "raise_epoch",
    .sql =
        "WITH raised AS (UPDATE tenants SET epoch = epoch + 1 WHERE tenant = $2 RETURNING epoch)"
        " INSERT INTO commands (command, answer) SELECT $1, epoch FROM raised RETURNING answer"};
constexpr Statement kRaiseEpochs{.name = "raise_epochs",
                                 .sql = "UPDATE tenants SET epoch = epoch + 1"};
constexpr Statement kForgetGarbage{.name = "forget_garbage",
                                   .sql = "DELETE FROM garbage WHERE file_id = ANY ($1)"};
// The first id is 1.
constexpr Statement kReserveIds{
    .name = "reserve_ids",
    .sql =
        "INSERT INTO counters AS c (kind, next) VALUES ($1, 1 + $2)"
        " ON CONFLICT (kind) DO UPDATE SET next = c.next + $2 RETURNING next - $2"};
constexpr Statement kSelectSetting{.name = "select_setting",
                                   .sql = "SELECT value FROM settings WHERE key = $1"};
constexpr Statement kPutSetting{.name = "put_setting",
                                .sql =
                                    "INSERT INTO settings (key, value) VALUES ($1, $2)"
                                    " ON CONFLICT (key) DO UPDATE SET value = excluded.value"};

constexpr Statement kSelectNodes{.name = "select_nodes", .sql = "SELECT node FROM nodes"};
constexpr Statement kFindIncarnation{.name = "find_incarnation",
                                     .sql = "SELECT incarnation FROM nodes WHERE node = $1"};
// Whoever holds the row, for the changes of an earlier incarnation, is waited for.
constexpr Statement kOwnNode{
    .name = "own_node",
    .sql =
        "WITH owned AS (INSERT INTO nodes AS n (node, incarnation) VALUES ($2, 1)"
        " ON CONFLICT (node) DO UPDATE SET incarnation = n.incarnation + 1 RETURNING incarnation)"
        " INSERT INTO commands (command, answer) SELECT $1, incarnation FROM owned"
        " RETURNING answer"};
// Holds the row until the change is done.
constexpr Statement kRequireIncarnation{
    .name = "require_incarnation",
    .sql =
        "WITH held AS (SELECT incarnation FROM nodes WHERE node = $1 FOR SHARE)"
        " SELECT catalog_require((SELECT incarnation FROM held) = $2, 'node_fenced')"};

constexpr Statement kCompareIncarnation{
    .name = "compare_incarnation",
    .sql =
        "SELECT catalog_require((SELECT incarnation FROM nodes WHERE node = $1) = $2,"
        " 'node_fenced')"};

Error unreachable(const postgres::Target& target, const Failure& failure) {
    // What is wrong with the server itself is said by the error's own words.
    const Error& error = failure.error;
    if (error.code() == Code::failed_precondition) return error;
    return Error(Code::unavailable, "catalog_unreachable",
                 fmt::format("The catalog's PostgreSQL server ({}) cannot be used.", target.name()))
        .with_detail(error.detail())
        .with_hint(
            "Check that it runs, and the connection URL (catalog.url, INSULA_CATALOG_URL); "
            "catalog.start_timeout says how long a start waits for it.");
}

postgres::ConnectionOptions connection_options(const PostgresCatalogOptions& options) {
    return {.application_name = "insula catalog",
            .search_path = "\"" + options.schema + "\"",
            .connect_timeout = options.connect_timeout,
            .statement_timeout = options.command_timeout};
}

void warn_of_weak_settings(postgres::Connection& connection, const std::string& server) {
    if (!connection.is_private()) {
        log::warn(
            "the connection to the catalog's server is not encrypted; add sslmode=verify-full",
            {{"server", server}});
    }
    const Query settings{{.name = "",
                          .sql = "SELECT current_setting('fsync') = 'on',"
                                 " current_setting('full_page_writes') = 'on'"}};
    const auto rows = connection.transact(postgres::Access::read, {&settings, 1},
                                          Deadline::after(std::chrono::seconds(10)));
    if (!rows) return;  // the next command meets the same trouble, and reports it
    if (!rows->front().boolean(0, 0) || !rows->front().boolean(0, 1)) {
        log::warn(
            "the catalog's server runs with fsync or full_page_writes off: a power cut may "
            "lose what was acknowledged",
            {{"server", server}});
    }
}

}  // namespace

Status check_schema_name(std::string_view name) {
    const auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    };
    const bool begins = !name.empty() && ((name[0] >= 'a' && name[0] <= 'z') || name[0] == '_');
    if (begins && name.size() <= kSchemaNameBytesMax && std::ranges::all_of(name, allowed) &&
        !name.starts_with("pg_")) {
        return {};
    }
    return fail(invalid_argument("invalid_schema_name",
                                 "The name of the catalog's schema has 1 to 63 small letters, "
                                 "digits and _, and begins with a letter or _, but not with pg_."));
}

PostgresCatalog::PostgresCatalog(postgres::Target target, const PostgresCatalogOptions& options,
                                 Clock& clock, Random& random)
    : clock_(clock),
      planted_(options.planted),
      start_timeout_(options.start_timeout),
      give_up_(options.give_up),
      pool_(std::move(target), connection_options(options),
            {.connections_max = options.connections_max, .patience = options.command_timeout}),
      transactor_(pool_, random, queries::refusal_of,
                  {.command_timeout = options.command_timeout, .planted = options.planted}) {}

PostgresCatalog::~PostgresCatalog() = default;

Result<std::unique_ptr<PostgresCatalog>> PostgresCatalog::open(
    const PostgresCatalogOptions& options, Clock& clock, Random& random) {
    RETURN_IF_ERROR(check_schema_name(options.schema));
    ASSIGN_OR_RETURN(auto target, postgres::Target::parse(options.url));
    auto catalog = std::unique_ptr<PostgresCatalog>(
        new PostgresCatalog(std::move(target), options, clock, random));
    RETURN_IF_ERROR(catalog->wait_and_migrate(options));
    if (options.as_it_is) return catalog;
    RETURN_IF_ERROR(catalog->transactor_.forget_old_keys());
    catalog->keys_forgotten_at_ = clock.steady_now();
    return catalog;
}

Status PostgresCatalog::wait_and_migrate(const PostgresCatalogOptions& options) {
    const Deadline deadline = Deadline::after(options.start_timeout);
    auto tell_at = std::chrono::steady_clock::now();
    for (;;) {
        auto lease = pool_.acquire_once(
            Deadline::after(std::max<std::chrono::nanoseconds>(deadline.left(), kStartPause)));
        Failure failure{.error = internal_error("")};
        if (lease) {
            auto migrated = options.as_it_is
                                ? postgres_schema::require_current(**lease, options.schema)
                                : postgres_schema::migrate(**lease, options.schema,
                                                           postgres_schema::migrations(),
                                                           clock_.wall_now(), planted_);
            if (migrated) {
                warn_of_weak_settings(**lease, pool_.target().name());
                return {};
            }
            failure = std::move(migrated).error();
        } else {
            failure = std::move(lease).error();
        }
        const Error error = unreachable(pool_.target(), failure);
        if (failure.recovery == Recovery::none || options.as_it_is || options.give_up()) {
            return fail(error);
        }
        if (std::chrono::steady_clock::now() >= tell_at) {
            log::warn("waiting for the catalog's PostgreSQL server",
                      {{"server", pool_.target().name()},
                       {"error", failure.error.describe()},
                       {"seconds_left", std::chrono::duration<double>(deadline.left()).count()}});
            tell_at = std::chrono::steady_clock::now() + kTellEvery;
        }
        if (!pool_.pause(kStartPause, deadline)) return fail(error);
    }
}

Result<Rows> PostgresCatalog::select(const Query& query) {
    RETURN_IF_ERROR(check_open());
    ASSIGN_OR_RETURN(auto rows, transactor_.read({&query, 1}));
    return std::move(rows.front());
}

Status PostgresCatalog::check_open() const {
    if (closed_) return fail(catalog_closed());
    return {};
}

Result<std::optional<uint64_t>> PostgresCatalog::change(const Transactor::Change& make) {
    RETURN_IF_ERROR(check_open());
    forget_old_keys_now_and_then();
    auto done = transactor_.change(make);
    if (!done && done.error().reason() == kNodeFencedReason) note_fenced();
    return done;
}

Status PostgresCatalog::change_silently(const Transactor::Change& make) {
    const auto done = change(make);
    if (!done) return fail(done.error());
    return {};
}

Result<std::optional<NodeName>> PostgresCatalog::owner() {
    RETURN_IF_ERROR(check_open());
    const Query select{kSelectNodes};
    ASSIGN_OR_RETURN(const auto rows, transactor_.read({&select, 1}));
    if (rows[0].count() == 0) return std::nullopt;
    return NodeName{rows[0].uuid(0, 0)};
}

Result<uint64_t> PostgresCatalog::raise_incarnation(const NodeName& node) {
    const Deadline deadline = Deadline::after(start_timeout_);
    for (;;) {
        const auto raised = transactor_.change([&](const CommandKey& key) -> std::vector<Query> {
            return {{kOwnNode, std::move(Parameters().uuid(key).uuid(node.bytes))}};
        });
        if (raised) return raised->value();
        // What was begun before may take longer than a command waits. A try in doubt comes first.
        if (raised.error().code() != Code::unavailable || give_up_() ||
            !pool_.pause(kStartPause, deadline)) {
            return fail(raised.error());
        }
    }
}

Status PostgresCatalog::own(const NodeName& node) {
    RETURN_IF_ERROR(check_open());
    ASSIGN_OR_RETURN(incarnation_, raise_incarnation(node));
    find_incarnation_ = {kFindIncarnation, std::move(Parameters().uuid(node.bytes))};
    if (planted_ == PlantedFault::ignore_node) return {};
    transactor_.require_in_changes(
        {planted_ == PlantedFault::node_without_lock ? kCompareIncarnation : kRequireIncarnation,
         std::move(Parameters().uuid(node.bytes).uint64(incarnation_))});
    return {};
}

Status PostgresCatalog::check_owned() const {
    if (fenced_) return fail(node_fenced());
    return {};
}

void PostgresCatalog::note_fenced() {
    if (fenced_.exchange(true)) return;
    log::error(
        "another server has taken over this node's catalog; this one takes no writes any longer",
        {{"database", pool_.target().name()}, {"incarnation", incarnation_}});
}

void PostgresCatalog::forget_old_keys_now_and_then() {
    SteadyTime last = keys_forgotten_at_;
    const SteadyTime now = clock_.steady_now();
    if (now - last < kForgetKeysEvery || !keys_forgotten_at_.compare_exchange_strong(last, now)) {
        return;
    }
    if (const Status forgotten = transactor_.forget_old_keys(); !forgotten) {
        log::warn("old keys of commands not forgotten", {{"error", forgotten.error().describe()}});
    }
}

Result<std::vector<Tenant>> PostgresCatalog::tenants() {
    ASSIGN_OR_RETURN(const Rows rows, select(queries::select_tenants()));
    return queries::tenants_of(rows);
}

Result<std::vector<DirectoryEntry>> PostgresCatalog::directory(const TenantId& tenant) {
    ASSIGN_OR_RETURN(const Rows rows, select(queries::select_directory(tenant)));
    return queries::entries_of(rows);
}

Result<std::optional<DirectoryEntry>> PostgresCatalog::find_entry(std::string_view lookup) {
    ASSIGN_OR_RETURN(const Rows rows, select(queries::select_entry(lookup)));
    ASSIGN_OR_RETURN(auto entries, queries::entries_of(rows));
    if (entries.empty()) return std::nullopt;
    return std::move(entries.front());
}

Result<std::vector<AuditRecord>> PostgresCatalog::audit_records(size_t count) {
    ASSIGN_OR_RETURN(const Rows rows, select(queries::select_audit_records(count)));
    return queries::audit_records_of(rows);
}

Result<std::vector<Source>> PostgresCatalog::sources(const TenantId& tenant) {
    RETURN_IF_ERROR(check_open());
    ASSIGN_OR_RETURN(const auto rows, transactor_.read(queries::select_sources(tenant)));
    return queries::sources_of(tenant, rows);
}

Result<std::vector<IdempotencyEntry>> PostgresCatalog::idempotency(SourceIncarnation incarnation,
                                                                   WallNanos now) {
    RETURN_IF_ERROR(check_open());
    const Query select = queries::select_idempotency(incarnation, now);
    ASSIGN_OR_RETURN(const auto rows, transactor_.read({&select, 1}));
    return queries::idempotency_of(rows[0]);
}

Result<std::vector<GarbageFile>> PostgresCatalog::garbage() {
    RETURN_IF_ERROR(check_open());
    std::vector<Query> select{{kSelectGarbage}};
    // What is asked for again and again tells soonest that the node is another process's by now.
    if (find_incarnation_) select.push_back(*find_incarnation_);
    ASSIGN_OR_RETURN(const auto rows, transactor_.read(select));
    if (find_incarnation_ && (rows[1].count() == 0 || rows[1].uint64(0, 0) != incarnation_)) {
        note_fenced();
    }
    std::vector<GarbageFile> garbage;
    for (int row = 0; row < rows[0].count(); ++row) {
        const DataFile file{.id = FileId{rows[0].uint64(row, 0)},
                            .epoch = Epoch{rows[0].uint64(row, 3)},
                            .generation = Generation{rows[0].uint64(row, 4)},
                            .part = static_cast<uint32_t>(rows[0].uint64(row, 5))};
        const SourceIncarnation incarnation{rows[0].uint64(row, 2)};
        garbage.push_back({.id = file.id,
                           .path = file_path(TenantId{rows[0].uuid(row, 1)}, incarnation, file),
                           .since = rows[0].int64(row, 6)});
    }
    return garbage;
}

Result<uint64_t> PostgresCatalog::change_directory(const ChangeDirectory& command) {
    RETURN_IF_ERROR(check(command));
    ASSIGN_OR_RETURN(const auto revision, change([&](const CommandKey& key) {
                         return queries::change_directory(key, command);
                     }));
    if (!revision) return fail(internal_error("a change of the directory gave no revision"));
    return *revision;
}

Result<Epoch> PostgresCatalog::raise_epoch(const RaiseEpoch& command) {
    ASSIGN_OR_RETURN(
        const auto epoch, change([&](const CommandKey& key) -> std::vector<Query> {
            return {{kRaiseEpoch, std::move(Parameters().uuid(key).uuid(command.tenant.bytes))}};
        }));
    if (!epoch) return fail(tenant_unknown());
    return Epoch{*epoch};
}

Status PostgresCatalog::raise_epochs() {
    return change_silently([](const CommandKey& key) -> std::vector<Query> {
        return {Transactor::insert_key(key), {kRaiseEpochs, {}}};
    });
}

Status PostgresCatalog::forget_audit_records(const std::vector<uint64_t>& numbers) {
    RETURN_IF_ERROR(check_open());
    const Query forget = queries::delete_audit_records(numbers);
    RETURN_IF_ERROR(transactor_.write_repeatably({&forget, 1}));
    return {};
}

Status PostgresCatalog::add_source(const AddSource& command) {
    RETURN_IF_ERROR(check(command));
    return change_silently([&](const CommandKey& key) {
        std::vector<Query> all{Transactor::insert_key(key),
                               queries::require_tenant(command.source.tenant)};
        std::ranges::move(queries::insert_source(command.source), std::back_inserter(all));
        if (!command.audit.empty()) all.push_back(queries::insert_audit_records(command.audit));
        return all;
    });
}

Status PostgresCatalog::remove_source(const RemoveSource& command) {
    const WallNanos now = clock_.wall_now();
    return change_silently([&](const CommandKey& key) {
        std::vector<Query> all{Transactor::insert_key(key)};
        std::ranges::move(queries::delete_source(command, now), std::back_inserter(all));
        if (!command.audit.empty()) all.push_back(queries::insert_audit_records(command.audit));
        return all;
    });
}

Status PostgresCatalog::commit_files(const CommitFiles& command) {
    RETURN_IF_ERROR(check(command));
    return change_silently([&](const CommandKey& key) {
        std::vector<Query> all{Transactor::insert_key(key)};
        if (planted_ != PlantedFault::epoch_without_lock) {
            all.push_back(queries::lock_tenant(command.tenant));
        }
        all.push_back(queries::raise_progress(command));
        if (planted_ != PlantedFault::ignore_epoch) {
            all.push_back(queries::require_epoch(command.tenant, command.epoch));
        }
        if (!command.remove.empty()) all.push_back(queries::move_files_to_garbage(command));
        if (!command.add.empty()) {
            std::ranges::move(queries::insert_files(command.incarnation, command.add),
                              std::back_inserter(all));
        }
        if (!command.columns.empty()) {
            all.push_back(queries::upsert_columns(command.incarnation, command.columns));
        }
        std::ranges::move(queries::store_idempotency(command), std::back_inserter(all));
        if (!command.audit.empty()) all.push_back(queries::insert_audit_records(command.audit));
        return all;
    });
}

Status PostgresCatalog::forget_garbage(const std::vector<FileId>& files) {
    RETURN_IF_ERROR(check_open());
    std::vector<int64_t> ids;
    ids.reserve(files.size());
    for (const FileId file : files) ids.push_back(static_cast<int64_t>(file.value));
    const Query forget{kForgetGarbage, std::move(Parameters().int64s(ids))};
    RETURN_IF_ERROR(transactor_.write_repeatably({&forget, 1}));
    return {};
}

Result<uint64_t> PostgresCatalog::allocate_ids(IdKind kind, uint64_t count) {
    RETURN_IF_ERROR(check_open());
    RETURN_IF_ERROR(check_id_count(count));
    const std::lock_guard lock(ids_);
    // A later stream has a higher id than any that another node began before: no block of them is
    // kept.
    if (kind == IdKind::stream) return reserve_ids(kind, count);
    IdBlock& block = blocks_[kind];
    if (block.end - block.next < count) {
        const uint64_t wanted = std::max(count, kIdBlock);
        ASSIGN_OR_RETURN(const uint64_t first, reserve_ids(kind, wanted));
        block = {.next = first, .end = first + wanted};
    }
    const uint64_t first = block.next;
    block.next += count;
    return first;
}

// One that was carried out without our hearing of it leaves a gap.
Result<uint64_t> PostgresCatalog::reserve_ids(IdKind kind, uint64_t count) {
    const Query reserve{kReserveIds,
                        std::move(Parameters().uint64(static_cast<uint8_t>(kind)).uint64(count))};
    ASSIGN_OR_RETURN(const auto rows, transactor_.write_repeatably({&reserve, 1}));
    return rows[0].uint64(0, 0);
}

Result<std::optional<std::string>> PostgresCatalog::setting(std::string_view key) {
    RETURN_IF_ERROR(check_open());
    const Query select{kSelectSetting, std::move(Parameters().text(to_stored_text(key)))};
    ASSIGN_OR_RETURN(const auto rows, transactor_.read({&select, 1}));
    if (rows[0].count() == 0) return std::nullopt;
    return std::string(as_text(rows[0].bytea(0, 0)));
}

Status PostgresCatalog::put_setting(std::string_view key, std::string_view value) {
    RETURN_IF_ERROR(check_setting(key, value));
    return change_silently([&](const CommandKey& command) -> std::vector<Query> {
        return {Transactor::insert_key(command),
                {kPutSetting,
                 std::move(Parameters().text(to_stored_text(key)).bytea(as_bytes(value)))}};
    });
}

CatalogHealth PostgresCatalog::health() const {
    const postgres::PoolState pool = pool_.state();
    return {.reachable = pool.reachable,
            .connections = pool.connections,
            .repeats = transactor_.repeats(),
            .unknown_outcomes = transactor_.unknown_outcomes()};
}

Status PostgresCatalog::close() {
    closed_ = true;
    pool_.close();
    return {};
}

}  // namespace insula::catalog
