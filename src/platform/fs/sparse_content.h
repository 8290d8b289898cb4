// The bytes of a file in memory, in pages that copies share until one of them writes (so a copy of
// a 64 MiB file costs 256 pointers). Pages of zeros take no room. Has no size: what was never
// written reads as zeros. Not thread-safe, and neither are two copies of one content: whoever
// copies it puts all copies under one lock.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/bytes.h"

namespace insula {

class SparseContent {
  public:
    static constexpr uint64_t kPageBytes = 4096;

    void read(MutableBytes out, uint64_t offset) const;
    void write(Bytes data, uint64_t offset);
    void zero(uint64_t offset, uint64_t length);
    void zero_from(uint64_t offset);
    // Takes a range of another content; whole pages become shared.
    void copy(const SparseContent& from, uint64_t offset, uint64_t length);
    // Pages that take room.
    uint64_t pages() const;

  private:
    static constexpr uint64_t kPagesPerExtent = 64;
    static constexpr uint64_t kExtentBytes = kPageBytes * kPagesPerExtent;
    using Page = std::array<std::byte, kPageBytes>;
    using PagePointer = std::shared_ptr<Page>;
    struct Extent {
        std::array<PagePointer, kPagesPerExtent> pages;
    };

    const Page* page(uint64_t number) const;
    PagePointer shared_page(uint64_t number) const;
    // The slot of a page, in an extent that is ours alone.
    PagePointer& slot(uint64_t number);
    // Null or a page that is ours alone.
    Page* writable(uint64_t number, bool create);

    std::vector<std::shared_ptr<Extent>> extents_;
};

}  // namespace insula
