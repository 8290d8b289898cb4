#include "server/offline/verification.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "core/audit/verification.h"
#include "core/catalog/sqlite/control_db_check.h"
#include "core/keys/root_key.h"
#include "core/tenancy/tokens.h"
#include "platform/engine/engine.h"
#include "platform/runtime/random.h"
#include "platform/sqlite/page_check.h"
#include "server/catalog_check.h"
#include "server/offline/journal_report.h"
#include "stores/tables/columns.h"

namespace insula::server {

namespace {

constexpr uint64_t kEngineMemoryBytes = 1ull << 30;
constexpr std::string_view kControlDb = "control.db";
// Stands for a catalog on PostgreSQL: it says that it is there.
constexpr std::string_view kCatalogElsewhere = "CATALOG";

// The checks of one column or file at a time need no room on disk.
class NoSpill final : public engine::SpillSpace {
  public:
    Result<std::unique_ptr<engine::SpillFile>> create() override {
        return fail(Error(Code::resource_exhausted, "out_of_memory",
                          "Reading the rows takes more memory than verification may use."));
    }
};

class Verification {
  public:
    Verification(StoppedNode& node, const VerifyOptions& options,
                 const std::function<void(const VerifyProgress&)>& on_progress)
        : node_(node), options_(options), on_progress_(on_progress) {}

    Result<VerifyReport> run() {
        RETURN_IF_ERROR(measure(""));
        ASSIGN_OR_RETURN(const bool elsewhere, node_.catalog_is_elsewhere());
        if (elsewhere) {
            catalog_file_ = kCatalogElsewhere;
            RETURN_IF_ERROR(load_catalog());
        } else {
            RETURN_IF_ERROR(check_pages());
            RETURN_IF_ERROR(check_catalog());
        }
        RETURN_IF_ERROR(check_journal());
        RETURN_IF_ERROR(check_audit());
        RETURN_IF_ERROR(check_files());
        list_strangers();
        report_.bytes = progress_.bytes;
        report_.files = progress_.files;
        return std::move(report_);
    }

  private:
    std::string path_of(std::string_view file) const {
        return node_.directory().path() + "/" + std::string(file);
    }
    // Below the data directory, for messages.
    std::string below(std::string_view path) const {
        const size_t prefix = node_.directory().path().size() + 1;
        return std::string(path.size() > prefix ? path.substr(prefix) : path);
    }

    void report(Finding finding) {
        if (finding.severity == Finding::Severity::damage) ++report_.damages;
        if (report_.findings.size() < kFindingsMax) {
            report_.findings.push_back(std::move(finding));
        } else {
            ++report_.more_findings;
        }
    }
    void damage(std::string file, std::string what) {
        report({.file = std::move(file), .what = std::move(what)});
    }
    void note(std::string file, std::string what) {
        report({.severity = Finding::Severity::note,
                .file = std::move(file),
                .what = std::move(what)});
    }

    void advance(uint64_t bytes) {
        progress_.bytes += bytes;
        on_progress_(progress_);
    }

    // All files with their sizes.
    Status measure(const std::string& directory) {
        const std::string path = directory.empty() ? node_.directory().path() : path_of(directory);
        ASSIGN_OR_RETURN(const auto entries, node_.fs().list(path));
        for (const DirectoryEntry& entry : entries) {
            const std::string name = directory.empty() ? entry.name : directory + "/" + entry.name;
            if (name == "tmp") continue;  // emptied at the next start
            if (entry.is_directory) {
                RETURN_IF_ERROR(measure(name));
                continue;
            }
            ASSIGN_OR_RETURN(const auto file, node_.fs().open(path_of(name), OpenMode::read));
            ASSIGN_OR_RETURN(sizes_[name], file->size());
            progress_.bytes_total += sizes_[name];
        }
        return {};
    }

    Status check_pages() {
        const auto check = sqlite::check_pages(node_.fs(), path_of(kControlDb));
        if (!check && check.error().code() == Code::not_found) {
            catalog_broken_ = true;
            damage(std::string(kControlDb), "missing");
            return {};
        }
        if (!check && check.error().code() != Code::data_loss) return fail(check.error());
        if (!check) {
            catalog_broken_ = true;
            damage_by_error(check.error());
            return {};
        }
        advance(check->file_bytes + check->log_bytes);
        if (!check->sealed) {
            note(std::string(kControlDb),
                 "its pages have no checksums yet; the next start adds them");
        }
        for (const sqlite::PageDamage& page : check->damages) {
            catalog_broken_ = true;
            report({.file = std::string(kControlDb),
                    .offset = page.offset,
                    .bytes = page.bytes,
                    .what = page.what});
        }
        return {};
    }

    // "<path>: offset 4096: what"
    void damage_by_error(const Error& error) {
        std::string_view detail = error.detail();
        const size_t colon = detail.find(": ");
        if (colon == std::string_view::npos) return damage({}, error.describe());
        Finding finding{.file = below(detail.substr(0, colon))};
        detail.remove_prefix(colon + 2);
        constexpr std::string_view kOffset = "offset ";
        if (detail.starts_with(kOffset)) {
            finding.offset = std::strtoull(detail.data() + kOffset.size(), nullptr, 10);
            const size_t next = detail.find(": ");
            if (next != std::string_view::npos) detail.remove_prefix(next + 2);
        }
        finding.what = detail;
        report(std::move(finding));
    }

