#include "platform/runtime/metrics.h"

#include <prometheus/check_names.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <map>
#include <utility>
#include <variant>

#include "base/check.h"

namespace insula::metrics {

size_t shard_of_this_thread() {
    static std::atomic<size_t> threads{0};
    thread_local const size_t shard = threads.fetch_add(1, std::memory_order_relaxed) % kShards;
    return shard;
}

uint64_t Counter::value() const {
    uint64_t sum = 0;
    for (const Shard& shard : shards_) sum += shard.value.load(std::memory_order_relaxed);
    return sum;
}

Histogram::Histogram(std::span<const double> bounds) : bounds_(bounds.begin(), bounds.end()) {
    INSULA_CHECK(!bounds_.empty(), "a histogram has a bound");
    INSULA_CHECK(std::is_sorted(bounds_.begin(), bounds_.end()), "a histogram's bounds ascend");
    for (Shard& shard : shards_) {
        shard.counts = std::vector<std::atomic<uint64_t>>(bounds_.size() + 1);
    }
}

void Histogram::observe(double value) {
    // A bucket's bound belongs to it.
    const auto bound = std::lower_bound(bounds_.begin(), bounds_.end(), value);
    Shard& shard = shards_[shard_of_this_thread()];
    shard.counts[static_cast<size_t>(bound - bounds_.begin())].fetch_add(1,
                                                                         std::memory_order_relaxed);
    shard.sum.fetch_add(value, std::memory_order_relaxed);
}

Histogram::Snapshot Histogram::snapshot() const {
    Snapshot snapshot;
    snapshot.counts.resize(bounds_.size() + 1);
    for (const Shard& shard : shards_) {
        for (size_t i = 0; i < snapshot.counts.size(); ++i) {
            snapshot.counts[i] += shard.counts[i].load(std::memory_order_relaxed);
        }
        snapshot.sum += shard.sum.load(std::memory_order_relaxed);
    }
    for (const uint64_t count : snapshot.counts) snapshot.count += count;
    return snapshot;
}

template <class Metric>
Family<Metric>::Family(FamilyInfo info, size_t series_max, Counter* overflows, Make make)
    : info_(std::move(info)),
      series_max_(series_max),
      overflows_(overflows),
      make_(std::move(make)) {
    // A family without labels is its one series: it shows from the start, as 0.
    if (info_.labels.empty()) with(std::initializer_list<std::string_view>{});
}

template <class Metric>
Metric& Family<Metric>::find(std::span<const std::string_view> values) {
    INSULA_CHECK(values.size() == info_.labels.size(), "a series has one value for each label");
    std::string key;
    for (const std::string_view value : values) key.append(value).push_back('\xff');
    {
        const std::shared_lock lock(mutex_);
        if (const auto found = series_.find(key); found != series_.end()) {
            return *found->second.metric;
        }
    }
    const std::unique_lock lock(mutex_);
    if (const auto found = series_.find(key); found != series_.end()) return *found->second.metric;
    if (series_.size() >= series_max_) {
        if (overflows_ != nullptr) overflows_->add();
        if (!overflow_) overflow_ = make_();
        return *overflow_;
    }
    auto& series = series_[key];
    series.values.assign(values.begin(), values.end());
    series.metric = make_();
    return *series.metric;
}

template <class Metric>
void Family<Metric>::each(
    const std::function<void(std::span<const std::string>, const Metric&)>& visit) const {
    const std::shared_lock lock(mutex_);
    for (const auto& [key, series] : series_) visit(series.values, *series.metric);
    if (overflow_) {
        visit(std::vector<std::string>(info_.labels.size(), "overflow"), *overflow_);
    }
}

template class Family<Counter>;
template class Family<Gauge>;
template class Family<Histogram>;

namespace {

struct ComputedFamily {
    FamilyInfo info;
    uint64_t id;
    std::function<std::vector<Registry::Sample>()> read;
};

using AnyFamily = std::variant<std::unique_ptr<Family<Counter>>, std::unique_ptr<Family<Gauge>>,
                               std::unique_ptr<Family<Histogram>>, std::unique_ptr<ComputedFamily>>;

const FamilyInfo& info_of(const AnyFamily& family) {
    return std::visit(
        [](const auto& pointer) -> const FamilyInfo& {
            if constexpr (requires { pointer->info(); }) {
                return pointer->info();
            } else {
                return pointer->info;
            }
        },
        family);
}

void check_info(const FamilyInfo& info) {
    INSULA_CHECK(prometheus::CheckMetricName(info.name), "a metric's name has a wrong character");
    const auto begins = [&](std::string_view prefix) { return info.name.starts_with(prefix); };
    INSULA_CHECK(
        begins("insula_") || begins("process_") || begins("minio_") || begins("replication_"),
        "a metric's name begins with insula_");
    INSULA_CHECK((info.kind == Kind::counter) == info.name.ends_with("_total"),
                 "counters, and nothing else, end in _total");
    INSULA_CHECK(!info.help.empty(), "a metric says what it is");
    for (const std::string& label : info.labels) {
        INSULA_CHECK(prometheus::CheckLabelName(label), "a label's name is wrong");
        INSULA_CHECK(label != "le", "a label's name is reserved");
    }
}

void put(prometheus::ClientMetric& out, const Counter& counter) {
    out.counter.value = static_cast<double>(counter.value());
}
void put(prometheus::ClientMetric& out, const Gauge& gauge) { out.gauge.value = gauge.value(); }
void put(prometheus::ClientMetric& out, const Histogram& histogram) {
    const Histogram::Snapshot snapshot = histogram.snapshot();
    uint64_t cumulative = 0;
    for (size_t i = 0; i < histogram.bounds().size(); ++i) {
        cumulative += snapshot.counts[i];
        out.histogram.bucket.push_back({cumulative, histogram.bounds()[i]});
    }
    out.histogram.sample_count = snapshot.count;
    out.histogram.sample_sum = snapshot.sum;
}

prometheus::ClientMetric with_labels(const FamilyInfo& info, std::span<const std::string> values) {
    prometheus::ClientMetric metric;
    for (size_t i = 0; i < values.size(); ++i) {
        metric.label.push_back({info.labels[i], values[i]});
    }
    return metric;
}

template <class Metric>
void collect(const Family<Metric>& family, std::vector<prometheus::ClientMetric>& out) {
    family.each([&](std::span<const std::string> values, const Metric& metric) {
        out.push_back(with_labels(family.info(), values));
        put(out.back(), metric);
    });
    // The order of a hash table would differ from scrape to scrape.
    std::sort(out.begin(), out.end(),
              [](const auto& a, const auto& b) { return a.label < b.label; });
}

void collect(const ComputedFamily& family, std::vector<prometheus::ClientMetric>& out) {
    for (const Registry::Sample& sample : family.read()) {
        INSULA_CHECK(sample.values.size() == family.info.labels.size(),
                     "a series has one value for each label");
        out.push_back(with_labels(family.info, sample.values));
        if (family.info.kind == Kind::counter) {
            out.back().counter.value = sample.value;
        } else {
            out.back().gauge.value = sample.value;
        }
        if (out.size() == kSeriesMax) break;
    }
}

prometheus::MetricType type_of(Kind kind) {
    switch (kind) {
        case Kind::counter:
            return prometheus::MetricType::Counter;
        case Kind::gauge:
            return prometheus::MetricType::Gauge;
        case Kind::histogram:
            return prometheus::MetricType::Histogram;
    }
    return prometheus::MetricType::Untyped;
}

}  // namespace

struct Registry::State {
    std::mutex mutex;
    std::map<std::string, AnyFamily, std::less<>> families;
    Counter* overflows = nullptr;
    uint64_t last_id = 0;

