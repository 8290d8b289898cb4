#include "platform/journal/group_buffer.h"

#include <sys/mman.h>

#include <algorithm>

#include "base/check.h"
#include "platform/journal/format.h"

namespace insula::journal {

GroupBuffer::GroupBuffer(uint64_t capacity) : capacity_(capacity) {
    void* address = ::mmap(nullptr, capacity, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    INSULA_CHECK(address != MAP_FAILED, "no addresses left for the journal's buffer");
    data_ = static_cast<std::byte*>(address);
}

GroupBuffer::~GroupBuffer() { ::munmap(data_, capacity_); }

MutableBytes GroupBuffer::range(uint64_t offset, uint64_t size) {
    INSULA_CHECK(offset <= capacity_ && size <= capacity_ - offset,
                 "a group is larger than its buffer");
    touched_ = std::max(touched_, offset + size);
    return {data_ + offset, size};
}

void GroupBuffer::trim(uint64_t kept) {
    const uint64_t start = (kept + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
    if (touched_ <= start) return;
    INSULA_CHECK(::madvise(data_ + start, touched_ - start, MADV_DONTNEED) == 0,
                 "the journal's buffer cannot be given back");
    touched_ = start;
}

}  // namespace insula::journal
