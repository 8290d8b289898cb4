#include "load/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace insula::load {

// Values below 2^kSubBits have a bucket each; above, the leading kSubBits + 1 bits choose it.
size_t Histogram::bucket_of(uint64_t value) {
    const int width = std::bit_width(value);
    if (width <= kSubBits + 1) return value;
    const int shift = width - kSubBits - 1;
    return (static_cast<size_t>(shift) << kSubBits) + (value >> shift);
}

uint64_t Histogram::end_of(size_t bucket) {
    if (bucket < (size_t{2} << kSubBits)) return bucket;
    const size_t shift = (bucket >> kSubBits) - 1;
    const uint64_t leading = bucket - (shift << kSubBits);
    return ((leading + 1) << shift) - 1;
}

void Histogram::add(uint64_t nanoseconds) {
    ++counts_[bucket_of(nanoseconds)];
    ++count_;
    max_ = std::max(max_, nanoseconds);
}

void Histogram::clear() { *this = Histogram(); }

uint64_t Histogram::quantile(double share) const {
    if (count_ == 0) return 0;
    const auto wanted = std::max<uint64_t>(
        1, static_cast<uint64_t>(std::ceil(share * static_cast<double>(count_))));
    uint64_t seen = 0;
    for (size_t bucket = 0; bucket < kBuckets; ++bucket) {
        seen += counts_[bucket];
        if (seen >= wanted) return std::min(end_of(bucket), max_);
    }
    return max_;
}

}  // namespace insula::load