    template <class Metric>
    Family<Metric>& family(FamilyInfo info, size_t series_max, typename Family<Metric>::Make make) {
        check_info(info);
        const std::lock_guard lock(mutex);
        if (const auto found = families.find(info.name); found != families.end()) {
            auto* same = std::get_if<std::unique_ptr<Family<Metric>>>(&found->second);
            INSULA_CHECK(same != nullptr && (*same)->info().labels == info.labels,
                         "a metric's name is taken by another kind or with other labels");
            return **same;
        }
        std::string name = info.name;
        auto made = std::make_unique<Family<Metric>>(std::move(info), series_max, overflows,
                                                     std::move(make));
        Family<Metric>& family = *made;
        families.emplace(std::move(name), std::move(made));
        return family;
    }
};

Registry::Registry() : state_(std::make_unique<State>()) {
    state_->overflows = &counter("insula_metrics_overflows_total",
                                 "Look-ups of a series beyond its family's limit.")
                             .with({});
}

Registry::~Registry() = default;

Family<Counter>& Registry::counter(std::string name, std::string help,
                                   std::vector<std::string> labels, size_t series_max) {
    return state_->family<Counter>(
        {std::move(name), std::move(help), std::move(labels), Kind::counter}, series_max,
        [] { return std::make_unique<Counter>(); });
}

Family<Gauge>& Registry::gauge(std::string name, std::string help, std::vector<std::string> labels,
                               size_t series_max) {
    return state_->family<Gauge>({std::move(name), std::move(help), std::move(labels), Kind::gauge},
                                 series_max, [] { return std::make_unique<Gauge>(); });
}

Family<Histogram>& Registry::histogram(std::string name, std::string help,
                                       std::span<const double> bounds,
                                       std::vector<std::string> labels, size_t series_max) {
    return state_->family<Histogram>(
        {std::move(name), std::move(help), std::move(labels), Kind::histogram}, series_max,
        [own = std::vector<double>(bounds.begin(), bounds.end())] {
            return std::make_unique<Histogram>(own);
        });
}

Callback Registry::callback(Kind kind, std::string name, std::string help,
                            std::function<double()> read) {
    return callback(kind, std::move(name), std::move(help), {},
                    [read = std::move(read)] { return std::vector<Sample>{{{}, read()}}; });
}

Callback Registry::callback(Kind kind, std::string name, std::string help,
                            std::vector<std::string> labels,
                            std::function<std::vector<Sample>()> read) {
    INSULA_CHECK(kind != Kind::histogram, "a histogram is not computed");
    auto made = std::make_unique<ComputedFamily>();
    made->info = {name, std::move(help), std::move(labels), kind};
    made->read = std::move(read);
    check_info(made->info);
    const std::lock_guard lock(state_->mutex);
    made->id = ++state_->last_id;
    const uint64_t id = made->id;
    const bool added = state_->families.emplace(std::move(name), std::move(made)).second;
    INSULA_CHECK(added, "a metric's name is taken");
    return {*this, id};
}

void Registry::remove(uint64_t id) {
    const std::lock_guard lock(state_->mutex);
    std::erase_if(state_->families, [&](const auto& entry) {
        const auto* computed = std::get_if<std::unique_ptr<ComputedFamily>>(&entry.second);
        return computed != nullptr && (*computed)->id == id;
    });
}

std::string Registry::expose() const {
    std::vector<prometheus::MetricFamily> collected;
    {
        // Held while callbacks run, so that a Callback's destructor waits for them.
        const std::lock_guard lock(state_->mutex);
        for (const auto& [name, family] : state_->families) {
            const FamilyInfo& info = info_of(family);
            prometheus::MetricFamily& out = collected.emplace_back();
            out.name = info.name;
            out.help = info.help;
            out.type = type_of(info.kind);
            std::visit([&](const auto& pointer) { collect(*pointer, out.metric); }, family);
        }
    }
    return prometheus::TextSerializer().Serialize(collected);
}

Callback::Callback(Callback&& other) noexcept
    : registry_(std::exchange(other.registry_, nullptr)), id_(other.id_) {}

Callback& Callback::operator=(Callback&& other) noexcept {
    std::swap(registry_, other.registry_);
    std::swap(id_, other.id_);
    return *this;
}

Callback::~Callback() {
    if (registry_ != nullptr) registry_->remove(id_);
}

}  // namespace insula::metrics
