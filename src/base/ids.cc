#include "base/ids.h"

#include "base/hex.h"

namespace insula {

namespace {

constexpr bool has_dash_before(size_t byte_index) {
    return byte_index == 4 || byte_index == 6 || byte_index == 8 || byte_index == 10;
}

}  // namespace

std::string TenantId::to_string() const {
    static constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text;
    text.reserve(36);
    for (size_t i = 0; i < bytes.size(); ++i) {
        if (has_dash_before(i)) text.push_back('-');
        text.push_back(kDigits[bytes[i] >> 4]);
        text.push_back(kDigits[bytes[i] & 15]);
    }
    return text;
}

Result<TenantId> TenantId::parse(std::string_view text) {
    const auto malformed = [] {
        return fail(invalid_argument(
            "malformed_tenant_id", "A tenant id is a UUID: 32 hexadecimal digits in five groups."));
    };
    TenantId id;
    size_t at = 0;
    for (size_t i = 0; i < id.bytes.size(); ++i) {
        if (has_dash_before(i)) {
            if (at >= text.size() || text[at] != '-') return malformed();
            ++at;
        }
        if (at + 2 > text.size()) return malformed();
        const int high = hex_value(text[at]);
        const int low = hex_value(text[at + 1]);
        if (high < 0 || low < 0) return malformed();
        id.bytes[i] = static_cast<uint8_t>(high * 16 + low);
        at += 2;
    }
    if (at != text.size()) return malformed();
    return id;
}

}  // namespace insula
