#include "server/scrub.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "platform/journal/inspection.h"
#include "platform/runtime/log.h"
#include "platform/sqlite/page_check.h"

namespace insula::server {

namespace {

constexpr int kFirstPassPart = 10;                         // of the interval
constexpr std::string_view kCatalogElsewhere = "CATALOG";  // as a verification names it
// Pages of the catalog are written while they are read: what is damaged is so at each of some looks
// that lie apart.
constexpr int kLooks = 3;
constexpr std::chrono::seconds kBetweenLooks{1};

Error stopped() { return Error(Code::cancelled, "cancelled", "The scrub was stopped."); }

// All damage of the journal but what may be a record that is just being written.
class JournalDamage final : public journal::JournalInspector {
  public:
    JournalDamage(Lsn durable, std::function<Status(uint64_t)> on_read)
        : durable_(durable), on_read_(std::move(on_read)) {}

    Status segment(const journal::FoundSegment& found) override {
        return on_read_(found.file_bytes);
    }
    Status record(const journal::FoundRecord& /*found*/) override { return {}; }
    Status damage(const journal::Damage& damage) override {
        const bool being_written = damage.stream == durable_.stream &&
                                   damage.position.value_or(UINT64_MAX) >= durable_.position;
        if (!being_written) damages_.push_back(damage);
        return {};
    }
    Status stream(const journal::StreamSummary& /*summary*/) override { return {}; }

    const std::vector<journal::Damage>& damages() const { return damages_; }

  private:
    const Lsn durable_;
    const std::function<Status(uint64_t)> on_read_;
    std::vector<journal::Damage> damages_;
};

}  // namespace

std::chrono::nanoseconds ReadPace::after(uint64_t bytes, SteadyTime now) {
    const double seconds = static_cast<double>(bytes) / static_cast<double>(bytes_per_second_);
    due_ = std::max(due_, now) + std::chrono::duration_cast<std::chrono::nanoseconds>(
                                     std::chrono::duration<double>(seconds));
    return due_ - now;
}

void Scrub::start() {
    if (options_.bytes_per_second == 0) return;
    thread_ = std::thread([this] { run(); });
}

void Scrub::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    stopped_.notify_all();
    if (thread_.joinable()) thread_.join();
}

void Scrub::run() {
    Status waited = wait(options_.interval / kFirstPassPart);
    while (waited) {
        if (const Status passed = pass(); !passed && passed.error().code() != Code::cancelled) {
            log::warn("the scrub could not read all", {{"error", passed.error().describe()}});
        }
        waited = wait(options_.interval);
    }
}

Status Scrub::wait(std::chrono::nanoseconds time) {
    std::unique_lock lock(mutex_);
    if (stopped_.wait_for(lock, time, [this] { return stopping_; })) return fail(stopped());
    return {};
}

Status Scrub::read(uint64_t bytes) {
    {
        const std::lock_guard lock(mutex_);
        bytes_ += bytes;
    }
    return wait(pace_.after(bytes, services_.clock.steady_now()));
}

Status Scrub::pass() {
    const SteadyTime begin = services_.clock.steady_now();
    found_.clear();
    RETURN_IF_ERROR(check_catalog_pages());
    const auto tenants = services_.catalog.tenants();
    if (!tenants) {
        RETURN_IF_ERROR(check_catalog_error(tenants.error()));
    } else {
        for (const catalog::Tenant& tenant : *tenants) RETURN_IF_ERROR(check_tenant(tenant));
    }
    RETURN_IF_ERROR(check_journal());
    const double seconds =
        std::chrono::duration<double>(services_.clock.steady_now() - begin).count();
    {
        const std::lock_guard lock(mutex_);
        known_ = found_;
        ++passes_;
        last_pass_at_ = services_.clock.wall_now();
    }
    const ScrubState now = state();
    log::info("scrub: all was read", {{"seconds", seconds},
                                      {"bytes_since_start", now.bytes},
                                      {"damaged_files", now.damaged_files}});
    return {};
}

// What the catalog says is wrong with itself is damage; that it cannot be reached is not.
Status Scrub::check_catalog_error(const Error& error) {
    if (error.code() != Code::data_loss) return fail(error);
    const std::string_view file =
        services_.catalog_file.empty() ? kCatalogElsewhere : services_.catalog_file;
    report({.file = std::string(file), .what = std::string(error.detail())});
    return {};
}

Status Scrub::check_catalog_pages() {
    if (services_.catalog_file.empty()) return {};
    ASSIGN_OR_RETURN(Findings damaged, look_at_pages());
    for (int look = 1; look < kLooks && !damaged.empty(); ++look) {
        RETURN_IF_ERROR(wait(kBetweenLooks));
        ASSIGN_OR_RETURN(const Findings again, look_at_pages());
        std::erase_if(damaged, [&](const auto& found) {
            const auto same = again.find(found.first);
            return same == again.end() || same->second.what != found.second.what;
        });
    }
    for (const auto& [place, finding] : damaged) report(finding);
    return {};
}

