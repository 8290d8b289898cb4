#include "stores/tables/tests/store_harness.h"

#include <fmt/format.h>

#include <functional>
#include <set>

#include "base/units.h"
#include "platform/fs/crash_file_system.h"
#include "stores/tables/ingest/json_shredder.h"

namespace insula::tables::durability {

namespace {

constexpr std::chrono::seconds kPatience{20};

std::string below(std::string_view name) { return fmt::format("{}/{}", kDataDirectory, name); }

}  // namespace

EngineHost& shared_engines() {
    struct Shared {
        CrashFileSystem spill_disk;
        SystemClock clock;
        EngineHost host{
            {.memory_bytes = 512 * kMiB, .instance_memory_bytes = 256 * kMiB, .parallelism = 1},
            spill_disk,
            clock,
            "."};
        // Held, so that maintenance does not close it.
        Result<std::shared_ptr<engine::Instance>> maintenance = host.maintenance();
    };
    static Shared shared;
    return shared.host;
}

NodeSettings small_settings() {
    NodeSettings settings;
    settings.journal = {.segment_bytes = 8 * kKiB,
                        .record_bytes_max = 3584,
                        .pending_bytes_max = 64 * kKiB,
                        .zero_step_bytes = 4 * kKiB,
                        .manual = true};
    settings.limits.record_bytes_max = 2 * kKiB;
    settings.limits.source_memtable_bytes = 64 * kKiB;
    settings.limits.journal_bytes = 16 * kKiB;
    settings.limits.clean_stop_bytes = 16 * kKiB;
    settings.limits.partition_file_bytes = 512;
    settings.limits.partition_files_max = 4;
    return settings;
}

TenantId TestNode::tenant() {
    TenantId tenant;
    tenant.bytes = {1, 2, 3, 4, 5, 6, 0x47, 8, 0x89, 10, 11, 12, 13, 14, 15, 16};
    return tenant;
}

TestNode::TestNode(FileSystem& fs, Clock& clock, const NodeSettings& settings)
    : settings_(settings),
      wrapped_(file_system_without_syncs(fs, settings.fault)),
      fs_(*wrapped_),
      clock_(clock),
      memtables_("memtables", settings.memtable_budget) {}

TestNode::~TestNode() {
    if (!store_ || !settings_.background) return;
    // Ends the thread and writes nothing.
    static_cast<void>(store_->stop(/*flush_large=*/false));
}

Result<std::unique_ptr<TestNode>> TestNode::open(FileSystem& fs, Clock& clock,
                                                 const NodeSettings& settings) {
    std::unique_ptr<TestNode> node(new TestNode(fs, clock, settings));
    RETURN_IF_ERROR(node->start());
    return node;
}

Status TestNode::start() {
    RETURN_IF_ERROR(remove_tree(fs_, below("tmp")));
    for (const std::string_view part : {"tmp", "journal", "blob"}) {
        RETURN_IF_ERROR(create_directories(fs_, below(part)));
    }
    ASSIGN_OR_RETURN(auto catalog, catalog::open_sqlite_catalog(fs_, clock_, below("control.db")));
    catalog_ =
        faulty_catalog(std::move(catalog), fs_, std::string(kDataDirectory), settings_.fault);
    if (settings_.wrap_catalog) catalog_ = settings_.wrap_catalog(std::move(catalog_));
    ASSIGN_OR_RETURN(auto tenants, catalog_->tenants());
    if (tenants.empty()) {
        tenants.push_back({.id = tenant(), .slug = "default", .name = "Default"});
        RETURN_IF_ERROR(add_tenant(*catalog_, tenants.front()));
    }
    ASSIGN_OR_RETURN(tenants.front().epoch, catalog_->raise_epoch({tenant()}));

    // NOLINTNEXTLINE(modernize-make-unique): members by name, and an atomic cannot be moved
    services_.reset(new Services{
        .fs = fs_,
        .clock = clock_,
        .catalog = *catalog_,
        .engines = settings_.engines != nullptr ? *settings_.engines : shared_engines(),
        .open_files = open_files_,
        .memtables = memtables_,
        .data_directory = std::string(kDataDirectory),
        .limits = settings_.limits});
    store_ = std::make_unique<TableStore>(*services_);
    journal::Options options = settings_.journal;
    options.planted_fault = planted_in_journal(settings_.fault);
    ASSIGN_OR_RETURN([[maybe_unused]] const RecoveryStats recovered,
                     store_->open(tenants, below("journal"), options));
    ASSIGN_OR_RETURN(const uint64_t stream, catalog_->allocate_ids(catalog::IdKind::stream, 1));
    ASSIGN_OR_RETURN(auto journal, journal::Journal::create(fs_, clock_, below("journal"),
                                                            StreamId{stream}, options));
    journal_ = waiting_journal(std::move(journal), settings_.fault);
    if (settings_.background) {
        store_->start(*journal_);
    } else {
        store_->attach(*journal_);
    }
    return settings_.replay ? store_->replay() : Status();
}

Result<WriteOutcome> TestNode::write(std::string_view source_id, std::string body,
                                     std::optional<RecordIdempotency> key) {
    ASSIGN_OR_RETURN(const auto source, store_->find_or_create(tenant(), source_id));
    const size_t bytes = body.size();
    body.append(kJsonPadding, ' ');
    const WriteInput input{
        .shred =
            [&](SchemaPtr schema) {
                return shred_json(std::string_view(body).substr(0, bytes), std::move(schema));
            },
        .idempotency = std::move(key),
        .audit = {.principal = "test", .request_id = "r", .remote_address = "-"}};
    return source->write(input, Deadline::after(kPatience));
}

Result<bool> TestNode::flush(std::string_view source_id) {
    ASSIGN_OR_RETURN(const auto source, store_->find(tenant(), source_id));
    return source->flush();
}

Result<std::vector<FoundSource>> TestNode::read_all() {
    const auto sources = store_->list(tenant());
    std::vector<FoundSource> found;
    for (const SourceView& view : Source::pin(*services_, sources)) {
        ASSIGN_OR_RETURN(auto rows, read_rows(view));
        found.push_back({view.source_id, std::move(rows)});
    }
    return found;
}

Result<std::vector<std::string>> TestNode::files_below(const std::string& directory) {
    std::vector<std::string> files;
    ASSIGN_OR_RETURN(const auto entries, fs_.list(below(directory)));
    for (const DirectoryEntry& entry : entries) {
        const std::string path = directory + "/" + entry.name;
        if (!entry.is_directory) {
            files.push_back(path);
            continue;
        }
        ASSIGN_OR_RETURN(const auto deeper, files_below(path));
        files.insert(files.end(), deeper.begin(), deeper.end());
    }
    return files;
}

Result<std::optional<std::string>> TestNode::wrong_files() {
    std::set<std::string> named;
    ASSIGN_OR_RETURN(const auto sources, catalog_->sources(tenant()));
    for (const catalog::Source& source : sources) {
        for (const catalog::DataFile& file : source.files) {
            named.insert(catalog::file_path(tenant(), source.incarnation, file));
        }
    }
    ASSIGN_OR_RETURN(const auto garbage, catalog_->garbage());
    std::set<std::string> garbage_paths;  // these may be gone already
    for (const catalog::GarbageFile& file : garbage) garbage_paths.insert(file.path);

    ASSIGN_OR_RETURN(auto files, files_below("blob"));
    ASSIGN_OR_RETURN(const auto temporary, files_below("tmp"));
    files.insert(files.end(), temporary.begin(), temporary.end());
    for (const std::string& file : files) {
        if (named.erase(file) > 0 || garbage_paths.contains(file)) continue;
        return "nothing names the file " + file;
    }
    if (!named.empty()) return "the catalog names a file that is not there: " + *named.begin();
    return std::nullopt;
}

Status TestNode::close() {
    RETURN_IF_ERROR(store_->stop(/*flush_large=*/true));
    RETURN_IF_ERROR(journal_->close());
    return catalog_->close();
}

}  // namespace insula::tables::durability
