#include "platform/fs/crash_content.h"

#include <algorithm>
#include <array>

#include "platform/fs/crash_file_system.h"

namespace insula {
namespace {

uint64_t below(std::mt19937_64& random, uint64_t bound) {
    return std::uniform_int_distribution<uint64_t>(0, bound - 1)(random);
}

// Copies those sectors of [first, end) that a torn write left on the disk.
void copy_torn(SparseContent& to, const SparseContent& from, uint64_t first, uint64_t end,
               std::mt19937_64& random) {
    const auto copy = [&](uint64_t begin, uint64_t stop) {
        to.copy(from, begin * kCrashSectorBytes, (stop - begin) * kCrashSectorBytes);
    };
    const uint64_t cut = first + below(random, end - first + 1);
    switch (below(random, 3)) {
        case 0:
            return copy(first, cut);
        case 1:
            return copy(cut, end);
        default:
            for (uint64_t sector = first; sector < end; ++sector) {
                if (random() & 1) copy(sector, sector + 1);
            }
    }
}

}  // namespace

bool chance(std::mt19937_64& random, double probability) {
    return std::uniform_real_distribution<double>(0, 1)(random) < probability;
}

CrashStyle CrashStyle::draw(std::mt19937_64& random) {
    static constexpr std::array<CrashStyle, 6> kStyles{{{.keep = 0.0, .tear = 0.0},
                                                        {.keep = 1.0, .tear = 0.0},
                                                        {.keep = 0.5, .tear = 0.0},
                                                        {.keep = 0.5, .tear = 0.5},
                                                        {.keep = 0.9, .tear = 0.1},
                                                        {.keep = 0.1, .tear = 0.1}}};
    return kStyles[below(random, kStyles.size())];
}

size_t CrashContent::read(MutableBytes out, uint64_t offset) const {
    if (offset >= size_) return 0;
    const size_t count = std::min<uint64_t>(out.size(), size_ - offset);
    current_.read(out.first(count), offset);
    return count;
}

void CrashContent::write(Bytes data, uint64_t offset) {
    if (data.empty()) return;
    current_.write(data, offset);
    size_ = std::max(size_, offset + data.size());
    const bool zeros =
        std::ranges::all_of(data, [](std::byte byte) { return byte == std::byte{0}; });
    pending_.push_back({.offset = offset,
                        .length = data.size(),
                        .data = zeros ? std::string() : std::string(as_text(data)),
                        .size_after = size_});
}

void CrashContent::truncate(uint64_t size) {
    // Bytes that are cut off become zeros at once, so that growing again shows none of them.
    const uint64_t cut = size < size_ ? size_ - size : 0;
    current_.zero_from(size);
    size_ = size;
    pending_.push_back({.offset = size, .length = cut, .data = {}, .size_after = size});
}

void CrashContent::sync() {
    durable_ = current_;
    durable_size_ = size_;
    pending_.clear();
}

CrashContent CrashContent::after_power_cut(const CrashStyle& style, std::mt19937_64& random) const {
    CrashContent found;
    found.current_ = durable_;
    found.size_ = durable_size_;
    // What the cache held after each write. A sector is found as it was after some write to it:
    // earlier writes to it are in it too.
    SparseContent cache = durable_;
    uint64_t cache_size = durable_size_;
    for (const PendingWrite& write : pending_) {
        if (write.data.empty()) {
            cache.zero(write.offset, write.length);
        } else {
            cache.write(as_bytes(write.data), write.offset);
        }
        if (write.length > 0) {
            const uint64_t first = write.offset / kCrashSectorBytes;
            const uint64_t end =
                (write.offset + write.length + kCrashSectorBytes - 1) / kCrashSectorBytes;
            if (chance(random, style.tear)) {
                copy_torn(found.current_, cache, first, end, random);
            } else if (chance(random, style.keep)) {
                found.current_.copy(cache, first * kCrashSectorBytes,
                                    (end - first) * kCrashSectorBytes);
            }
        }
        if (write.size_after != cache_size && chance(random, style.keep)) {
            found.size_ = write.size_after;
        }
        cache_size = write.size_after;
    }
    found.current_.zero_from(found.size_);
    found.durable_ = found.current_;
    found.durable_size_ = found.size_;
    return found;
}

}  // namespace insula
