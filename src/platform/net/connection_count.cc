#include "platform/net/connection_count.h"

#include <algorithm>

namespace insula::net {

namespace {

constexpr size_t kNetworkBytes = 8;  // of an IPv6 address, the part that a client is given

}  // namespace

ConnectionCount::Key ConnectionCount::key_of(const Address& address) {
    Key key = address.bytes;
    if (!address.is_v4() && !address.is_loopback()) {
        std::fill(key.begin() + kNetworkBytes, key.end(), uint8_t{0});
    }
    return key;
}

bool ConnectionCount::enter(const Address& address) {
    const std::lock_guard lock(mutex_);
    size_t& count = counts_[key_of(address)];
    if (count >= limit_) return false;
    ++count;
    return true;
}

void ConnectionCount::leave(const Address& address) {
    const std::lock_guard lock(mutex_);
    const auto found = counts_.find(key_of(address));
    if (--found->second == 0) counts_.erase(found);
}

}  // namespace insula::net
