// How many connections each client address has, so that one client cannot take all that there may
// be. Of IPv6 a client has a whole network of 64 bits, which counts as one address. Private to this
// folder; thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <mutex>

#include "platform/net/network.h"

namespace insula::net {

class ConnectionCount {
  public:
    // 0: no limit.
    explicit ConnectionCount(size_t limit) : limit_(limit) {}

    bool counts() const { return limit_ > 0; }
    // False where the address has as many as it may; else leave() has to follow.
    bool enter(const Address& address);
    void leave(const Address& address);

  private:
    using Key = std::array<uint8_t, 16>;
    static Key key_of(const Address& address);

    const size_t limit_;
    std::mutex mutex_;
    std::map<Key, size_t> counts_;  // bounded by the connections there may be
};

}  // namespace insula::net
