// What no token may be, case by case. Wherever it can be, the signature is right: the case is then
// refused for what it is and not for a signature that somebody could have made.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "core/tenancy/tests/token_samples.h"
#include "core/tenancy/token.h"
#include "platform/crypto/hash.h"
#include "platform/crypto/hmac.h"

namespace insula::tenancy {
namespace {

constexpr std::string_view kHeader = R"({"alg":"EdDSA","typ":"insula-tenant+jwt","kid":"k1"})";
constexpr std::string_view kClaims =
    R"({"iss":"https://insula.example","aud":"insula","sub":"service/loader",)"
    R"("tid":"01010101-0101-0101-0101-010101010101","scope":"tables:Write tables:Read",)"
    R"("iat":1799999990,"nbf":1799999990,"exp":1800000600,"jti":"token-1"})";

struct Case {
    std::string name;
    std::string token;
    TokenFault fault;
};

std::string replaced(std::string_view text, std::string_view what, std::string_view by) {
    std::string changed(text);
    const size_t at = changed.find(what);
    EXPECT_NE(at, std::string::npos) << what;
    return changed.replace(at, what.size(), by);
}

class TokenRefusals : public ::testing::Test {
  protected:
    void header(std::string_view name, std::string_view json, TokenFault fault) {
        cases_.push_back({"header: " + std::string(name), sign_parts(json, kClaims, key_), fault});
    }
    void claims(std::string_view name, std::string_view json, TokenFault fault) {
        cases_.push_back({"claims: " + std::string(name), sign_parts(kHeader, json, key_), fault});
    }
    void claims(std::string_view what, std::string_view by, std::string_view name,
                TokenFault fault = TokenFault::claims_malformed) {
        claims(name, replaced(kClaims, what, by), fault);
    }
    void text(std::string_view name, std::string token, TokenFault fault = TokenFault::malformed) {
        cases_.push_back({"text: " + std::string(name), std::move(token), fault});
    }
    void check_all(size_t at_least) {
        EXPECT_GE(cases_.size(), at_least);
        const Error told = token_refused(TokenFault::malformed);
        for (const Case& one : cases_) {
            const auto verified = verify_token(one.token, *keys_, sample_expectations(), kNow);
            ASSERT_FALSE(verified) << one.name;
            const Error& error = verified.error();
            EXPECT_EQ(error.detail(), token_fault_name(one.fault)) << one.name;
            EXPECT_EQ(error.code(), told.code()) << one.name;
            EXPECT_EQ(error.reason(), told.reason()) << one.name;
            EXPECT_EQ(error.message(), told.message()) << one.name;
            EXPECT_EQ(error.hint(), told.hint()) << one.name;
        }
    }