    Status check_catalog() {
        if (catalog_broken_) return {};
        FrozenFileSystem frozen(node_.fs());
        const auto wrong = catalog::check_control_db(frozen, path_of(kControlDb));
        if (!wrong && wrong.error().code() != Code::data_loss) return fail(wrong.error());
        if (!wrong) {
            catalog_broken_ = true;
            damage(std::string(kControlDb), std::string(wrong.error().detail()));
            return {};
        }
        for (const std::string& what : *wrong) damage(std::string(kControlDb), what);
        ASSIGN_OR_RETURN(const bool newest, is_newest());
        if (newest) return load_catalog();
        catalog_broken_ = true;
        return {};
    }

    // As a start asks: of an older catalog, all that happened since would look like damage. The id
    // that it gives out stays in memory.
    Result<bool> is_newest() {
        const auto check = [&]() -> Status {
            ASSIGN_OR_RETURN(catalog::Catalog * catalog, node_.catalog());
            ASSIGN_OR_RETURN(const uint64_t stream,
                             catalog->allocate_ids(catalog::IdKind::stream, 1));
            return check_catalog_age(node_.fs(), node_.directory().journal_path(),
                                     StreamId{stream});
        };
        const Status checked = check();
        if (checked) return true;
        if (checked.error().code() != Code::data_loss) return fail(checked.error());
        damage(std::string(kControlDb), std::string(checked.error().detail()));
        return false;
    }

    Status load_catalog() {
        const auto load = [&]() -> Status {
            ASSIGN_OR_RETURN(catalog::Catalog * catalog, node_.catalog());
            ASSIGN_OR_RETURN(tenants_, catalog->tenants());
            for (const catalog::Tenant& tenant : tenants_) {
                ASSIGN_OR_RETURN(auto sources, catalog->sources(tenant.id));
                for (catalog::Source& source : sources) {
                    check_source(tenant, source);
                    sources_.push_back(std::move(source));
                }
            }
            RETURN_IF_ERROR(check_root_key(*catalog));
            ASSIGN_OR_RETURN(const auto garbage, catalog->garbage());
            for (const catalog::GarbageFile& file : garbage) garbage_.insert(file.path);
            return {};
        };
        const Status loaded = load();
        report_.sources = sources_.size();
        if (loaded || loaded.error().code() != Code::data_loss) return loaded;
        catalog_broken_ = true;
        damage(std::string(catalog_file_), std::string(loaded.error().detail()));
        return {};
    }

    // Where the directory has it: that it is there, and opens what is wrapped under it.
    Status check_root_key(catalog::Catalog& catalog) {
        ASSIGN_OR_RETURN(const auto place, catalog.setting(kRootKeyPlace));
        if (place != kRootKeyHere) return {};
        ASSIGN_OR_RETURN(const auto entries, catalog.directory(TenantId()));
        SystemRandom random;
        const auto check = [&]() -> Status {
            ASSIGN_OR_RETURN(
                const keys::LoadedRootKey root,
                keys::load_root_key({.path = node_.directory().root_key_path()}, random));
            return tenancy::Tokens::check_keys(entries, root.key.signing_wrapping_key());
        };
        if (const Status checked = check(); !checked) {
            damage(std::string(kRootKeyFile), std::string(checked.error().message()));
        }
        return {};
    }

    void check_source(const catalog::Tenant& tenant, const catalog::Source& source) {
        const auto wrong = [&](std::string what) {
            damage(std::string(catalog_file_),
                   fmt::format("source {} (incarnation {}): {}", source.source_id,
                               source.incarnation.value, what));
        };
        std::set<uint64_t> columns{tables::kRestColumn.value};
        for (const catalog::Column& column : source.columns) columns.insert(column.id.value);
        for (const catalog::DataFile& file : source.files) {
            const std::string name = fmt::format("file {}", file.id.value);
            if (file.epoch > tenant.epoch) {
                wrong(fmt::format("{} is of epoch {}, its tenant is at {}", name, file.epoch.value,
                                  tenant.epoch.value));
            }
            if (file.generation > source.last_generation) {
                wrong(fmt::format("{} is of generation {}, the last one is {}", name,
                                  file.generation.value, source.last_generation.value));
            }
            for (const catalog::Zone& zone : file.zones) {
                if (columns.contains(zone.column.value)) continue;
                wrong(fmt::format("{} has bounds of column {}, which is unknown", name,
                                  zone.column.value));
            }
        }
    }

