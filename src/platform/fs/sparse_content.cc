#include "platform/fs/sparse_content.h"

#include <algorithm>
#include <cstring>

namespace insula {
namespace {

bool all_zeros(Bytes bytes) {
    return bytes.front() == std::byte{0} &&
           std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
}

// Calls piece(page number, offset in the page, offset in the range, bytes) for each page that the
// range touches.
template <class Piece>
void for_each_page(uint64_t offset, uint64_t length, Piece piece) {
    constexpr uint64_t kPage = SparseContent::kPageBytes;
    for (uint64_t done = 0; done < length;) {
        const uint64_t at = offset + done;
        const uint64_t within = at % kPage;
        const uint64_t bytes = std::min(kPage - within, length - done);
        piece(at / kPage, within, done, bytes);
        done += bytes;
    }
}

}  // namespace

const SparseContent::Page* SparseContent::page(uint64_t number) const {
    const uint64_t extent = number / kPagesPerExtent;
    if (extent >= extents_.size() || !extents_[extent]) return nullptr;
    return extents_[extent]->pages[number % kPagesPerExtent].get();
}

SparseContent::PagePointer SparseContent::shared_page(uint64_t number) const {
    const uint64_t extent = number / kPagesPerExtent;
    if (extent >= extents_.size() || !extents_[extent]) return nullptr;
    return extents_[extent]->pages[number % kPagesPerExtent];
}

SparseContent::PagePointer& SparseContent::slot(uint64_t number) {
    const uint64_t extent = number / kPagesPerExtent;
    if (extent >= extents_.size()) extents_.resize(extent + 1);
    auto& pointer = extents_[extent];
    if (!pointer) {
        pointer = std::make_shared<Extent>();
    } else if (pointer.use_count() > 1) {
        pointer = std::make_shared<Extent>(*pointer);
    }
    return pointer->pages[number % kPagesPerExtent];
}

SparseContent::Page* SparseContent::writable(uint64_t number, bool create) {
    if (!create && page(number) == nullptr) return nullptr;
    PagePointer& pointer = slot(number);
    if (!pointer) {
        pointer = std::make_shared<Page>();
    } else if (pointer.use_count() > 1) {
        pointer = std::make_shared<Page>(*pointer);
    }
    return pointer.get();
}

void SparseContent::read(MutableBytes out, uint64_t offset) const {
    for_each_page(offset, out.size(),
                  [&](uint64_t number, uint64_t within, uint64_t done, uint64_t bytes) {
                      if (const Page* from = page(number)) {
                          std::memcpy(out.data() + done, from->data() + within, bytes);
                      } else {
                          std::memset(out.data() + done, 0, bytes);
                      }
                  });
}

void SparseContent::write(Bytes data, uint64_t offset) {
    for_each_page(offset, data.size(),
                  [&](uint64_t number, uint64_t within, uint64_t done, uint64_t bytes) {
                      const Bytes piece = data.subspan(done, bytes);
                      if (all_zeros(piece)) {
                          zero(number * kPageBytes + within, bytes);
                      } else {
                          std::memcpy(writable(number, true)->data() + within, piece.data(), bytes);
                      }
                  });
}

void SparseContent::zero(uint64_t offset, uint64_t length) {
    for_each_page(offset, length, [&](uint64_t number, uint64_t within, uint64_t, uint64_t bytes) {
        if (page(number) == nullptr) return;
        if (bytes == kPageBytes) {
            slot(number) = nullptr;
        } else {
            std::memset(writable(number, false)->data() + within, 0, bytes);
        }
    });
}

void SparseContent::zero_from(uint64_t offset) {
    const uint64_t extents_kept = (offset + kExtentBytes - 1) / kExtentBytes;
    if (extents_kept < extents_.size()) extents_.resize(extents_kept);
    const uint64_t end = extents_.size() * kExtentBytes;
    if (offset < end) zero(offset, end - offset);
}

void SparseContent::copy(const SparseContent& from, uint64_t offset, uint64_t length) {
    for_each_page(offset, length, [&](uint64_t number, uint64_t within, uint64_t, uint64_t bytes) {
        const Page* source = from.page(number);
        if (source == page(number)) return;  // the same page, or none on both sides
        if (bytes == kPageBytes) {
            slot(number) = from.shared_page(number);
        } else if (source != nullptr) {
            std::memcpy(writable(number, true)->data() + within, source->data() + within, bytes);
        } else {
            zero(number * kPageBytes + within, bytes);
        }
    });
}

uint64_t SparseContent::pages() const {
    uint64_t count = 0;
    for (const auto& extent : extents_) {
        if (!extent) continue;
        count += static_cast<uint64_t>(std::ranges::count_if(
            extent->pages, [](const PagePointer& pointer) { return pointer != nullptr; }));
    }
    return count;
}

}  // namespace insula
