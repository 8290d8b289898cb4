// Histogram of latencies with a bounded relative error, in the manner of HdrHistogram: powers of
// two, each cut into 128 equal buckets, so that a value is off by less than 1 %. Not thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace insula::load {

class Histogram {
  public:
    void add(uint64_t nanoseconds);
    void clear();
    // The smallest recorded value that at least `share` (0 to 1) of all values do not exceed,
    // rounded up to its bucket's end; 0 where nothing was recorded.
    uint64_t quantile(double share) const;
    uint64_t max() const { return max_; }
    uint64_t count() const { return count_; }

  private:
    static constexpr int kSubBits = 7;
    static constexpr size_t kBuckets = (64 - kSubBits + 1) << kSubBits;
    static size_t bucket_of(uint64_t value);
    static uint64_t end_of(size_t bucket);

    std::array<uint64_t, kBuckets> counts_{};
    uint64_t count_ = 0;
    uint64_t max_ = 0;
};

}  // namespace insula::load
