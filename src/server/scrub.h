// Scrub: reads what is stored again and again in the background, slowly, so that damage of the disk
// is known before somebody needs what it hit: data files as `insula verify --deep` does, the
// journal as far as it is written, the catalog's pages and rows. What it finds it says in the log,
// once, and shows in state(); it changes nothing and ends nothing.
//
// Files are read as everybody reads them: what the system holds in memory it does not fetch from
// the disk. Of the journal's own stream only what was durable when its check began is looked at.
// Rows of a source that two files both have are found by `insula verify --deep` only: to know them
// all takes memory that grows with the source.
//
// Threads: start() begins one, stop() ends it within a moment; state() from any thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/result.h"
#include "core/catalog/catalog.h"
#include "platform/fs/file_system.h"
#include "platform/journal/journal.h"
#include "platform/runtime/clock.h"
#include "server/data_file_check.h"
#include "stores/tables/engine_host.h"

namespace insula::server {

// When a reader of so many bytes a second may go on. Not thread-safe.
class ReadPace {
  public:
    explicit ReadPace(uint64_t bytes_per_second) : bytes_per_second_(bytes_per_second) {}
    // How long to wait after `bytes` were read. Time in which nothing was read is not made up for.
    std::chrono::nanoseconds after(uint64_t bytes, SteadyTime now);

  private:
    const uint64_t bytes_per_second_;
    SteadyTime due_{};
};

struct ScrubOptions {
    uint64_t bytes_per_second = 0;  // 0: it does nothing
    // From the end of a pass to the next one; the first one begins after a tenth of it.
    std::chrono::nanoseconds interval{};
};

struct ScrubServices {
    FileSystem& fs;
    Clock& clock;
    catalog::Catalog& catalog;
    const journal::Journal& journal;
    tables::EngineHost& engines;
    tables::OpenFiles& open_files;
    std::string data_directory;
    std::string journal_directory;
    std::string catalog_file;  // in the data directory; empty: the catalog is elsewhere
};

struct ScrubState {
    bool on = false;
    uint64_t bytes = 0;  // read since the start
    uint64_t passes = 0;
    WallNanos last_pass_at = 0;     // its end; 0: none yet
    uint64_t damaged_files = 0;     // found by the last pass or this one
    std::vector<Finding> findings;  // the first kScrubFindingsMax of them
};

inline constexpr size_t kScrubFindingsMax = 1'000;

class Scrub {
  public:
    Scrub(ScrubOptions options, ScrubServices services)
        : options_(options), services_(std::move(services)), pace_(options.bytes_per_second) {}
    ~Scrub() { stop(); }

    void start();
    void stop();
    // A pass on the caller's thread; cancelled where stop() came before its end. For start(), and
    // for tests.
    Status pass();
    ScrubState state() const;

  private:
    using Place = std::pair<std::string, uint64_t>;  // file, and offset or UINT64_MAX
    using Findings = std::map<Place, Finding>;

    void run();
    Status wait(std::chrono::nanoseconds time);
    Status read(uint64_t bytes);
    Status check_tenant(const catalog::Tenant& tenant);
    Status check_file(const catalog::Source& source, const catalog::DataFile& file);
    Result<bool> still_named(const catalog::Source& source, const catalog::DataFile& file);
    Status check_catalog_error(const Error& error);
    Status check_catalog_pages();
    Result<Findings> look_at_pages();
    Status check_journal();
    Result<std::vector<Finding>> read_journal();
    void report(Finding finding);

    const ScrubOptions options_;
    ScrubServices services_;
    ReadPace pace_;
    Findings found_;  // by this pass

    mutable std::mutex mutex_;
    std::condition_variable stopped_;
    bool stopping_ = false;
    Findings known_;  // by the last pass and this one
    uint64_t bytes_ = 0;
    uint64_t passes_ = 0;
    WallNanos last_pass_at_ = 0;
    std::thread thread_;
};

}  // namespace insula::server
