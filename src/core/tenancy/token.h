// Tenant tokens: what a program shows to act for a tenant for a short while. JSON Web Tokens (RFC
// 7519, RFC 8725) in the compact form, signed with Ed25519 (RFC 8037); docs/formats/token.md has
// them field by field.
//
// One signature, one type, one spelling: whatever a token could be beside what issue_token() writes
// (another algorithm, a key of its own, an unknown field, a second encoding) is refused. Pure
// functions and values, thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/units.h"
#include "platform/crypto/signing.h"
#include "platform/runtime/clock.h"

namespace insula::tenancy {

inline constexpr size_t kTokenBytesMax = 4 * kKiB;
// Clocks of those who issue and verify may differ by so much.
inline constexpr int64_t kTokenSkewSeconds = 5;
inline constexpr int64_t kTokenLifetimeSecondsMax = 24 * 60 * 60;
inline constexpr size_t kTokenNameBytesMax = 255;  // of issuer, audience, subject and id
inline constexpr size_t kTokenKeyIdBytesMax = 64;
inline constexpr size_t kTokenScopesMax = 64;
inline constexpr size_t kTokenScopeBytesMax = 128;
inline constexpr size_t kTokenKeysMax = 64;

// Times are in seconds since 1970.
struct TokenClaims {
    std::string issuer;
    std::string audience;
    std::string subject;
    TenantId tenant;
    // As in RFC 6749 section 3.3: printable ASCII without blanks, quotes and backslashes.
    std::vector<std::string> scopes;
    int64_t issued_at = 0;  // when it is issued, not when it begins: revocations go by it
    int64_t not_before = 0;
    int64_t expires_at = 0;
    std::string id;  // never used twice by one issuer
    bool operator==(const TokenClaims&) const = default;
};

// Why a token is refused, for logs and metrics. Clients are told no more than that it is.
enum class TokenFault : uint8_t {
    too_large,
    malformed,
    header_malformed,
    header_parameter_unknown,
    algorithm_not_allowed,
    type_wrong,
    key_unknown,
    key_not_in_use,
    signature_wrong,
    claims_malformed,
    issuer_wrong,
    audience_wrong,
    tenant_wrong,
    lifetime_wrong,
    not_yet_valid,
    expired,
    revoked,
};
std::string_view token_fault_name(TokenFault fault);
// unauthenticated, with one message for all; the detail is token_fault_name() and nothing else.
Error token_refused(TokenFault fault);

struct TokenKey {
    std::string id;
    crypto::PublicKey key{};
    // Signs from then on, and counts for nothing from then on, however long its tokens last.
    WallNanos not_before = 0;
    std::optional<WallNanos> retired_at;
};

// The keys whose signatures count. Immutable.
class TokenKeys {
  public:
    // invalid_argument `invalid_token_keys` where an id is empty, too long or there twice, or there
    // are more than kTokenKeysMax.
    static Result<std::shared_ptr<const TokenKeys>> create(std::vector<TokenKey> keys);
    // nullptr if there is none.
    const TokenKey* find(std::string_view id) const;

  private:
    explicit TokenKeys(std::vector<TokenKey> keys) : keys_(std::move(keys)) {}
    std::vector<TokenKey> keys_;
};

struct TokenExpectations {
    std::string issuer;
    std::string audience;
    std::optional<TenantId> tenant;  // where only one is served
};

struct VerifiedToken {
    TokenClaims claims;
    // When it counts, if nothing is revoked and no key taken away: with the skew, and no longer
    // than its key.
    WallNanos valid_from = 0;
    WallNanos valid_until = 0;  // the first moment at which it does not
};

// invalid_argument `invalid_token_claims` for claims that verify_token() would refuse at any time.
Result<std::string> issue_token(const TokenClaims& claims, std::string_view key_id,
                                const crypto::SigningKey& key);

// token_refused() for whatever is not wholly right. What is revoked is not asked here.
Result<VerifiedToken> verify_token(std::string_view token, const TokenKeys& keys,
                                   const TokenExpectations& expected, WallNanos now);

}  // namespace insula::tenancy