    const crypto::SigningKey key_ = signing_key(1);
    const crypto::SigningKey second_ = signing_key(2);
    const crypto::SigningKey foreign_ = signing_key(3);
    const std::shared_ptr<const TokenKeys> keys_ = *TokenKeys::create({
        {.id = "k1", .key = key_.public_key()},
        {.id = "k2", .key = second_.public_key()},
        {.id = "retired", .key = key_.public_key(), .retired_at = kNow},
        {.id = "future", .key = key_.public_key(), .not_before = kNow + 1},
    });
    const std::string good_ = sign_parts(kHeader, kClaims, key_);
    std::vector<Case> cases_;
};

TEST_F(TokenRefusals, TheTokenThatTheCasesBeginWithVerifies) {
    EXPECT_TRUE(verify_token(good_, *keys_, sample_expectations(), kNow));
    EXPECT_EQ(good_, *issue_token(sample_claims(), "k1", key_));
}

TEST_F(TokenRefusals, OtherAlgorithms) {
    const auto algorithm = [&](std::string_view json) {
        header(json, replaced(kHeader, R"("EdDSA")", json), TokenFault::algorithm_not_allowed);
    };
    for (const std::string_view name :
         {"none",  "None",  "NONE",   "nOnE",         "none ",  " none",  "HS256",   "HS384",
          "HS512", "RS256", "RS512",  "PS256",        "ES256",  "ES256K", "Ed25519", "Ed448",
          "eddsa", "EDDSA", "EdDSA ", "EdDSA\\u0000", "A256KW", "dir",    ""}) {
        algorithm("\"" + std::string(name) + "\"");
    }
    for (const std::string_view json : {"null", "true", "0", "1.5"}) algorithm(json);
    header("no alg", R"({"typ":"insula-tenant+jwt","kid":"k1"})",
           TokenFault::algorithm_not_allowed);
    header("Alg", replaced(kHeader, "alg", "Alg"), TokenFault::header_parameter_unknown);
    header("alg in an array", replaced(kHeader, R"("EdDSA")", R"(["EdDSA"])"),
           TokenFault::header_malformed);
    header("alg twice, none first", replaced(kHeader, R"("alg")", R"("alg":"none","alg")"),
           TokenFault::header_malformed);
    header("alg twice, none last", replaced(kHeader, R"("typ")", R"("alg":"none","typ")"),
           TokenFault::header_malformed);
    header("alg twice by an escape", replaced(kHeader, R"("typ")", R"("\u0061lg":"none","typ")"),
           TokenFault::header_malformed);

    // The public key as a secret, as bytes and in the texts that it is published in.
    const std::string unsigned_hs =
        encoded(replaced(kHeader, "EdDSA", "HS256")) + "." + encoded(kClaims);
    const crypto::PublicKey& key = key_.public_key();
    for (const std::string& secret :
         {std::string(as_text(key)), crypto::hex_encode(key), crypto::base64url_encode(key)}) {
        const auto mac = crypto::hmac_sha256(as_bytes(secret), as_bytes(unsigned_hs));
        text("HS256", unsigned_hs + "." + crypto::base64url_encode(mac));
        // As long as a signature of ours.
        std::string both(as_text(mac));
        both += both;
        text("HS256, twice as long", unsigned_hs + "." + encoded(both),
             TokenFault::algorithm_not_allowed);
        const std::string honest = good_.substr(0, good_.rfind('.'));
        std::string twice(as_text(crypto::hmac_sha256(as_bytes(secret), as_bytes(honest))));
        twice += twice;
        text("HMAC under EdDSA", honest + "." + encoded(twice), TokenFault::signature_wrong);
    }
    const std::string none = encoded(replaced(kHeader, "EdDSA", "none")) + "." + encoded(kClaims);
    text("none without a signature", none + ".");
    text("none without a signature and its dot", none);
    text("RS256 with a signature of its length", encoded(replaced(kHeader, "EdDSA", "RS256")) +
                                                     "." + encoded(kClaims) + "." +
                                                     encoded(std::string(256, 'x')));
    check_all(40);
}

TEST_F(TokenRefusals, OtherHeaders) {
    for (const std::string_view type :
         {"\"JWT\"", "\"jwt\"", "\"at+jwt\"", "\"INSULA-TENANT+JWT\"", "\"insula-tenant+jwt \"",
          "\"application/insula-tenant+jwt\"", "\"\"", "null", "1"}) {
        header(type, replaced(kHeader, R"("insula-tenant+jwt")", type), TokenFault::type_wrong);
    }
    header("no typ", R"({"alg":"EdDSA","kid":"k1"})", TokenFault::type_wrong);
    for (const std::string_view id :
         {"k3", "K1", "k1 ", " k1", "../k1", "k1/../k1", "k1' or 1=1", "0", "null", "\\u006b2x"}) {
        header(id, replaced(kHeader, R"("k1")", "\"" + std::string(id) + "\""),
               TokenFault::key_unknown);
    }
    for (const std::string& id : {std::string("\"\""), std::string("null"), std::string("1"),
                                  "\"" + std::string(65, 'k') + "\"", std::string(R"("k1\u0000")"),
                                  std::string(R"("k1\n")"), std::string(R"(["k1"])")}) {
        header("kid " + id, replaced(kHeader, R"("k1")", id), TokenFault::header_malformed);
    }
    header("no kid", R"({"alg":"EdDSA","typ":"insula-tenant+jwt"})", TokenFault::header_malformed);
    header("kid twice", replaced(kHeader, R"("kid":)", R"("kid":"k2","kid":)"),
           TokenFault::header_malformed);
    header("another key's id", replaced(kHeader, "k1", "k2"), TokenFault::signature_wrong);
    header("a retired key", replaced(kHeader, "k1", "retired"), TokenFault::key_not_in_use);
    header("a key of the future", replaced(kHeader, "k1", "future"), TokenFault::key_not_in_use);
    // Keys that the token brings along, and what else a header can ask for.
    for (const std::string_view more :
         {R"("jku":"https://attacker.example/keys")", R"("x5u":"https://attacker.example/c")",
          R"("jwk":"key")", R"("x5c":"certificate")", R"("x5t":"digest")", R"("crit":"exp")",
          R"("b64":false)", R"("cty":"JWT")", R"("zip":"DEF")", R"("enc":"A256GCM")", R"("":"")",
          R"("epk":"key")"}) {
        header(more, replaced(kHeader, R"({"alg")", "{" + std::string(more) + R"(,"alg")"),
               TokenFault::header_parameter_unknown);
    }
    const std::string own_key = R"({"kty":"OKP","crv":"Ed25519","x":")" +
                                crypto::base64url_encode(foreign_.public_key()) + "\"}";
    text("signed with the key that it brings along",
         sign_parts(replaced(kHeader, R"("kid")", R"("jwk":)" + own_key + R"(,"kid")"), kClaims,
                    foreign_),
         TokenFault::header_malformed);
    header("crit, as it should be", replaced(kHeader, R"("kid")", R"("crit":["exp"],"kid")"),
           TokenFault::header_malformed);
    for (const std::string& json :
         {std::string(), std::string("{}x"), std::string("[]"), std::string("null"),
          std::string("\"EdDSA\""), std::string(kHeader) + " x", std::string(kHeader) + "{}",
          std::string(kHeader) + '\0', "\xef\xbb\xbf" + std::string(kHeader),
          replaced(kHeader, R"("k1")", "'k1'"), replaced(kHeader, R"("k1"})", R"("k1",})"),
          replaced(kHeader, R"("k1")", "\"k1\xff\""), std::string(1'000, '['),
          std::string(kHeader.substr(0, 30))}) {
        header(json.substr(0, 70), json, TokenFault::header_malformed);
    }
    header("empty object", "{}", TokenFault::algorithm_not_allowed);
    check_all(55);
}

TEST_F(TokenRefusals, OtherTexts) {
    const size_t first = good_.find('.');
    const size_t second = good_.rfind('.');
    const std::string head = good_.substr(0, first);
    const std::string body = good_.substr(first + 1, second - first - 1);
    const std::string signature = good_.substr(second + 1);
    const auto joined = [](const std::string& a, const std::string& b, const std::string& c) {
        return a + "." + b + "." + c;
    };
    for (const std::string_view bad : {"", ".", "..", "...", "a.b.c", "x"}) {
        text(bad, std::string(bad));
    }
    text("two parts", head + "." + body);
    text("a part more in front", "." + good_);
    text("a part more behind", good_ + ".");
    text("four parts", good_ + "." + signature);
    text("five parts, as of JWE", good_ + "." + body + "." + signature);
    text("two dots in a row", head + ".." + body + "." + signature);
    text("no signature", joined(head, body, ""));
    text("no header", joined("", body, signature), TokenFault::header_malformed);
    text("no claims", joined(head, "", signature), TokenFault::signature_wrong);
    text("claims and header swapped", joined(body, head, signature),
         TokenFault::header_parameter_unknown);
    for (const std::string& blank : {std::string(" "), std::string("\n"), std::string("\r\n"),
                                     std::string("\t"), std::string(1, 0)}) {
        text("blank in front", blank + good_);
        text("blank behind", good_ + blank);
        text("blank within", joined(head, body.substr(0, 8) + blank + body.substr(8), signature),
             TokenFault::signature_wrong);
    }
    text("padded signature", good_ + "==");
    text("padded header", joined(head + "=", body, signature));
    text("padded header, to the full", joined(head + "==", body, signature));
    text("padded claims", joined(head, body + "=", signature), TokenFault::signature_wrong);
    // One whose signature shows the difference of the alphabets.
    std::string plain;
    for (int i = 2; plain.find_first_of("+/") == std::string::npos; ++i) {
        plain =
            sign_parts(kHeader, replaced(kClaims, "token-1", "token-" + std::to_string(i)), key_);
        std::replace(plain.begin() + static_cast<ptrdiff_t>(plain.rfind('.')), plain.end(), '-',
                     '+');
        std::replace(plain.begin() + static_cast<ptrdiff_t>(plain.rfind('.')), plain.end(), '_',
                     '/');
    }
    text("plain base64", plain);
    // The last of 86 characters has two bits of the signature and four that must be 0.
    constexpr std::string_view kAlphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const size_t last = kAlphabet.find(signature.back());
    for (size_t bits = 1; bits < 16; ++bits) {
        text("other bits behind the signature",
             joined(head, body, signature.substr(0, 85) + kAlphabet[last + bits]));
    }
    text("signature a character short", good_.substr(0, good_.size() - 1));
    text("signature a byte short", joined(head, body, encoded(std::string(63, 'x'))));
    text("signature a byte long", joined(head, body, encoded(std::string(65, 'x'))));
    text("signature of zeros", joined(head, body, encoded(std::string(64, '\0'))),
         TokenFault::signature_wrong);
    text("a foreign key's", sign_parts(kHeader, kClaims, foreign_), TokenFault::signature_wrong);
    const std::string other = sign_parts(kHeader, replaced(kClaims, "token-1", "token-2"), key_);
    text("another token's signature", joined(head, body, other.substr(other.rfind('.') + 1)),
         TokenFault::signature_wrong);
    text("another token's claims",
         joined(head, other.substr(first + 1, other.rfind('.') - first - 1), signature),
         TokenFault::signature_wrong);
    text("with its scheme", "Bearer " + good_);
    text("in quotes", "\"" + good_ + "\"");
    text("dots by percent", head + "%2E" + body + "%2E" + signature);
    text("twice", good_ + good_);
    text("two with a comma", good_ + "," + good_);
    text("JSON instead", R"({"protected":")" + head + R"(","payload":")" + body +
                             R"(","signature":")" + signature + "\"}");
    text("longer than may be", std::string(kTokenBytesMax + 1, 'a'), TokenFault::too_large);
    text("longer by its claims",
         sign_parts(kHeader, std::string(kClaims) + std::string(3'500, ' '), key_),
         TokenFault::too_large);
    text("as long as may be and nothing", std::string(kTokenBytesMax, 'a'));
    text("as long as may be and dots", std::string(kTokenBytesMax, '.'));
    check_all(60);
}

TEST_F(TokenRefusals, OtherClaims) {
    claims("https://insula.example", "https://insula.example/", "issuer with a slash",
           TokenFault::issuer_wrong);
    claims("https://insula", "https://Insula", "issuer in another case", TokenFault::issuer_wrong);
    claims("https://insula.example", "https://attacker.example", "issuer",
           TokenFault::issuer_wrong);
    for (const std::string_view audience : {"insul", "insula ", "insula2", "INSULA", "*"}) {
        claims(R"("aud":"insula")", R"("aud":")" + std::string(audience) + "\"", audience,
               TokenFault::audience_wrong);
    }
    claims(R"("aud":"insula")", R"("aud":["insula"])", "audience in an array");
    claims(R"("aud":"insula")", R"("aud":["insula","other"])", "two audiences");
    for (const std::string_view tenant :
         {"00000000", "0101010101010101010101010101010101",
          "{01010101-0101-0101-0101-010101010101}", "01010101-0101-0101-0101-01010101010",
          "0A010101-0101-0101-0101-010101010101", "01010101-0101-0101-0101-010101010101 ",
          "default_tenant", "../../other", "", "*"}) {
        claims("01010101-0101-0101-0101-010101010101", tenant, "tenant " + std::string(tenant));
    }
    for (const std::string_view name :
         {"iss", "aud", "sub", "tid", "scope", "iat", "nbf", "exp", "jti"}) {
        const std::string quoted = fmt::format("\"{}\"", name);
        claims(quoted, fmt::format("\"x{}\"", name), "without " + quoted);
        claims(quoted, fmt::format("{}:null,{}", quoted, quoted), "twice " + quoted);
        const size_t at = kClaims.find(quoted) + quoted.size() + 1;
        const size_t end = kClaims.find_first_of(",}", at);
        for (const std::string_view json : {"null", "true", "{}", "[]", "[[]]"}) {
            std::string changed(kClaims);
            changed.replace(at, end - at, json);
            claims(quoted + " " + std::string(json), changed, TokenFault::claims_malformed);
        }
    }
    for (const std::string_view time :
         {"-1", "-1800000600", "1800000600.0", "1800000600.5", "1.8e9", "1e400", "-0.0", "\"\"",
          "\"1800000600\"", "9223372036854775807", "9223372036854775808", "18446744073709551615",
          "99999999999999999999999999", "253402300800", "0x6b49d458", "01800000600", "+1800000600",
          "NaN", "Infinity"}) {
        claims("1800000600", time, "exp " + std::string(time));
        claims(R"("nbf":1799999990)", R"("nbf":)" + std::string(time), "nbf " + std::string(time));
        claims(R"("iat":1799999990)", R"("iat":)" + std::string(time), "iat " + std::string(time));
    }
    claims("1800000600", "1799999994", "expired", TokenFault::expired);
    claims("1800000600", "1799999990", "ends when it begins", TokenFault::lifetime_wrong);
    claims("1800000600", "1799999980", "ends before it begins", TokenFault::lifetime_wrong);
    claims("1800000600", "0", "ends in 1970", TokenFault::lifetime_wrong);
    claims("1800000600", "1800086391", "lives too long", TokenFault::lifetime_wrong);
    claims("1800000600", "253402300799", "lives for ever", TokenFault::lifetime_wrong);
    claims(R"("nbf":1799999990)", R"("nbf":1800000006)", "begins later", TokenFault::not_yet_valid);
    claims(R"("iat":1799999990)", R"("iat":1800000006)", "issued later", TokenFault::not_yet_valid);
    claims(R"("iat":1799999990)", R"("iat":1800000601)", "issued after its end",
           TokenFault::lifetime_wrong);
    check_all(130);
}

TEST_F(TokenRefusals, ClaimsOfAnotherShape) {
    for (const std::string_view name : {"service/loader", "token-1"}) {
        claims(name, "", "empty");
        claims(name, std::string(kTokenNameBytesMax + 1, 's'), "too long");
        claims(name, "a\\u0000b", "with a zero");
        claims(name, "a\\nb", "with a line feed");
        claims(name, "a\\u007fb", "with a control character");
        claims(name, "a\xff", "that is not UTF-8");
        claims(name, "a\\ud800", "half a surrogate");
    }
    for (const std::string& scope :
         {std::string(" tables:Write"), std::string("tables:Write "), std::string("a  b"),
          std::string("a\\tb"), std::string("a\\u00a0b"), std::string("a\\\"b"),
          std::string("a\\\\b"), std::string(kTokenScopeBytesMax + 1, 'a'), [] {
              std::string many = "a";
              for (size_t i = 0; i < kTokenScopesMax; ++i) many += " a";
              return many;
          }()}) {
        claims("tables:Write tables:Read", scope, "scope " + scope);
    }
    claims(R"("scope":"tables:Write tables:Read")", R"("scope":["tables:Write"])",
           "scopes in an array");
    claims(R"("jti")", R"("admin":true,"jti")", "a claim more");
    claims(R"("jti")", R"("":"","jti")", "a claim without a name");
    claims(R"({"iss")", R"({"ISS":"x","iss")", "a claim in another case");
    claims(R"("jti")", R"("\u006ati":"x","jti")", "a claim twice by an escape");
    for (const std::string& json :
         {std::string(), std::string("{}"), std::string("[]"), std::string("null"),
          std::string("\"x\""), std::string("1"), std::string(kClaims) + "x",
          std::string(kClaims) + std::string(kClaims), std::string(kClaims) + '\0',
          "\xef\xbb\xbf" + std::string(kClaims), "[" + std::string(kClaims) + "]",
          std::string(2'000, '['), std::string(kClaims.substr(0, kClaims.size() - 1)),
          replaced(kClaims, R"("token-1"})", R"("token-1",})"),
          replaced(kClaims, R"("token-1")", R"("token-1"/**/)")}) {
        claims(json.substr(0, 40), json, TokenFault::claims_malformed);
    }
    std::string bomb;
    for (int i = 0; i < 300; ++i) bomb += R"({"a":)";
    bomb += "1" + std::string(300, '}');
    claims("1800000600", bomb, "objects in objects");
    check_all(40);
}

}  // namespace
}  // namespace insula::tenancy
