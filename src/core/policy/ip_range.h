// Addresses and ranges of IPv4 and IPv6, as the operators IpAddress and NotIpAddress compare them.
// An IPv4-mapped address (::ffff:10.0.0.1, RFC 4291 2.5.5.2) is the IPv4 address within it: a
// listener of both families sees IPv4 clients so. Values; thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace insula::policy {

struct IpAddress {
    std::array<uint8_t, 16> bytes{};  // an IPv4 address is in the first four
    bool v4 = false;

    uint32_t bits() const { return v4 ? 32 : 128; }
};

// "10.0.0.7", "2001:db8::7"; neither with a port nor with a zone.
std::optional<IpAddress> parse_ip_address(std::string_view text);

struct IpRange {
    IpAddress first;
    uint32_t prefix = 0;  // leading bits that are compared

    bool contains(const IpAddress& address) const;
};

// "10.0.0.0/8", "2001:db8::/32"; without a prefix length the one address. Bits behind the prefix
// are not looked at.
std::optional<IpRange> parse_ip_range(std::string_view text);

}  // namespace insula::policy
