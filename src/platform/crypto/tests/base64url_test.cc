#include "platform/crypto/base64url.h"

#include <gtest/gtest.h>

#include "platform/runtime/random.h"

namespace insula::crypto {
namespace {

TEST(Base64Url, EqualsThePublishedVectors) {
    // RFC 4648 section 10, without padding.
    EXPECT_EQ(base64url_encode({}), "");
    EXPECT_EQ(base64url_encode(as_bytes("f")), "Zg");
    EXPECT_EQ(base64url_encode(as_bytes("fo")), "Zm8");
    EXPECT_EQ(base64url_encode(as_bytes("foo")), "Zm9v");
    EXPECT_EQ(base64url_encode(as_bytes("foob")), "Zm9vYg");
    EXPECT_EQ(base64url_encode(as_bytes("fooba")), "Zm9vYmE");
    EXPECT_EQ(base64url_encode(as_bytes("foobar")), "Zm9vYmFy");
    // The two characters that differ from plain base64.
    EXPECT_EQ(base64url_encode(as_bytes("\xfb\xff\xfe")), "-__-");
}

TEST(Base64Url, EveryLengthRoundTrips) {
    SeededRandom random(1);
    for (size_t bytes = 0; bytes < 200; ++bytes) {
        std::string content(bytes, '\0');
        random.fill({reinterpret_cast<uint8_t*>(content.data()), content.size()});
        const auto decoded = base64url_decode(base64url_encode(as_bytes(content)));
        ASSERT_TRUE(decoded) << bytes;
        EXPECT_EQ(as_text(*decoded), content);
    }
}

TEST(Base64Url, OnlyTheOneTextOfBytesIsDecoded) {
    for (const std::string_view bad :
         {"Z", "Zg==", "Zg=", "Zg ", " Zg", "Zg\n", "Zm9v\n", "Zm 9v", "-_+_", "-_/_", "Zm9vY",
          "Zm9v=", "====", "Zm9\xff", "Zm9."}) {
        EXPECT_FALSE(base64url_decode(bad)) << bad;
    }
    EXPECT_FALSE(base64url_decode(std::string_view("Zm9\0", 4)));
    // "Zg" with other bits behind its byte, "Zm8" with other bits behind its two.
    for (const std::string_view bad : {"Zh", "Zv", "Zw", "Zn", "Zm9", "Zm_", "Zm-"}) {
        const auto decoded = base64url_decode(bad);
        EXPECT_FALSE(decoded && base64url_encode(*decoded) != bad) << bad;
    }
    EXPECT_EQ(base64url_decode("Zh").error().reason(), "invalid_base64");
    EXPECT_EQ(base64url_decode("Zm9").error().reason(), "invalid_base64");
    EXPECT_TRUE(base64url_decode("Zg"));
    EXPECT_NE(base64url_decode("Zm9v*").error().message().find("5 characters"),
              std::string_view::npos);
    EXPECT_NE(base64url_decode("Zm9v*A").error().message().find("Character 4"),
              std::string_view::npos);
}

}  // namespace
}  // namespace insula::crypto
