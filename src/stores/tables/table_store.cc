#include "stores/tables/table_store.h"

#include <algorithm>
#include <unordered_set>

#include "base/check.h"
#include "core/tenancy/planted_fault.h"
#include "platform/json/utf8.h"
#include "platform/runtime/fail_point.h"
#include "platform/runtime/log.h"
#include "platform/runtime/timed_lock.h"

namespace insula::tables {

namespace {

constexpr std::chrono::milliseconds kTick{1000};
constexpr size_t kAdditionsInDoubtMax = 1000;
constexpr std::chrono::milliseconds kRetryAfterFailure{5000};
// So many sources cannot be flushed: it is the disk, or the catalog.
constexpr size_t kFlushFailuresMax = 16;
// Longer than any query may run: a query that pinned a file may still open it.
constexpr WallNanos kGarbageGrace = 15LL * 60 * 1'000'000'000;

FailPoint source_added("tables.add_source.committed");
FailPoint source_removed("tables.remove_source.committed");
FailPoint release_decided("tables.release.decided");
FailPoint segments_released("tables.release.segments_released");  // older streams are there still
FailPoint streams_removed("tables.release.streams_removed");
FailPoint garbage_deleted("tables.garbage.deleted");  // the catalog still lists it

Error no_such_source(std::string_view source_id) {
    return not_found("source_not_found", "There is no source \"" + std::string(source_id) + "\".")
        .with_hint("GET /sources lists them; a write creates one.");
}

Status check_source_id(std::string_view id) {
    const bool printable =
        std::ranges::all_of(id, [](unsigned char c) { return c >= 0x20 && c != 0x7f; });
    if (!id.empty() && id.size() <= kSourceNameBytesMax && printable && json::valid_utf8(id)) {
        return {};
    }
    return fail(invalid_argument("invalid_source_id",
                                 "A source id has 1 to " + std::to_string(kSourceNameBytesMax) +
                                     " bytes of UTF-8 and no control characters."));
}

Result<std::vector<catalog::Column>> declared_columns(const AddSourceRequest& request) {
    Schema schema;
    for (const auto& [name, type] : request.schema) {
        std::vector<std::string> path;
        for (size_t from = 0; from <= name.size();) {
            const size_t dot = std::min(name.find('.', from), name.size());
            path.push_back(name.substr(from, dot - from));
            from = dot + 1;
        }
        const std::string key = path.back();
        path.pop_back();
        const bool whole = std::ranges::none_of(path, &std::string::empty);
        if (!whole || schema.add(path, key, type, true) == Schema::kNone) {
            return fail(
                invalid_argument("invalid_column", "Column \"" + name + "\" cannot be declared.")
                    .with_hint("Names are unique, do not begin with '_', have at most " +
                               std::to_string(kColumnNameBytesMax) + " bytes and " +
                               std::to_string(kNestingMax) +
                               " levels; a column cannot stand below another."));
        }
    }
    return schema.columns();
}

}  // namespace

TableStore::~TableStore() {
    INSULA_CHECK(!thread_.joinable(), "a table store is stopped before it is destroyed");
}

Result<std::shared_ptr<Source>> TableStore::add_source(const TenantId& tenant,
                                                       const AddSourceRequest& request,
                                                       Deadline deadline,
                                                       const CancelToken& cancel) {
    RETURN_IF_ERROR(check_source_id(request.source_id));
    RETURN_IF_ERROR(services_.admit_write());
    catalog::Source stored{.tenant = tenant,
                           .source_id = request.source_id,
                           .options = request.options,
                           .created_at = services_.clock.wall_now()};
    ASSIGN_OR_RETURN(stored.columns, declared_columns(request));
    ASSIGN_OR_RETURN(auto changing, lock_until(changes_, deadline));
    ASSIGN_OR_RETURN(const Epoch epoch, check_new(tenant, request.source_id));
    ASSIGN_OR_RETURN(const uint64_t incarnation,
                     services_.catalog.allocate_ids(catalog::IdKind::source_incarnation, 1));
    stored.incarnation = SourceIncarnation{incarnation};
    ASSIGN_OR_RETURN(auto presence, services_.storage->of(tenant)->reserve({.sources = 1}));
    if (!request.options.connection_string.empty()) {
        changing.unlock();
        return attach_source({stored, epoch, request.audit}, std::move(presence), deadline, cancel);
    }
    RETURN_IF_ERROR(add_to_catalog({stored, epoch, request.audit}));
    source_added.reach();
    auto source = std::make_shared<Source>(services_, stored, epoch, std::move(presence));
    insert(source);
    return source;
}

Result<Epoch> TableStore::check_new(const TenantId& tenant, const std::string& source_id) const {
    const std::shared_lock lock(mutex_);
    const auto state = tenants_.find(tenant);
    if (state == tenants_.end()) return fail(no_such_source(source_id));
    if (state->second.sources.contains(source_id)) {
        return fail(Error(Code::already_exists, "source_exists",
                          "There is a source \"" + source_id + "\" already."));
    }
    if (state->second.sources.size() >= services_.limits.sources_max) {
        return fail(Error(Code::failed_precondition, "source_limit_reached",
                          "The tenant has as many sources as it may have (" +
                              std::to_string(services_.limits.sources_max) + ").")
                        .with_hint("Delete sources that are not needed any more."));
    }
    return state->second.epoch;
}

// Reading may take long, so others may add and remove sources meanwhile; the source comes to be
// when all is read.
Result<std::shared_ptr<Source>> TableStore::attach_source(const Addition& addition,
                                                          tenancy::StorageGrant presence,
                                                          Deadline deadline,
                                                          const CancelToken& cancel) {
    const catalog::Source& stored = addition.stored;
    auto source = std::make_shared<Source>(services_, stored, addition.epoch, std::move(presence));
    std::unique_lock<std::timed_mutex> changing;
    bool added = false;
    const auto add = [&]() -> Status {
        ASSIGN_OR_RETURN(changing, lock_until(changes_, deadline));
        ASSIGN_OR_RETURN([[maybe_unused]] const Epoch checked,
                         check_new(stored.tenant, stored.source_id));
        RETURN_IF_ERROR(add_to_catalog(addition));
        added = true;
        return {};
    };
    if (const Status attached = source->attach(add, deadline, cancel); !attached) {
        if (!added) return fail(attached.error());
        // Its files were not committed. Left in the catalog, it would read them at the next start.
        if (const Status removed =
                services_.catalog.remove_source({stored.tenant, stored.incarnation, {}});
            !removed) {
            log::error("a source whose attachment failed is there after the next start",
                       {{"source", stored.source_id}, {"error", removed.error().describe()}});
        }
        return fail(attached.error());
    }
    insert(source);
    return source;
}

void TableStore::insert(const std::shared_ptr<Source>& source) {
    const std::unique_lock lock(mutex_);
    tenants_[source->tenant()].sources.emplace(source->id(), source);
    by_incarnation_.emplace(source->incarnation(), source);
}

Status TableStore::add_to_catalog(const Addition& addition) {
    const catalog::Source& stored = addition.stored;
    const Status added = services_.catalog.add_source({stored, addition.audit});
    if (added) return added;
    if (added.error().reason() == catalog::kOutcomeUnknownReason) doubt_addition(addition);
    if (added.error().reason() != "source_exists") return added;
    // The catalog has it, and memory has not: it was added, and the answer lost.
    ASSIGN_OR_RETURN(const auto sources, services_.catalog.sources(stored.tenant));
    const auto found = std::ranges::find(sources, stored.source_id, &catalog::Source::source_id);
    if (found != sources.end()) {
        insert(std::make_shared<Source>(services_, *found, addition.epoch));
    }
    return added;
}

void TableStore::doubt_addition(const Addition& addition) {
    const catalog::Source& stored = addition.stored;
    // One of a name is enough: whichever was carried out is found by it.
    std::erase_if(additions_in_doubt_, [&](const Addition& doubt) {
        return doubt.stored.tenant == stored.tenant && doubt.stored.source_id == stored.source_id;
    });
    if (additions_in_doubt_.size() == kAdditionsInDoubtMax) {
        additions_in_doubt_.erase(additions_in_doubt_.begin());
    }
    additions_in_doubt_.push_back(addition);
}

void TableStore::settle_additions() {
    const std::lock_guard changing(changes_);
    for (const Addition& doubt : std::exchange(additions_in_doubt_, {})) {
        if (find(doubt.stored.tenant, doubt.stored.source_id)) continue;
        const Status added = add_to_catalog(doubt);
        if (added) {
            insert(std::make_shared<Source>(services_, doubt.stored, doubt.epoch));
        } else if (added.error().code() == Code::unavailable) {
            doubt_addition(doubt);
        }
    }
}

Status TableStore::remove_source(const TenantId& tenant, std::string_view source_id,
                                 Deadline deadline,
                                 const std::vector<catalog::AuditRecord>& audit) {
    ASSIGN_OR_RETURN(const auto changing, lock_until(changes_, deadline));
    ASSIGN_OR_RETURN(const auto source, find(tenant, source_id));
    return source->remove([&]() -> Status {
        const Status removed =
            services_.catalog.remove_source({tenant, source->incarnation(), audit});
        // An earlier try whose answer was lost may have removed it.
        if (!removed && removed.error().reason() != "source_removed") return removed;
        source_removed.reach();
        const std::unique_lock lock(mutex_);
        tenants_[tenant].sources.erase(std::string(source_id));
        by_incarnation_.erase(source->incarnation());
        return {};
    });
}

Result<std::shared_ptr<Source>> TableStore::find(const TenantId& tenant,
                                                 std::string_view source_id) const {
    const std::shared_lock lock(mutex_);
    const auto state = tenants_.find(tenant);
    if (state == tenants_.end()) return fail(no_such_source(source_id));
    const auto source = state->second.sources.find(std::string(source_id));
    if (source == state->second.sources.end()) return fail(no_such_source(source_id));
    return source->second;
}

Result<std::shared_ptr<Source>> TableStore::find_or_create(
    const TenantId& tenant, std::string_view source_id, Deadline deadline,
    const std::vector<catalog::AuditRecord>& audit) {
    auto source = find(tenant, source_id);
    if (source || !services_.limits.create_sources) return source;
    AddSourceRequest request{.source_id = std::string(source_id)};
    request.audit = audit;
    auto added = add_source(tenant, request, deadline);
    // Another write may have created it in between.
    if (!added && added.error().code() == Code::already_exists) return find(tenant, source_id);
    return added;
}

std::vector<std::shared_ptr<Source>> TableStore::list(const TenantId& tenant) const {
    std::vector<std::shared_ptr<Source>> sources;
    {
        const std::shared_lock lock(mutex_);
        const auto state = tenants_.find(tenant);
        if (state == tenants_.end()) return sources;
        for (const auto& [id, source] : state->second.sources) sources.push_back(source);
    }
    std::ranges::sort(sources, {},
                      [](const auto& source) { return std::string_view(source->id()); });
    return sources;
}

Result<std::vector<std::shared_ptr<Source>>> TableStore::list_permitted(
    const tenancy::RequestContext& context) const {
    // Whoever may do it to every source is asked once.
    const Status everything = context.authorise(context.action, "source/*");
    std::vector<std::shared_ptr<Source>> sources = list(context.tenant);
    if (tenancy::is_planted(tenancy::PlantedFault::listing_is_not_asked)) return sources;
    std::erase_if(sources, [&](const auto& source) {
        return !context.authorise(context.action, "source/" + source->id()).has_value();
    });
    if (sources.empty() && !everything) return fail(everything.error());
    return sources;
}

void TableStore::add_tenant(const catalog::Tenant& tenant) {
    const std::unique_lock lock(mutex_);
    tenants_.try_emplace(tenant.id, TenantState{.epoch = tenant.epoch, .sources = {}});
}

Status TableStore::remove_tenant(const TenantId& tenant, Deadline deadline) {
    for (const auto& source : list(tenant)) {
        const Status removed = remove_source(tenant, source->id(), deadline);
        if (!removed && removed.error().code() != Code::not_found) return removed;
    }
    services_.storage->forget(tenant);
    const std::unique_lock lock(mutex_);
    tenants_.erase(tenant);
    return {};
}

std::vector<std::shared_ptr<Source>> TableStore::all_sources() const {
    std::vector<std::shared_ptr<Source>> sources;
    const std::shared_lock lock(mutex_);
    sources.reserve(by_incarnation_.size());
    for (const auto& [incarnation, source] : by_incarnation_) sources.push_back(source);
    return sources;
}

void TableStore::start(journal::Journal& journal) {
    attach(journal);
    services_.flush_wanted = [this] {
        {
            const std::lock_guard lock(wake_mutex_);
            wanted_ = true;
        }
        wake_.notify_one();
    };
    thread_ = std::thread([this] { run(); });
}

Status TableStore::stop(bool flush_large) {
    {
        const std::lock_guard lock(wake_mutex_);
        stopping_ = true;
    }
    wake_.notify_one();
    if (thread_.joinable()) thread_.join();
    if (!flush_large || !replayed_) return {};
    for (const auto& source : all_sources()) {
        if (source->memtable_bytes() < services_.limits.clean_stop_bytes) continue;
        ASSIGN_OR_RETURN([[maybe_unused]] const bool flushed, source->flush());
    }
    release_journal();
    return {};
}

Status TableStore::flush_all() {
    for (const auto& source : all_sources()) {
        ASSIGN_OR_RETURN([[maybe_unused]] const bool flushed, source->flush());
    }
    release_journal();
    return {};
}

void TableStore::run() {
    std::chrono::milliseconds wait = kTick;
    for (;;) {
        {
            std::unique_lock lock(wake_mutex_);
            wake_.wait_for(lock, wait, [this] { return stopping_ || wanted_; });
            if (stopping_) return;
            wanted_ = false;
        }
        const uint64_t failures = flush_failures_.load();
        maintain();
        // A failing disk is not asked again at once; rows stay in the journal and in memory
        // meanwhile.
        wait = flush_failures_.load() > failures ? kRetryAfterFailure : kTick;
        if (wait == kRetryAfterFailure) {
            std::unique_lock lock(wake_mutex_);
            if (wake_.wait_for(lock, wait, [this] { return stopping_; })) return;
        }
    }
}

void TableStore::settle_doubts() {
    settle_additions();
    for (const auto& source : all_sources()) {
        // Failing, it is tried again; the catalog says itself that it cannot be reached.
        if (source->is_unsettled()) static_cast<void>(source->settle());
        if (source->wants_removal()) {
            static_cast<void>(remove_source(source->tenant(), source->id()));
        }
    }
}

void TableStore::maintain() {
    settle_doubts();
    // What is due again after it was restated goes to a file: the journal must not be filled with
    // nothing else.
    std::unordered_set<SourceIncarnation> restated;
    // One source that cannot be flushed does not keep the others from it.
    std::unordered_set<SourceIncarnation> failed;
    while (const auto due = next_due(failed)) {
        Source& source = *due->source;
        const bool restate = due->remainder && restated.insert(source.incarnation()).second;
        const auto done = restate ? restate_or_flush(source) : source.flush();
        // A source that was removed meanwhile has nothing to lose.
        if (!done && done.error().code() != Code::not_found &&
            done.error().reason() != "source_removed") {
            ++flush_failures_;
            log::error("flush failed; its rows stay in the journal",
                       {{"source", source.id()}, {"error", done.error().describe()}});
            failed.insert(source.incarnation());
            if (failed.size() == kFlushFailuresMax) break;
        }
        release_journal();
        const std::lock_guard lock(wake_mutex_);
        if (stopping_) return;
    }
    delete_garbage();
    services_.engines.close_idle();
}

std::optional<TableStore::Due> TableStore::next_due(
    const std::unordered_set<SourceIncarnation>& failed) {
    std::shared_ptr<Source> largest;
    uint64_t largest_bytes = 0;
    uint64_t remainders_bytes = 0;
    const TableLimits& limits = services_.limits;
    for (const auto& source : all_sources()) {
        const uint64_t bytes = source->memtable_bytes();
        if (bytes <= limits.remainder_bytes) remainders_bytes += bytes;
        if (failed.contains(source->incarnation())) continue;
        if (bytes > 0 && source->wants_flush()) return Due{.source = source};
        if (bytes > largest_bytes) {
            largest = source;
            largest_bytes = bytes;
        }
    }
    const bool full = services_.memtables.usage() >= limits.node_flush_bytes;
    if (largest_bytes >= limits.source_memtable_bytes || (largest && full)) {
        return Due{.source = std::move(largest)};
    }
    // What a replay has still to read is not to be had shorter by flushing.
    if (!replayed_) return std::nullopt;
    const journal::Journal* journal = services_.journal.load();
    if (journal->usage().bytes < limits.journal_bytes) return std::nullopt;
    std::shared_ptr<Source> oldest;
    Lsn oldest_lsn{StreamId{UINT64_MAX}, UINT64_MAX};
    for (const auto& source : all_sources()) {
        if (failed.contains(source->incarnation())) continue;
        const auto lsn = source->oldest_unflushed();
        if (lsn && *lsn < oldest_lsn) {
            oldest = source;
            oldest_lsn = *lsn;
        }
    }
    if (!oldest) return std::nullopt;
    const bool remainder = oldest->memtable_bytes() <= limits.remainder_bytes &&
                           remainders_bytes <= limits.remainders_bytes_max;
    return Due{.source = std::move(oldest), .remainder = remainder};
}

Result<bool> TableStore::restate_or_flush(Source& source) {
    const auto restated = source.restate();
    if (restated && *restated) {
        ++restatements_;
        return true;
    }
    if (!restated) {
        log::warn("remainder not restated; it goes to a file",
                  {{"source", source.id()}, {"error", restated.error().describe()}});
    }
    return source.flush();
}

void TableStore::release_journal() {
    journal::Journal* journal = services_.journal.load();
    if (journal == nullptr || !replayed_) return;
    // Read before the sources are asked: see Source::oldest_unflushed().
    Lsn needed = journal->durable();
    for (const auto& source : all_sources()) {
        if (const auto lsn = source->oldest_unflushed()) needed = std::min(needed, *lsn);
    }
    release_decided.reach();
    journal->release(needed);
    segments_released.reach();
    if (const Status removed = journal->remove_streams_below(needed); !removed) {
        log::warn("old journal streams not removed", {{"error", removed.error().describe()}});
    }
    streams_removed.reach();
}

void TableStore::delete_garbage() {
    const auto garbage = services_.catalog.garbage();
    if (!garbage) {
        if (!std::exchange(garbage_unlisted_, true)) {
            log::warn("garbage not listed", {{"error", garbage.error().describe()}});
        }
        return;
    }
    garbage_unlisted_ = false;
    std::vector<FileId> deleted;
    for (const catalog::GarbageFile& file : *garbage) {
        if (services_.clock.wall_now() - file.since < kGarbageGrace) continue;
        const Status removed = services_.fs.remove(services_.data_directory + "/" + file.path);
        if (removed || removed.error().code() == Code::not_found) deleted.push_back(file.id);
    }
    if (deleted.empty()) return;
    garbage_deleted.reach();
    if (const Status forgotten = services_.catalog.forget_garbage(deleted); !forgotten) {
        log::warn("garbage not forgotten", {{"error", forgotten.error().describe()}});
    }
}

}  // namespace insula::tables