Result<Scrub::Findings> Scrub::look_at_pages() {
    const std::string& file = services_.catalog_file;
    Findings findings;
    const auto check = sqlite::check_pages(services_.fs, services_.data_directory + "/" + file);
    if (!check && check.error().code() != Code::data_loss) return fail(check.error());
    if (!check) {
        Finding log{.file = file + "-wal", .what = std::string(check.error().detail())};
        findings.emplace(Place(log.file, UINT64_MAX), std::move(log));
        return findings;
    }
    for (const sqlite::PageDamage& page : check->damages) {
        findings.emplace(
            Place(file, page.offset),
            Finding{.file = file, .offset = page.offset, .bytes = page.bytes, .what = page.what});
    }
    RETURN_IF_ERROR(read(check->file_bytes + check->log_bytes));
    return findings;
}

Status Scrub::check_tenant(const catalog::Tenant& tenant) {
    const auto sources = services_.catalog.sources(tenant.id);
    if (!sources) return check_catalog_error(sources.error());
    for (const catalog::Source& source : *sources) {
        for (const catalog::DataFile& file : source.files) {
            if (!file.stands_outside()) RETURN_IF_ERROR(check_file(source, file));
        }
    }
    return {};
}

Status Scrub::check_file(const catalog::Source& source, const catalog::DataFile& file) {
    ASSIGN_OR_RETURN(const auto engine, services_.engines.maintenance());
    const DataFileChecker checker{.fs = services_.fs,
                                  .open_files = services_.open_files,
                                  .data_directory = services_.data_directory,
                                  .engine = engine.get()};
    tables::RowIdSet row_ids;
    const auto checked = checker.check(source, file, row_ids,
                                       [this](uint64_t bytes) -> Status { return read(bytes); });
    if (!checked && checked.error().code() == Code::cancelled) return fail(checked.error());
    if (!checked || !checked->findings.empty()) {
        // It may have been removed since its row was read.
        ASSIGN_OR_RETURN(const bool named, still_named(source, file));
        if (!named) return {};
    }
    if (!checked) {
        log::warn("scrub: a file could not be checked",
                  {{"file", catalog::file_path(source.tenant, source.incarnation, file)},
                   {"error", checked.error().describe()}});
        return {};
    }
    for (const Finding& finding : checked->findings) report(finding);
    return read(file.stored_bytes);  // its rows
}

Result<bool> Scrub::still_named(const catalog::Source& source, const catalog::DataFile& file) {
    ASSIGN_OR_RETURN(const auto sources, services_.catalog.sources(source.tenant));
    const auto now = std::ranges::find(sources, source.incarnation, &catalog::Source::incarnation);
    return now != sources.end() &&
           std::ranges::find(now->files, file.id, &catalog::DataFile::id) != now->files.end();
}

// Segments are renamed, zeroed and removed while they are read: what is damaged is so twice.
Status Scrub::check_journal() {
    ASSIGN_OR_RETURN(const std::vector<Finding> first, read_journal());
    if (first.empty()) return {};
    ASSIGN_OR_RETURN(const std::vector<Finding> second, read_journal());
    for (const Finding& finding : second) {
        const bool twice = std::ranges::any_of(first, [&](const Finding& other) {
            return other.file == finding.file && other.offset == finding.offset;
        });
        if (twice) report(finding);
    }
    return {};
}

Result<std::vector<Finding>> Scrub::read_journal() {
    JournalDamage inspector(services_.journal.durable(),
                            [this](uint64_t bytes) { return read(bytes); });
    const Status read =
        journal::inspect(services_.fs, services_.journal_directory, std::nullopt, inspector);
    // A file that went away meanwhile ends it; the next pass reads the rest.
    if (!read && read.error().code() != Code::not_found) return fail(read.error());
    std::vector<Finding> findings;
    for (const journal::Damage& damage : inspector.damages()) {
        findings.push_back({.file = damage.path.substr(services_.data_directory.size() + 1),
                            .offset = damage.offset,
                            .bytes = damage.bytes,
                            .what = damage.what});
    }
    return findings;
}

void Scrub::report(Finding finding) {
    const Place place(finding.file, finding.offset.value_or(UINT64_MAX));
    bool is_new = false;
    if (found_.size() < kScrubFindingsMax) {
        found_.emplace(place, finding);
        const std::lock_guard lock(mutex_);
        is_new = known_.emplace(place, finding).second;
    }
    if (!is_new) return;
    log::error("scrub: stored data is damaged",
               {{"file", finding.file},
                {"offset", finding.offset ? std::to_string(*finding.offset) : "-"},
                {"what", finding.what}});
}

ScrubState Scrub::state() const {
    const std::lock_guard lock(mutex_);
    ScrubState state{.on = options_.bytes_per_second > 0,
                     .bytes = bytes_,
                     .passes = passes_,
                     .last_pass_at = last_pass_at_};
    std::set<std::string_view> files;
    for (const auto& [place, finding] : known_) {
        files.insert(place.first);
        if (state.findings.size() < kScrubFindingsMax) state.findings.push_back(finding);
    }
    state.damaged_files = files.size();
    return state;
}

}  // namespace insula::server
