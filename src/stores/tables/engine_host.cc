#include "stores/tables/engine_host.h"

#include <algorithm>
#include <atomic>

#include "platform/runtime/log.h"

namespace insula::tables {

namespace {

constexpr uint64_t kMaintenanceMemoryBytes = 384ull << 20;

class FsSpillFile final : public engine::SpillFile {
  public:
    FsSpillFile(FileSystem& fs, const std::function<Status()>& admit, std::string path,
                std::unique_ptr<File> file)
        : fs_(fs), admit_(admit), path_(std::move(path)), file_(std::move(file)) {}
    ~FsSpillFile() override {
        file_.reset();
        if (const Status removed = fs_.remove(path_); !removed) {
            log::warn("spill file not removed; the next start removes it",
                      {{"error", removed.error().describe()}});
        }
    }
    Result<size_t> read_at(MutableBytes out, uint64_t offset) override {
        return file_->read_at(out, offset);
    }
    Status write_at(Bytes data, uint64_t offset) override {
        RETURN_IF_ERROR(admit_());
        return file_->write_at(data, offset);
    }
    Status truncate(uint64_t size) override { return file_->truncate(size); }
    Result<uint64_t> size() override { return file_->size(); }

  private:
    FileSystem& fs_;
    const std::function<Status()>& admit_;
    const std::string path_;
    std::unique_ptr<File> file_;
};

}  // namespace

class EngineHost::Spill final : public engine::SpillSpace {
  public:
    // `admit` outlives this and its files.
    Spill(FileSystem& fs, const std::function<Status()>& admit, std::string directory)
        : fs_(fs), admit_(admit), directory_(std::move(directory)) {}
    Result<std::unique_ptr<engine::SpillFile>> create() override {
        std::string path = directory_ + "/" + std::to_string(next_.fetch_add(1));
        ASSIGN_OR_RETURN(auto file, fs_.open(path, OpenMode::create));
        return std::make_unique<FsSpillFile>(fs_, admit_, std::move(path), std::move(file));
    }

  private:
    FileSystem& fs_;
    const std::function<Status()>& admit_;
    const std::string directory_;
    std::atomic<uint64_t> next_{1};
};

class EngineHost::Lending final : public engine::Lender {
  public:
    // One thread fewer than a query may use: the caller's is the other.
    explicit Lending(size_t parallelism) {
        if (parallelism > 1) pool_ = std::make_unique<ThreadPool>(options(parallelism - 1));
    }
    void lend(size_t threads, std::function<void()> work) override {
        if (!pool_) return;
        for (size_t i = 0; i < std::min(threads, pool_->threads()); ++i) {
            // A full queue means that all threads are lent already: the query runs on its own.
            if (!pool_->submit(work)) return;
        }
    }

  private:
    static ThreadPoolOptions options(size_t threads) {
        return {.name = "lent", .threads = threads, .queue_max = threads * 4};
    }
    std::unique_ptr<ThreadPool> pool_;
};

EngineHost::EngineHost(EngineHostOptions options, FileSystem& fs, Clock& clock,
                       std::string spill_directory)
    : options_(std::move(options)),
      clock_(clock),
      // An instance was measured to reach twice its limit.
      instances_max_(
          std::max<uint64_t>(1, options_.memory_bytes / (2 * options_.instance_memory_bytes))),
      spill_(std::make_unique<Spill>(fs, options_.admit_spill, std::move(spill_directory))),
      lending_(std::make_unique<Lending>(options_.parallelism)) {}

EngineHost::~EngineHost() = default;

Result<std::shared_ptr<engine::Instance>> EngineHost::open(uint64_t memory_bytes,
                                                           size_t parallelism) {
    return engine::Instance::open({.memory_bytes_max = memory_bytes,
                                   .spill_bytes_max = options_.spill_bytes,
                                   .parallelism = parallelism},
                                  *spill_, lending_.get());
}

Result<std::shared_ptr<engine::Instance>> EngineHost::acquire(const TenantId& tenant,
                                                              uint64_t memory_max) {
    const uint64_t memory = std::min(memory_max, options_.instance_memory_bytes);
    std::shared_ptr<engine::Instance> outdated;  // closed outside of the lock
    const std::lock_guard lock(mutex_);
    const auto held = tenants_.find(tenant);
    if (held != tenants_.end() && held->second.memory_bytes != memory) {
        outdated = std::move(held->second.instance);
        tenants_.erase(held);
    } else if (held != tenants_.end()) {
        held->second.used = clock_.steady_now();
        return held->second.instance;
    }
    if (tenants_.size() >= instances_max_) close_idle_locked(std::chrono::nanoseconds(0));
    if (tenants_.size() >= instances_max_) {
        return fail(Error(Code::resource_exhausted, "too_many_active_tenants",
                          "More tenants are querying than this node has memory for.")
                        .with_hint("Retry after a moment, or raise engine.memory."));
    }
    ASSIGN_OR_RETURN(auto instance, open(memory, options_.parallelism));
    tenants_.emplace(tenant, Held{instance, clock_.steady_now(), memory});
    return instance;
}

Result<std::shared_ptr<engine::Instance>> EngineHost::maintenance() {
    const std::lock_guard lock(mutex_);
    if (!maintenance_) {
        // One thread: flushes must not take the threads that queries wait for.
        ASSIGN_OR_RETURN(maintenance_, open(kMaintenanceMemoryBytes, 1));
    }
    return maintenance_;
}

size_t EngineHost::close_idle() {
    const std::lock_guard lock(mutex_);
    if (maintenance_ && maintenance_.use_count() == 1 && tenants_.empty()) maintenance_.reset();
    return close_idle_locked(options_.idle_close);
}

size_t EngineHost::close_idle_locked(std::chrono::nanoseconds idle) {
    const SteadyTime now = clock_.steady_now();
    const auto is_idle = [&](const auto& entry) {
        // A stream keeps its instance alive and thereby in use.
        return entry.second.instance.use_count() == 1 && now - entry.second.used >= idle;
    };
    return std::erase_if(tenants_, is_idle);
}

size_t EngineHost::open_instances() const {
    const std::lock_guard lock(mutex_);
    return tenants_.size() + (maintenance_ ? 1 : 0);
}

uint64_t EngineHost::memory_bytes() const {
    const std::lock_guard lock(mutex_);
    uint64_t bytes = maintenance_ ? maintenance_->memory_bytes() : 0;
    for (const auto& [tenant, held] : tenants_) bytes += held.instance->memory_bytes();
    return bytes;
}

}  // namespace insula::tables
