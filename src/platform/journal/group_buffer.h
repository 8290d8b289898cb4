// GroupBuffer: the memory in which one group of records waits to be written. Its address never
// changes, so that appenders can copy into their place without holding a lock; pages come into
// being when touched. Not thread-safe as a whole; different ranges may be written at the same time.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace insula::journal {

class GroupBuffer {
  public:
    // Reserves addresses, no memory.
    explicit GroupBuffer(uint64_t capacity);
    ~GroupBuffer();
    GroupBuffer(const GroupBuffer&) = delete;
    GroupBuffer& operator=(const GroupBuffer&) = delete;

    MutableBytes range(uint64_t offset, uint64_t size);
    // Gives the memory above `kept` bytes back to the system.
    void trim(uint64_t kept);

  private:
    std::byte* data_;
    const uint64_t capacity_;
    uint64_t touched_ = 0;
};

}  // namespace insula::journal
