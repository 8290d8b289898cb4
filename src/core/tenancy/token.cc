#include "core/tenancy/token.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.h"
#include "core/tenancy/token_claims.h"
#include "platform/crypto/base64url.h"
#include "platform/json/utf8.h"

namespace insula::tenancy {
namespace {

constexpr int64_t kNanosPerSecond = 1'000'000'000;

// header.claims.signature
struct Parts {
    std::string_view header;
    std::string_view claims;
    std::string_view signature;
    std::string_view signed_text;
};

std::optional<Parts> split(std::string_view token) {
    const size_t first = token.find('.');
    if (first == std::string_view::npos) return std::nullopt;
    const size_t second = token.find('.', first + 1);
    if (second == std::string_view::npos) return std::nullopt;
    // A third dot is not base64url.
    return Parts{.header = token.substr(0, first),
                 .claims = token.substr(first + 1, second - first - 1),
                 .signature = token.substr(second + 1),
                 .signed_text = token.substr(0, second)};
}

TokenResult<std::string> decode(std::string_view part) {
    const auto bytes = crypto::base64url_decode(part);
    if (!bytes) return std::unexpected(TokenFault::malformed);
    return std::string(as_text(*bytes));
}

TokenResult<crypto::Signature> decode_signature(std::string_view part) {
    crypto::Signature signature;
    const auto bytes = crypto::base64url_decode(part);
    if (!bytes || bytes->size() != signature.size()) return std::unexpected(TokenFault::malformed);
    std::ranges::copy(*bytes, signature.begin());
    return signature;
}

bool lives_as_long_as_it_may(const TokenClaims& claims) {
    return claims.issued_at <= claims.expires_at && claims.not_before < claims.expires_at &&
           claims.expires_at - claims.issued_at <= kTokenLifetimeSecondsMax;
}

// In nanoseconds; seconds up to the year 9999 are too many for 64 bits of them.
WallNanos to_nanos(int64_t seconds) {
    constexpr int64_t kMost = INT64_MAX / kNanosPerSecond;
    return std::min(seconds, kMost) * kNanosPerSecond;
}

VerifiedToken validity_of(TokenClaims claims, const TokenKey& key) {
    const int64_t from = std::max(claims.not_before, claims.issued_at) - kTokenSkewSeconds;
    const WallNanos until = to_nanos(claims.expires_at + kTokenSkewSeconds);
    return {.claims = std::move(claims),
            .valid_from = std::max(to_nanos(from), key.not_before),
            .valid_until = std::min(until, key.retired_at.value_or(INT64_MAX))};
}

bool in_use(const TokenKey& key, WallNanos now) {
    return now >= key.not_before && (!key.retired_at || now < *key.retired_at);
}

// The signature comes before all that it signs is read, but for the name of the key.
TokenResult<std::pair<TokenClaims, const TokenKey*>> authenticate(std::string_view token,
                                                                  const TokenKeys& keys,
                                                                  WallNanos now) {
    if (token.size() > kTokenBytesMax) return std::unexpected(TokenFault::too_large);
    const auto parts = split(token);
    if (!parts) return std::unexpected(TokenFault::malformed);
    const auto signature = decode_signature(parts->signature);
    if (!signature) return std::unexpected(signature.error());
    const auto header = decode(parts->header);
    if (!header) return std::unexpected(header.error());
    const auto key_id = read_token_header(*header);
    if (!key_id) return std::unexpected(key_id.error());
    const TokenKey* key = keys.find(*key_id);
    if (key == nullptr) return std::unexpected(TokenFault::key_unknown);
    if (!in_use(*key, now)) return std::unexpected(TokenFault::key_not_in_use);
    if (!crypto::verify_signature(key->key, as_bytes(parts->signed_text), *signature)) {
        return std::unexpected(TokenFault::signature_wrong);
    }
    const auto json = decode(parts->claims);
    if (!json) return std::unexpected(json.error());
    auto claims = read_token_claims(*json);
    if (!claims) return std::unexpected(claims.error());
    return std::pair(*std::move(claims), key);
}

std::optional<TokenFault> find_fault(const VerifiedToken& token, const TokenExpectations& expected,
                                     WallNanos now) {
    const TokenClaims& claims = token.claims;
    if (claims.issuer != expected.issuer) return TokenFault::issuer_wrong;
    if (claims.audience != expected.audience) return TokenFault::audience_wrong;
    if (expected.tenant && claims.tenant != *expected.tenant) return TokenFault::tenant_wrong;
    if (!lives_as_long_as_it_may(claims)) return TokenFault::lifetime_wrong;
    if (now < token.valid_from) return TokenFault::not_yet_valid;
    if (now >= token.valid_until) return TokenFault::expired;
    return std::nullopt;
}

Error invalid_claims(std::string_view why) {
    return invalid_argument("invalid_token_claims",
                            fmt::format("A token cannot be issued: {}.", why));
}

bool all_utf8(const TokenClaims& claims) {
    return json::valid_utf8(claims.issuer) && json::valid_utf8(claims.audience) &&
           json::valid_utf8(claims.subject) && json::valid_utf8(claims.id);
}

}  // namespace

std::string_view token_fault_name(TokenFault fault) {
    switch (fault) {
        case TokenFault::too_large:
            return "token_too_large";
        case TokenFault::malformed:
            return "token_malformed";
        case TokenFault::header_malformed:
            return "token_header_malformed";
        case TokenFault::header_parameter_unknown:
            return "token_header_parameter_unknown";
        case TokenFault::algorithm_not_allowed:
            return "token_algorithm_not_allowed";
        case TokenFault::type_wrong:
            return "token_type_wrong";
        case TokenFault::key_unknown:
            return "token_key_unknown";
        case TokenFault::key_not_in_use:
            return "token_key_not_in_use";
        case TokenFault::signature_wrong:
            return "token_signature_wrong";
        case TokenFault::claims_malformed:
            return "token_claims_malformed";
        case TokenFault::issuer_wrong:
            return "token_issuer_wrong";
        case TokenFault::audience_wrong:
            return "token_audience_wrong";
        case TokenFault::tenant_wrong:
            return "token_tenant_wrong";
        case TokenFault::lifetime_wrong:
            return "token_lifetime_wrong";
        case TokenFault::not_yet_valid:
            return "token_not_yet_valid";
        case TokenFault::expired:
            return "token_expired";
        case TokenFault::revoked:
            return "token_revoked";
    }
    check_failed(__FILE__, __LINE__, "fault", "unknown fault of a token");
}

Error token_refused(TokenFault fault) {
    return Error(Code::unauthenticated, "unauthenticated", "The token is not valid.")
        .with_hint("Ask for a new one.")
        .with_detail(token_fault_name(fault));
}

Result<std::shared_ptr<const TokenKeys>> TokenKeys::create(std::vector<TokenKey> keys) {
    const auto invalid = [](std::string message) {
        return fail(invalid_argument("invalid_token_keys", std::move(message)));
    };
    if (keys.size() > kTokenKeysMax) {
        return invalid(fmt::format("There are {} keys of tokens; at most {} may count.",
                                   keys.size(), kTokenKeysMax));
    }
    std::ranges::sort(keys, {}, &TokenKey::id);
    for (const TokenKey& key : keys) {
        if (!is_token_key_id(key.id)) return invalid("A key of tokens has no usable id.");
    }
    if (std::ranges::adjacent_find(keys, {}, &TokenKey::id) != keys.end()) {
        return invalid("Two keys of tokens have one id.");
    }
    return std::shared_ptr<const TokenKeys>(new TokenKeys(std::move(keys)));
}

const TokenKey* TokenKeys::find(std::string_view id) const {
    const auto found = std::ranges::lower_bound(keys_, id, {}, &TokenKey::id);
    return found == keys_.end() || found->id != id ? nullptr : &*found;
}

Result<std::string> issue_token(const TokenClaims& claims, std::string_view key_id,
                                const crypto::SigningKey& key) {
    if (!is_token_key_id(key_id)) return fail(invalid_claims("its key has no usable id"));
    if (!well_formed(claims) || !all_utf8(claims)) {
        return fail(invalid_claims("a claim is empty, too long or holds what it may not"));
    }
    if (!lives_as_long_as_it_may(claims)) {
        return fail(invalid_claims(fmt::format("it has to expire after it begins, and within {} s",
                                               kTokenLifetimeSecondsMax)));
    }
    std::string token = crypto::base64url_encode(as_bytes(write_token_header(key_id)));
    token += '.';
    token += crypto::base64url_encode(as_bytes(write_token_claims(claims)));
    const crypto::Signature signature = key.sign(as_bytes(token));
    token += '.';
    token += crypto::base64url_encode(signature);
    if (token.size() > kTokenBytesMax) {
        return fail(invalid_claims(
            fmt::format("it would have {} bytes, and {} are read", token.size(), kTokenBytesMax)));
    }
    return token;
}

Result<VerifiedToken> verify_token(std::string_view token, const TokenKeys& keys,
                                   const TokenExpectations& expected, WallNanos now) {
    auto authentic = authenticate(token, keys, now);
    if (!authentic) return fail(token_refused(authentic.error()));
    VerifiedToken verified = validity_of(std::move(authentic->first), *authentic->second);
    if (const auto fault = find_fault(verified, expected, now)) return fail(token_refused(*fault));
    return verified;
}

}  // namespace insula::tenancy
