// Metrics: counters, gauges and histograms in families with labels, given out as Prometheus text.
//
//   auto& requests = registry.counter("insula_http_requests_total", "Requests answered.",
//                                     {"route", "status"});
//   Counter& ok = requests.with({"/health", "200"});   // resolve once, keep
//   ok.add();                                          // a relaxed add to this thread's share
//
// Names follow Prometheus: insula_ (or process_, minio_, replication_ where that name is
// established), base units (_seconds, _bytes, _ratio), counters end in _total.
//
// A family holds at most `series_max` label sets; further ones share one series whose label values
// are all "overflow", and insula_metrics_overflows_total counts how often that happened: whoever
// chooses label values can never exhaust memory.
//
// Threads: everything is thread-safe. Families and their series live as long as the registry, at
// fixed addresses. Wrong names and label counts are programmer errors and abort.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace insula::metrics {

inline constexpr size_t kSeriesMax = 1000;  // a family, unless it says otherwise
inline constexpr size_t kShards = 4;

// Request latencies: 0.1 ms to 30 s.
inline constexpr std::array kLatencySeconds{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
                                            0.01,   0.025,   0.05,   0.1,   0.25,   0.5,
                                            1.0,    2.5,     5.0,    10.0,  30.0};
// Sizes: 1 KiB to 1 GiB.
inline constexpr std::array kSizeBytes{1024.0,     4096.0,      16384.0,     65536.0,
                                       262144.0,   1048576.0,   4194304.0,   16777216.0,
                                       67108864.0, 268435456.0, 1073741824.0};

// The share of the calling thread, below kShards.
size_t shard_of_this_thread();

// Only grows. Threads add to shares on cache lines of their own, so that they do not wait for each
// other.
class Counter {
  public:
    void add(uint64_t amount = 1) {
        shards_[shard_of_this_thread()].value.fetch_add(amount, std::memory_order_relaxed);
    }
    uint64_t value() const;

  private:
    struct alignas(64) Shard {
        std::atomic<uint64_t> value{0};
    };
    std::array<Shard, kShards> shards_;
};

class Gauge {
  public:
    void set(double value) { value_.store(value, std::memory_order_relaxed); }
    void add(double amount) { value_.fetch_add(amount, std::memory_order_relaxed); }
    double value() const { return value_.load(std::memory_order_relaxed); }

  private:
    std::atomic<double> value_{0};
};

class Histogram {
  public:
    // `bounds` ascend; a last bucket without bound is added.
    explicit Histogram(std::span<const double> bounds);
    void observe(double value);

    struct Snapshot {
        std::vector<uint64_t>
            counts;  // a bucket each, not cumulative; the last is the unbounded one
        uint64_t count = 0;
        double sum = 0;
    };
    Snapshot snapshot() const;
    std::span<const double> bounds() const { return bounds_; }

  private:
    struct alignas(64) Shard {
        std::vector<std::atomic<uint64_t>> counts;
        std::atomic<double> sum{0};
    };
    std::vector<double> bounds_;
    std::array<Shard, kShards> shards_;
};

enum class Kind : uint8_t { counter, gauge, histogram };

// What all series of a name share.
struct FamilyInfo {
    std::string name;
    std::string help;
    std::vector<std::string> labels;
    Kind kind = Kind::counter;
};

template <class Metric>
class Family {
  public:
    using Make = std::function<std::unique_ptr<Metric>()>;
    Family(FamilyInfo info, size_t series_max, Counter* overflows, Make make);

    // The series with these label values, in the order of the family's labels. Takes a lock: keep
    // the result.
    Metric& with(std::initializer_list<std::string_view> values) {
        return find({values.begin(), values.size()});
    }
    Metric& with(std::span<const std::string_view> values) { return find(values); }

    const FamilyInfo& info() const { return info_; }
    // Calls `visit` with each series' label values.
    void each(const std::function<void(std::span<const std::string>, const Metric&)>& visit) const;

  private:
    struct Series {
        std::vector<std::string> values;
        std::unique_ptr<Metric> metric;
    };
    Metric& find(std::span<const std::string_view> values);

    const FamilyInfo info_;
    const size_t series_max_;
    Counter* const overflows_;  // null for the family that counts overflows
    const Make make_;
    mutable std::shared_mutex mutex_;
    std::unordered_map<std::string, Series> series_;  // by the values, each ended by a byte 0xff
    std::unique_ptr<Metric> overflow_;                // made when first needed
};

class Registry;

// Keeps a callback registered while it lives. Destroying it waits for a scrape that is calling it.
class Callback {
  public:
    Callback() = default;
    Callback(const Callback&) = delete;
    Callback& operator=(const Callback&) = delete;
    Callback(Callback&& other) noexcept;
    Callback& operator=(Callback&& other) noexcept;
    ~Callback();

  private:
    friend class Registry;
    Callback(Registry& registry, uint64_t id) : registry_(&registry), id_(id) {}
    Registry* registry_ = nullptr;
    uint64_t id_ = 0;
};

class Registry {
  public:
    Registry();
    ~Registry();
    Registry(const Registry&) = delete;
    Registry& operator=(const Registry&) = delete;

    // The same name again gives the same family; kind and labels must agree.
    Family<Counter>& counter(std::string name, std::string help,
                             std::vector<std::string> labels = {}, size_t series_max = kSeriesMax);
    Family<Gauge>& gauge(std::string name, std::string help, std::vector<std::string> labels = {},
                         size_t series_max = kSeriesMax);
    Family<Histogram>& histogram(std::string name, std::string help, std::span<const double> bounds,
                                 std::vector<std::string> labels = {},
                                 size_t series_max = kSeriesMax);

    // A gauge or counter without labels whose value is computed at each scrape. `read` may be
    // called from any thread, must be quick and must not use the registry. The registry must
    // outlive the result.
    [[nodiscard]] Callback callback(Kind kind, std::string name, std::string help,
                                    std::function<double()> read);
    // The same for values that share a name: `read` gives label values and value of each series.
    struct Sample {
        std::vector<std::string> values;
        double value = 0;
    };
    [[nodiscard]] Callback callback(Kind kind, std::string name, std::string help,
                                    std::vector<std::string> labels,
                                    std::function<std::vector<Sample>()> read);

    // Prometheus' text format, version 0.0.4 (content type "text/plain; version=0.0.4").
    std::string expose() const;

  private:
    friend class Callback;
    struct State;
    void remove(uint64_t id);

    std::unique_ptr<State> state_;
};

// The process as Prometheus names it: process_cpu_seconds_total, process_resident_memory_bytes,
// process_open_fds, process_max_fds, process_start_time_seconds, and insula_process_threads.
[[nodiscard]] std::vector<Callback> register_process_metrics(Registry& registry);

}  // namespace insula::metrics
