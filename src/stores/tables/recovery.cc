// TableStore: from the catalog and the journal to memory, at start.
#include <unordered_set>

#include "platform/runtime/fail_point.h"
#include "platform/runtime/log.h"
#include "stores/tables/table_store.h"

namespace insula::tables {

namespace {

FailPoint orphan_removed("tables.recovery.orphan_removed");
FailPoint record_replayed("tables.recovery.record_replayed");
FailPoint memory_freed("tables.recovery.memory_freed");

}  // namespace

Result<RecoveryStats> TableStore::open(const std::vector<catalog::Tenant>& tenants,
                                       const std::string& journal_directory,
                                       const journal::Options& journal_options) {
    RecoveryStats stats;
    for (const catalog::Tenant& tenant : tenants) {
        ASSIGN_OR_RETURN(const auto stored, services_.catalog.sources(tenant.id));
        RETURN_IF_ERROR(remove_orphans(tenant, stored));
        TenantState state{.epoch = tenant.epoch, .sources = {}};
        for (const catalog::Source& source : stored) {
            auto opened = std::make_shared<Source>(services_, source, tenant.epoch);
            by_incarnation_.emplace(source.incarnation, opened);
            state.sources.emplace(source.source_id, std::move(opened));
            ++stats.sources;
        }
        tenants_.emplace(tenant.id, std::move(state));
    }
    unapplied_ = {.journal_directory = journal_directory, .journal_options = journal_options};
    ASSIGN_OR_RETURN(const journal::ReplayStats replayed,
                     journal::replay(services_.fs, journal_directory, Lsn{}, journal_options,
                                     [this](const journal::Record& record) -> Status {
                                         note(record);
                                         return {};
                                     }));
    unapplied_.last_stream = replayed.last_stream;
    for (const auto& [tenant, lsn] : unapplied_.last) recovery_.close(tenant);
    stats.records = replayed.records;
    stats.journal_bytes = replayed.bytes;
    stats.clean_stop = replayed.clean_stop;
    stats.last_hybrid_time = replayed.last_hybrid_time;
    if (replayed.lost_bytes > 0) {
        log::warn("records that a salvage gave up are missing", {{"bytes", replayed.lost_bytes}});
    }
    return stats;
}

std::shared_ptr<Source> TableStore::find(SourceIncarnation incarnation) const {
    const std::shared_lock lock(mutex_);
    const auto source = by_incarnation_.find(incarnation);
    return source == by_incarnation_.end() ? nullptr : source->second;
}

void TableStore::note(const journal::Record& record) {
    if (record.header.kind != journal::RecordKind::table_write) return;
    // A source is in the catalog before its first record: one that is not there was removed.
    const auto source = find(record.header.source);
    if (!source || !source->needs_replay(record.lsn)) return;
    if (unapplied_.last.empty()) unapplied_.first = record.lsn;
    unapplied_.last[source->tenant()] = record.lsn;
}

Status TableStore::replay() {
    Status read;
    if (!unapplied_.last.empty()) {
        read = journal::read_again(services_.fs, unapplied_.journal_directory, unapplied_.first,
                                   unapplied_.last_stream, unapplied_.journal_options,
                                   [this](const journal::Record& record) { return apply(record); });
    }
    if (read && recovery_.closed() > 0) {
        read = fail(data_loss("records that were read before are missing from the journal"));
    }
    if (!read) {
        recovery_.fail_all();
        return read;
    }
    unapplied_ = {};
    replayed_ = true;
    return {};
}

Status TableStore::apply(const journal::Record& record) {
    if (record.header.kind != journal::RecordKind::table_write) return {};
    const auto source = find(record.header.source);
    if (!source || !source->needs_replay(record.lsn)) return {};
    const auto place = [&](const Error& error) {
        return error.with_detail("journal stream " + std::to_string(record.lsn.stream.value) +
                                 " position " + std::to_string(record.lsn.position));
    };
    auto decoded = decode_record(record.body);
    if (!decoded) return fail(place(decoded.error()));
    Status applied = source->replay(record.lsn, record.hybrid_time, *decoded);
    if (!applied && applied.error().code() == Code::resource_exhausted) {
        RETURN_IF_ERROR(free_memory_for_replay());
        applied = source->replay(record.lsn, record.hybrid_time, *std::move(decoded));
    }
    if (!applied) return fail(place(applied.error()));
    record_replayed.reach();
    const auto last = unapplied_.last.find(source->tenant());
    if (last != unapplied_.last.end() && last->second == record.lsn) {
        recovery_.open(source->tenant());
    }
    return {};
}

// More unflushed rows than memory has room for: all that was replayed so far goes to files.
Status TableStore::free_memory_for_replay() {
    for (const auto& source : all_sources()) {
        ASSIGN_OR_RETURN([[maybe_unused]] const bool flushed, source->flush());
    }
    memory_freed.reach();
    return {};
}

// Files of the tenant that the catalog does not name: written, and the stop came before the commit.
// Those of a source that was removed since are found too, and so are the directories that it
// leaves.
Status TableStore::remove_orphans(const catalog::Tenant& tenant,
                                  const std::vector<catalog::Source>& sources) {
    std::unordered_set<std::string> kept;  // directories of living sources, and files
    for (const catalog::Source& source : sources) {
        kept.insert(catalog::source_directory(tenant.id, source.incarnation));
        for (const catalog::DataFile& file : source.files) {
            kept.insert(catalog::file_path(tenant.id, source.incarnation, file));
        }
    }
    ASSIGN_OR_RETURN(const auto garbage, services_.catalog.garbage());
    for (const catalog::GarbageFile& file : garbage) kept.insert(file.path);

    const std::string root(parent_path(catalog::source_directory(tenant.id, SourceIncarnation{1})));
    const auto directories = services_.fs.list(services_.data_directory + "/" + root);
    if (!directories) {
        if (directories.error().code() == Code::not_found) return {};  // no file was ever written
        return fail(directories.error());
    }
    for (const DirectoryEntry& directory : *directories) {
        if (!directory.is_directory) continue;
        RETURN_IF_ERROR(remove_orphans_in(root + "/" + directory.name, kept));
    }
    return {};
}

Status TableStore::remove_orphans_in(const std::string& directory,
                                     const std::unordered_set<std::string>& kept) {
    const std::string path = services_.data_directory + "/" + directory;
    ASSIGN_OR_RETURN(const auto entries, services_.fs.list(path));
    bool empty = true;
    for (const DirectoryEntry& entry : entries) {
        if (entry.is_directory || kept.contains(directory + "/" + entry.name)) {
            empty = false;
            continue;
        }
        log::info("file without a commit removed", {{"file", directory + "/" + entry.name}});
        RETURN_IF_ERROR(services_.fs.remove(path + "/" + entry.name));
        orphan_removed.reach();
    }
    if (empty && !kept.contains(directory)) return services_.fs.remove_directory(path);
    return {};
}

}  // namespace insula::tables
