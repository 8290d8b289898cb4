// Addresses of IPv4 and IPv6 and networks of them, for deciding about peers. Values; thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace insula::net {

// An IPv4 address stands in its IPv4-mapped form (::ffff:10.0.0.7, RFC 4291 2.5.5.2), so that one
// client is one address whichever way it came.
struct Address {
    std::array<uint8_t, 16> bytes{};

    bool is_v4() const;
    bool is_loopback() const;  // 127.0.0.0/8 or ::1
    bool operator==(const Address&) const = default;
};

// "10.0.0.7", "2001:db8::7"; neither with a port nor with a zone.
std::optional<Address> parse_address(std::string_view text);
// The shortest form (RFC 5952); an IPv4-mapped address as the IPv4 address within it.
std::string to_text(const Address& address);

struct Network {
    Address first;
    unsigned prefix = 128;  // leading bits that are compared, of the mapped form

    bool contains(const Address& address) const;
};

// "10.0.0.0/8", "2001:db8::/32", or one address. invalid_argument `invalid_network`.
Result<Network> parse_network(std::string_view text);

bool any_contains(std::span<const Network> networks, const Address& address);

}  // namespace insula::net
