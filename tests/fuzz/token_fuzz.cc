// Tenant tokens. The first byte says what the rest is: a token as anybody may send it, claims or a
// header that are rightly signed, or damage to a token that verifies.
#include <algorithm>
#include <array>
#include <string>

#include "core/tenancy/token.h"
#include "damage.h"
#include "fuzz_target.h"
#include "platform/crypto/base64url.h"

namespace insula {
namespace {

using tenancy::issue_token;
using tenancy::token_refused;
using tenancy::TokenFault;
using tenancy::TokenKeys;
using tenancy::VerifiedToken;

constexpr int64_t kNowSeconds = 1'800'000'000;
constexpr WallNanos kNow = kNowSeconds * 1'000'000'000;
constexpr std::string_view kHeader = R"({"alg":"EdDSA","typ":"insula-tenant+jwt","kid":"k1"})";
constexpr std::string_view kClaims =
    R"({"iss":"issuer","aud":"audience","sub":"subject",)"
    R"("tid":"01010101-0101-0101-0101-010101010101","scope":"tables:Write tables:Read",)"
    R"("iat":1799999990,"nbf":1799999990,"exp":1800000600,"jti":"token-1"})";

struct Sample {
    Sample()
        : key([] {
              SeededRandom random(1);
              return crypto::SigningKey::random(random);
          }()),
          keys(*TokenKeys::create({{.id = "k1", .key = key.public_key()}})),
          token(sign(kHeader, kClaims)) {
        INSULA_FUZZ_EXPECT(verify(token).has_value(), "the sample verifies");
    }
    std::string sign(std::string_view header, std::string_view claims) const {
        std::string text = crypto::base64url_encode(as_bytes(header)) + "." +
                           crypto::base64url_encode(as_bytes(claims));
        return text + "." + crypto::base64url_encode(key.sign(as_bytes(text)));
    }
    Result<VerifiedToken> verify(std::string_view text) const {
        return tenancy::verify_token(text, *keys, {.issuer = "issuer", .audience = "audience"},
                                     kNow);
    }
    crypto::SigningKey key;
    std::shared_ptr<const TokenKeys> keys;
    std::string token;
};

// What is accepted is what issue_token() could have written: so nothing was overlooked.
void check_accepted(const Sample& sample, const VerifiedToken& verified) {
    const auto issued = issue_token(verified.claims, "k1", sample.key);
    INSULA_FUZZ_EXPECT(issued.has_value(), issued.error().describe());
    const auto again = sample.verify(*issued);
    INSULA_FUZZ_EXPECT(again.has_value() && again->claims == verified.claims,
                       "claims come back as they were");
    INSULA_FUZZ_EXPECT(verified.valid_from <= kNow && kNow < verified.valid_until,
                       "a token counts when it is accepted");
}

}  // namespace

INSULA_FUZZ_TARGET(token, input) {
    static const Sample sample;
    if (input.empty()) return;
    const std::string_view rest = as_text(input.subspan(1));
    std::string text;
    bool rightly_signed = false;
    switch (std::to_integer<unsigned>(input[0]) % 4) {
        case 0:
            text = rest;
            break;
        case 1:
            text = sample.sign(kHeader, rest);
            rightly_signed = true;
            break;
        case 2:
            text = sample.sign(rest, kClaims);
            rightly_signed = true;
            break;
        default:
            text = sample.token;
            fuzz::damage(text, input.subspan(1));
            break;
    }
    const auto verified = sample.verify(text);
    if (!verified) {
        INSULA_FUZZ_EXPECT(verified.error().code() == Code::unauthenticated,
                           verified.error().describe());
        INSULA_FUZZ_EXPECT(
            verified.error().message() == token_refused(TokenFault::malformed).message(),
            "all refusals read alike");
        return;
    }
    INSULA_FUZZ_EXPECT(rightly_signed || text == sample.token, "nobody else signs");
    check_accepted(sample, *verified);
}

}  // namespace insula
