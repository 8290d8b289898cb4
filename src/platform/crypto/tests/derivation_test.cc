#include <gtest/gtest.h>

#include <string>

#include "platform/crypto/hash.h"
#include "platform/crypto/hkdf.h"
#include "platform/crypto/hmac.h"
#include "platform/crypto/key_wrap.h"

namespace insula::crypto {
namespace {

// The bytes from `first` on, one higher each.
std::string run_of(int first, size_t count) {
    std::string bytes;
    for (size_t i = 0; i < count; ++i)
        bytes.push_back(static_cast<char>(first + static_cast<int>(i)));
    return bytes;
}

std::string hkdf(std::string_view key, std::string_view salt, std::string_view info, size_t bytes) {
    std::string out(bytes, '\0');
    hkdf_sha256({.key = as_bytes(key), .salt = as_bytes(salt), .info = as_bytes(info)},
                std::as_writable_bytes(std::span(out)));
    return hex_encode(as_bytes(out));
}

TEST(HmacSha256, EqualsThePublishedVectors) {
    // RFC 4231, cases 1, 2 and 6; the last one is Wikipedia's for nothing at all.
    const auto mac = [](std::string_view key, std::string_view message) {
        return hex_encode(hmac_sha256(as_bytes(key), as_bytes(message)));
    };
    EXPECT_EQ(mac(std::string(20, '\x0b'), "Hi There"),
              "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    EXPECT_EQ(mac("Jefe", "what do ya want for nothing?"),
              "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    EXPECT_EQ(
        mac(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First"),
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    EXPECT_EQ(hex_encode(hmac_sha256({}, {})),
              "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(HkdfSha256, EqualsThePublishedVectors) {
    // RFC 5869, appendix A.1 to A.3.
    EXPECT_EQ(
        hkdf(std::string(22, '\x0b'), run_of(0, 13), run_of(0xf0, 10), 42),
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
    EXPECT_EQ(
        hkdf(run_of(0, 80), run_of(0x60, 80), run_of(0xb0, 80), 82),
        "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41"
        "c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87");
    EXPECT_EQ(
        hkdf(std::string(22, '\x0b'), "", "", 42),
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
}

TEST(HkdfSha256, KeysForDifferentPurposesDiffer) {
    SystemRandom random;
    const SecretKey key = SecretKey::random(random);
    const SecretKey files = derive_key(key, as_bytes("files"));
    EXPECT_TRUE(equal_in_constant_time(files.bytes(), derive_key(key, as_bytes("files")).bytes()));
    EXPECT_FALSE(equal_in_constant_time(files.bytes(), derive_key(key, as_bytes("filet")).bytes()));
    EXPECT_FALSE(equal_in_constant_time(files.bytes(), key.bytes()));
}

TEST(KeyWrap, RoundTripsOnlyUnderTheSameKeyAndPurpose) {
    SystemRandom random;
    const SecretKey wrapping = SecretKey::random(random);
    const SecretKey key = SecretKey::random(random);
    const WrappedKey wrapped = wrap_key(wrapping, key, as_bytes("tenant 1"), random);
    const auto opened = unwrap_key(wrapping, wrapped, as_bytes("tenant 1"));
    ASSERT_TRUE(opened);
    EXPECT_TRUE(equal_in_constant_time(opened->bytes(), key.bytes()));
    EXPECT_EQ(as_text(wrapped).find(as_text(key.bytes())), std::string_view::npos);
    EXPECT_NE(wrap_key(wrapping, key, as_bytes("tenant 1"), random), wrapped)
        << "with another nonce";
    EXPECT_EQ(unwrap_key(wrapping, wrapped, as_bytes("tenant 2")).error().code(), Code::data_loss);
    EXPECT_FALSE(unwrap_key(SecretKey::random(random), wrapped, as_bytes("tenant 1")));
    for (size_t at = 0; at < wrapped.size(); ++at) {
        WrappedKey changed = wrapped;
        changed[at] ^= std::byte{1};
        EXPECT_FALSE(unwrap_key(wrapping, changed, as_bytes("tenant 1"))) << at;
    }
}

}  // namespace
}  // namespace insula::crypto