    Status check_journal() {
        JournalFilter everything;
        std::map<TenantId, Epoch> epochs;
        for (const catalog::Tenant& tenant : tenants_) epochs[tenant.id] = tenant.epoch;
        const auto on_record = [&](const JournalRecord& record) -> Status {
            const auto epoch = epochs.find(record.header.tenant);
            if (epoch != epochs.end() && record.header.epoch > epoch->second) {
                report({.file = below(node_.directory().journal_path() + "/" +
                                      journal::stream_name(record.header.stream) + "/" +
                                      journal::segment_name(record.sequence)),
                        .offset = record.offset,
                        .what = fmt::format("a record of epoch {}, its tenant is at {}",
                                            record.header.epoch.value, epoch->second.value)});
            }
            return {};
        };
        ASSIGN_OR_RETURN(const JournalReport journal, report_journal(node_, everything, on_record));
        report_.journal_records = journal.records;
        for (const journal::Damage& found : journal.damages) {
            report({.file = below(found.path),
                    .offset = found.offset,
                    .bytes = found.bytes,
                    .what = found.what + std::string(found.kept ? kKeptRemark : "")});
        }
        for (const journal::Damage& tail : journal.tails) {
            report({.severity = Finding::Severity::note,
                    .file = below(tail.path),
                    .offset = tail.offset,
                    .bytes = tail.bytes,
                    .what = "a torn tail: written, never acknowledged, cut at the next start"});
        }
        for (const auto& [name, size] : sizes_) {
            if (name.starts_with("journal/")) advance(size);
        }
        return {};
    }

    Status check_audit() {
        const std::string path = node_.directory().audit_path();
        ASSIGN_OR_RETURN(const audit::LogReport log, audit::verify_log(node_.fs(), path, {}));
        for (const audit::LogFinding& found : log.findings) {
            const bool is_note = found.severity == audit::LogFinding::Severity::note;
            report({.severity = is_note ? Finding::Severity::note : Finding::Severity::damage,
                    .file = below(path + "/" + found.file),
                    .offset = found.offset,
                    .bytes = found.bytes,
                    .what = found.what});
        }
        for (const auto& [name, size] : sizes_) {
            if (name.starts_with("audit/")) advance(size);
        }
        return {};
    }

    Status check_files() {
        if (options_.deep && !catalog_broken_) {
            ASSIGN_OR_RETURN(engine_,
                             engine::Instance::open(
                                 {.memory_bytes_max = kEngineMemoryBytes, .spill_bytes_max = 0},
                                 no_spill_, nullptr));
        }
        for (const catalog::Source& source : sources_) {
            tables::RowIdSet row_ids;
            for (const catalog::DataFile& file : source.files) {
                RETURN_IF_ERROR(check_file(source, file, row_ids));
            }
        }
        return {};
    }

    Status check_file(const catalog::Source& source, const catalog::DataFile& file,
                      tables::RowIdSet& row_ids) {
        if (file.stands_outside()) return {};
        known_.insert(catalog::file_path(source.tenant, source.incarnation, file));
        ++progress_.files;
        const DataFileChecker checker{.fs = node_.fs(),
                                      .open_files = open_files_,
                                      .data_directory = node_.directory().path(),
                                      .engine = engine_.get()};
        ASSIGN_OR_RETURN(const DataFileReport checked,
                         checker.check(source, file, row_ids, [&](uint64_t bytes) -> Status {
                             advance(bytes);
                             return {};
                         }));
        report_.rows += checked.rows;
        for (const Finding& finding : checked.findings) report(finding);
        return {};
    }

    // Files that nothing names. A start removes those that were being written.
    void list_strangers() {
        for (const auto& [name, size] : sizes_) {
            if (known_.contains(name) || is_expected(name)) continue;
            if (garbage_.contains(name)) {
                note(name, "removed by the tables, and deleted after a grace period");
            } else if (name.starts_with("blob/")) {
                if (catalog_broken_) continue;  // nobody knows which are named
                note(name, "no catalog row names it: the next start removes it");
            } else if (name.starts_with("journal/damaged-")) {
                note(name, "kept by a salvage; nothing reads it");
            } else {
                note(name, "not a file of insula's");
            }
        }
    }

    bool is_expected(std::string_view name) const {
        if (name == "VERSION" || name == "LOCK" || name == catalog_file_) return true;
        if (name == kRootKeyFile) return true;
        if (name == "control.db-wal" && catalog_file_ == kControlDb) return true;
        if (name.starts_with("audit/")) return true;
        return name.starts_with("journal/") && !name.starts_with("journal/damaged-");
    }

    StoppedNode& node_;
    const VerifyOptions options_;
    const std::function<void(const VerifyProgress&)>& on_progress_;
    VerifyReport report_;
    VerifyProgress progress_;
    std::map<std::string, uint64_t> sizes_;
    std::string_view catalog_file_ = kControlDb;  // what findings about the catalog name
    bool catalog_broken_ = false;
    std::vector<catalog::Tenant> tenants_;
    std::vector<catalog::Source> sources_;
    std::set<std::string> garbage_;
    std::set<std::string> known_;
    NoSpill no_spill_;
    tables::OpenFiles open_files_;
    std::shared_ptr<engine::Instance> engine_;
};

}  // namespace

Result<VerifyReport> verify(StoppedNode& node, const VerifyOptions& options,
                            const std::function<void(const VerifyProgress&)>& on_progress) {
    return Verification(node, options, on_progress).run();
}

}  // namespace insula::server
