#include "platform/crypto/base64url.h"

#include <fmt/format.h>

#include <array>
#include <cstdint>

namespace insula::crypto {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

constexpr std::array<int8_t, 256> kValues = [] {
    std::array<int8_t, 256> values{};
    values.fill(-1);
    for (size_t i = 0; i < kAlphabet.size(); ++i) {
        values[static_cast<uint8_t>(kAlphabet[i])] = static_cast<int8_t>(i);
    }
    return values;
}();

Error invalid_base64(std::string message) {
    return invalid_argument("invalid_base64", std::move(message));
}

}  // namespace

std::string base64url_encode(Bytes bytes) {
    std::string text;
    text.reserve((bytes.size() * 8 + 5) / 6);
    uint32_t bits = 0;
    int count = 0;
    for (const std::byte byte : bytes) {
        bits = bits << 8 | std::to_integer<uint32_t>(byte);
        for (count += 8; count >= 6; count -= 6) {
            text.push_back(kAlphabet[bits >> (count - 6) & 63]);
        }
    }
    if (count > 0) text.push_back(kAlphabet[bits << (6 - count) & 63]);
    return text;
}

Result<std::vector<std::byte>> base64url_decode(std::string_view text) {
    if (text.size() % 4 == 1) {
        return fail(invalid_base64(
            fmt::format("A base64url text cannot have {} characters.", text.size())));
    }
    std::vector<std::byte> bytes;
    bytes.reserve(text.size() * 6 / 8);
    uint32_t bits = 0;
    int count = 0;
    for (size_t at = 0; at < text.size(); ++at) {
        const int8_t value = kValues[static_cast<uint8_t>(text[at])];
        if (value < 0) {
            return fail(invalid_base64(fmt::format("Character {} is not base64url.", at)));
        }
        bits = bits << 6 | static_cast<uint32_t>(value);
        count += 6;
        if (count < 8) continue;
        count -= 8;
        bytes.push_back(static_cast<std::byte>(bits >> count & 0xff));
    }
    if ((bits & ((1u << count) - 1)) != 0) {
        return fail(invalid_base64("A base64url text has bits behind its last byte."));
    }
    return bytes;
}

}  // namespace insula::crypto
