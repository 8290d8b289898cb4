#include "core/policy/ip_range.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <span>

namespace insula::policy {

namespace {

constexpr std::array<uint8_t, 12> kMappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr uint32_t kMappedBits = 96;

// As it is written: an IPv4-mapped address stays one of IPv6.
std::optional<IpAddress> parse_plain(std::string_view text) {
    std::array<char, INET6_ADDRSTRLEN> buffer;
    if (text.size() >= buffer.size()) return std::nullopt;
    std::ranges::copy(text, buffer.begin());
    buffer[text.size()] = '\0';
    if (text.find('\0') != std::string_view::npos) return std::nullopt;
    IpAddress address;
    address.v4 = text.find(':') == std::string_view::npos;
    const int family = address.v4 ? AF_INET : AF_INET6;
    if (::inet_pton(family, buffer.data(), address.bytes.data()) != 1) return std::nullopt;
    return address;
}

bool is_mapped(const IpAddress& address) {
    return !address.v4 && std::ranges::equal(kMappedPrefix, std::span(address.bytes).first<12>());
}

IpAddress unmapped(const IpAddress& address) {
    IpAddress inner{.bytes = {}, .v4 = true};
    std::ranges::copy(std::span(address.bytes).last<4>(), inner.bytes.begin());
    return inner;
}

}  // namespace

std::optional<IpAddress> parse_ip_address(std::string_view text) {
    const auto address = parse_plain(text);
    return address && is_mapped(*address) ? unmapped(*address) : address;
}

bool IpRange::contains(const IpAddress& address) const {
    if (address.v4 != first.v4) return false;
    const size_t whole = prefix / 8;
    if (std::memcmp(first.bytes.data(), address.bytes.data(), whole) != 0) return false;
    const uint32_t rest = prefix % 8;
    if (rest == 0) return true;
    const auto mask = static_cast<uint8_t>(0xFFu << (8 - rest));
    return (first.bytes[whole] & mask) == (address.bytes[whole] & mask);
}

std::optional<IpRange> parse_ip_range(std::string_view text) {
    const size_t slash = text.find('/');
    const auto address = parse_plain(text.substr(0, slash));
    if (!address) return std::nullopt;
    IpRange range{.first = *address, .prefix = address->bits()};
    if (slash != std::string_view::npos) {
        const std::string_view digits = text.substr(slash + 1);
        const auto [end, error] =
            std::from_chars(digits.data(), digits.data() + digits.size(), range.prefix);
        if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
        if (range.prefix > address->bits()) return std::nullopt;
    }
    if (is_mapped(*address) && range.prefix >= kMappedBits) {
        return IpRange{.first = unmapped(*address), .prefix = range.prefix - kMappedBits};
    }
    return range;
}

}  // namespace insula::policy
