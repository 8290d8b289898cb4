#include "core/tenancy/token_claims.h"

#include <algorithm>
#include <array>
#include <utility>

#include "platform/json/json_value.h"
#include "platform/json/json_writer.h"

namespace insula::tenancy {
namespace {

using json::JsonValue;

// The one algorithm, as RFC 8037 section 3.1 names it; names are compared byte for byte.
constexpr std::string_view kAlgorithm = "EdDSA";
// So that no other JWT of the same issuer passes for one of these (RFC 8725 section 3.11).
constexpr std::string_view kType = "insula-tenant+jwt";
constexpr int64_t kSecondsMax = 253'402'300'799;  // the end of the year 9999
constexpr size_t kClaims = 9;

// Flat: nothing of a token is nested.
Result<JsonValue> parse(std::string_view json) {
    return JsonValue::parse(json,
                            {.bytes_max = kTokenBytesMax, .depth_max = 1, .subject = "token"});
}

bool is_name(std::string_view text) {
    return !text.empty() && text.size() <= kTokenNameBytesMax &&
           std::ranges::none_of(
               text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

bool is_scope(std::string_view text) {
    return !text.empty() && text.size() <= kTokenScopeBytesMax &&
           std::ranges::all_of(
               text, [](char c) { return c > 0x20 && c < 0x7f && c != '"' && c != '\\'; });
}

bool is_time(int64_t seconds) { return seconds >= 0 && seconds <= kSecondsMax; }

const std::string* text_of(const JsonValue& object, std::string_view name) {
    const JsonValue* value = object.find(name);
    return value != nullptr && value->is_string() ? &value->string() : nullptr;
}

bool read_text(const JsonValue& object, std::string_view name, std::string& out) {
    const std::string* text = text_of(object, name);
    if (text == nullptr) return false;
    out = *text;
    return true;
}

bool read_time(const JsonValue& object, std::string_view name, int64_t& out) {
    const JsonValue* value = object.find(name);
    if (value == nullptr || value->kind() != JsonValue::Kind::int64) return false;
    out = value->int64();
    return true;
}

bool read_tenant(const JsonValue& object, TenantId& out) {
    const std::string* text = text_of(object, "tid");
    if (text == nullptr) return false;
    const auto id = TenantId::parse(*text);
    // In its one spelling.
    if (!id || id->to_string() != *text) return false;
    out = *id;
    return true;
}

// One blank between two scopes; no text is no scope.
bool read_scopes(const JsonValue& object, std::vector<std::string>& out) {
    const std::string* text = text_of(object, "scope");
    if (text == nullptr) return false;
    if (text->empty()) return true;
    std::string_view rest = *text;
    for (;;) {
        const size_t end = rest.find(' ');
        if (out.size() == kTokenScopesMax) return false;
        out.emplace_back(rest.substr(0, end));
        if (end == std::string_view::npos) return true;
        rest.remove_prefix(end + 1);
    }
}

}  // namespace

bool is_token_key_id(std::string_view id) {
    return is_name(id) && id.size() <= kTokenKeyIdBytesMax;
}

bool well_formed(const TokenClaims& claims) {
    return is_name(claims.issuer) && is_name(claims.audience) && is_name(claims.subject) &&
           is_name(claims.id) && claims.scopes.size() <= kTokenScopesMax &&
           std::ranges::all_of(claims.scopes, is_scope) && is_time(claims.issued_at) &&
           is_time(claims.not_before) && is_time(claims.expires_at);
}

std::string write_token_header(std::string_view key_id) {
    std::string text;
    json::JsonWriter writer(text);
    writer.begin_object();
    writer.key("alg").string(kAlgorithm);
    writer.key("typ").string(kType);
    writer.key("kid").string(key_id);
    writer.end_object();
    writer.finish();
    return text;
}

TokenResult<std::string> read_token_header(std::string_view json) {
    const auto parsed = parse(json);
    if (!parsed || !parsed->is_object()) return std::unexpected(TokenFault::header_malformed);
    // Keys of a token's own (jwk, jku, x5u, x5c), critical extensions, compression, nesting.
    constexpr std::array<std::string_view, 3> kKnown{"alg", "typ", "kid"};
    for (const json::JsonMember& member : parsed->object()) {
        if (std::ranges::find(kKnown, member.name) == kKnown.end()) {
            return std::unexpected(TokenFault::header_parameter_unknown);
        }
    }
    const std::string* algorithm = text_of(*parsed, "alg");
    if (algorithm == nullptr || *algorithm != kAlgorithm) {
        return std::unexpected(TokenFault::algorithm_not_allowed);
    }
    const std::string* type = text_of(*parsed, "typ");
    if (type == nullptr || *type != kType) return std::unexpected(TokenFault::type_wrong);
    const std::string* key = text_of(*parsed, "kid");
    if (key == nullptr || !is_token_key_id(*key)) {
        return std::unexpected(TokenFault::header_malformed);
    }
    return *key;
}

std::string write_token_claims(const TokenClaims& claims) {
    std::string scopes;
    for (const std::string& scope : claims.scopes) {
        if (!scopes.empty()) scopes += ' ';
        scopes += scope;
    }
    std::string text;
    json::JsonWriter writer(text);
    writer.begin_object();
    writer.key("iss").string(claims.issuer);
    writer.key("aud").string(claims.audience);
    writer.key("sub").string(claims.subject);
    writer.key("tid").string(claims.tenant.to_string());
    writer.key("scope").string(scopes);
    writer.key("iat").int64(claims.issued_at);
    writer.key("nbf").int64(claims.not_before);
    writer.key("exp").int64(claims.expires_at);
    writer.key("jti").string(claims.id);
    writer.end_object();
    writer.finish();
    return text;
}

TokenResult<TokenClaims> read_token_claims(std::string_view json) {
    const auto parsed = parse(json);
    TokenClaims claims;
    // As many members as claims, each of them there, none twice: so there is none that is unknown.
    const bool read =
        parsed && parsed->is_object() && parsed->object().size() == kClaims &&
        read_text(*parsed, "iss", claims.issuer) && read_text(*parsed, "aud", claims.audience) &&
        read_text(*parsed, "sub", claims.subject) && read_text(*parsed, "jti", claims.id) &&
        read_tenant(*parsed, claims.tenant) && read_scopes(*parsed, claims.scopes) &&
        read_time(*parsed, "iat", claims.issued_at) &&
        read_time(*parsed, "nbf", claims.not_before) &&
        read_time(*parsed, "exp", claims.expires_at);
    if (!read || !well_formed(claims)) return std::unexpected(TokenFault::claims_malformed);
    return claims;
}

}  // namespace insula::tenancy
