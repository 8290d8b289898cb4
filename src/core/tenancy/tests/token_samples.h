// Tokens for tests: keys, claims that verify, and a way to sign anything at all.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "core/tenancy/token.h"
#include "platform/crypto/base64url.h"
#include "platform/crypto/signing.h"

namespace insula::tenancy {

inline constexpr int64_t kNowSeconds = 1'800'000'000;
inline constexpr WallNanos kNow = kNowSeconds * 1'000'000'000;
inline constexpr WallNanos kSecond = 1'000'000'000;

inline crypto::SigningKey signing_key(uint64_t seed) {
    SeededRandom random(seed);
    return crypto::SigningKey::random(random);
}

inline TenantId sample_tenant(uint8_t number = 1) {
    TenantId tenant;
    tenant.bytes.fill(number);
    return tenant;
}

inline TokenClaims sample_claims() {
    return {.issuer = "https://insula.example",
            .audience = "insula",
            .subject = "service/loader",
            .tenant = sample_tenant(),
            .scopes = {"tables:Write", "tables:Read"},
            .issued_at = kNowSeconds - 10,
            .not_before = kNowSeconds - 10,
            .expires_at = kNowSeconds + 600,
            .id = "token-1"};
}

inline TokenExpectations sample_expectations() {
    return {.issuer = "https://insula.example", .audience = "insula"};
}

inline std::string encoded(std::string_view part) {
    return crypto::base64url_encode(as_bytes(part));
}

// A token of any two texts, rightly signed.
inline std::string sign_parts(std::string_view header, std::string_view claims,
                              const crypto::SigningKey& key) {
    std::string token = encoded(header) + "." + encoded(claims);
    const crypto::Signature signature = key.sign(as_bytes(token));
    return token + "." + crypto::base64url_encode(signature);
}

}  // namespace insula::tenancy
