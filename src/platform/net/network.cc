#include "platform/net/network.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace insula::net {

namespace {

constexpr std::array<uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr unsigned kMappedBits = 96;
constexpr unsigned kV6Bits = 128;
constexpr unsigned kV4Bits = 32;

Error not_a_network(std::string_view text) {
    return invalid_argument("invalid_network",
                            "\"" + std::string(text) +
                                "\" is no network; write it as 10.0.0.0/8, 2001:db8::/32 or one "
                                "address");
}

}  // namespace

bool Address::is_v4() const { return std::ranges::equal(kMapped, std::span(bytes).first<12>()); }

bool Address::is_loopback() const {
    if (is_v4()) return bytes[12] == 127;
    return bytes.back() == 1 && std::ranges::all_of(std::span(bytes).first<15>(),
                                                    [](uint8_t byte) { return byte == 0; });
}

std::optional<Address> parse_address(std::string_view text) {
    std::array<char, INET6_ADDRSTRLEN> buffer;
    if (text.size() >= buffer.size() || text.find('\0') != std::string_view::npos) {
        return std::nullopt;
    }
    std::ranges::copy(text, buffer.begin());
    buffer[text.size()] = '\0';
    Address address;
    if (text.find(':') != std::string_view::npos) {
        if (::inet_pton(AF_INET6, buffer.data(), address.bytes.data()) != 1) return std::nullopt;
        return address;
    }
    std::ranges::copy(kMapped, address.bytes.begin());
    if (::inet_pton(AF_INET, buffer.data(), address.bytes.data() + kMapped.size()) != 1) {
        return std::nullopt;
    }
    return address;
}

std::string to_text(const Address& address) {
    std::array<char, INET6_ADDRSTRLEN> buffer;
    const bool v4 = address.is_v4();
    const uint8_t* bytes = address.bytes.data() + (v4 ? kMapped.size() : 0);
    // Cannot fail: the family is known and the room is enough.
    ::inet_ntop(v4 ? AF_INET : AF_INET6, bytes, buffer.data(), buffer.size());
    return buffer.data();
}

bool Network::contains(const Address& address) const {
    const size_t whole = prefix / 8;
    if (std::memcmp(first.bytes.data(), address.bytes.data(), whole) != 0) return false;
    const unsigned rest = prefix % 8;
    if (rest == 0) return true;
    const auto mask = static_cast<uint8_t>(0xFFu << (8 - rest));
    return (first.bytes[whole] & mask) == (address.bytes[whole] & mask);
}

Result<Network> parse_network(std::string_view text) {
    const size_t slash = text.find('/');
    const auto address = parse_address(text.substr(0, slash));
    if (!address) return fail(not_a_network(text));
    Network network{.first = *address, .prefix = kV6Bits};
    if (slash == std::string_view::npos) return network;
    const std::string_view digits = text.substr(slash + 1);
    const bool mapped = text.find(':') == std::string_view::npos;
    unsigned bits = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
    if (error != std::errc() || end != digits.data() + digits.size() ||
        bits > (mapped ? kV4Bits : kV6Bits)) {
        return fail(not_a_network(text));
    }
    network.prefix = mapped ? kMappedBits + bits : bits;
    return network;
}

bool any_contains(std::span<const Network> networks, const Address& address) {
    return std::ranges::any_of(networks,
                               [&](const Network& each) { return each.contains(address); });
}

}  // namespace insula::net
