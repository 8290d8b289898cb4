#include "base/bytes.h"

#include <gtest/gtest.h>

#include "base/crc32c.h"
#include "base/ids.h"

namespace insula {
namespace {

TEST(Bytes, WhatIsPutComesBack) {
    ByteWriter writer;
    writer.put<uint32_t>(0);
    writer.put_string("käse");
    writer.put_double(-0.5);
    writer.put<int64_t>(-7);
    writer.patch<uint32_t>(0, 42);
    ByteReader reader(writer.bytes(), "test");
    EXPECT_EQ(*reader.get<uint32_t>(), 42u);
    EXPECT_EQ(*reader.get_string(), "käse");
    EXPECT_EQ(*reader.get_double(), -0.5);
    EXPECT_EQ(*reader.get<int64_t>(), -7);
    EXPECT_TRUE(reader.at_end());
}

TEST(Bytes, ReadingPastTheEndIsAnErrorThatNamesThePlace) {
    ByteWriter writer;
    writer.put<uint32_t>(1000);  // a string length that is not there
    ByteReader reader(writer.bytes(), "record");
    const auto text = reader.get_string();
    ASSERT_FALSE(text);
    EXPECT_EQ(text.error().code(), Code::data_loss);
    EXPECT_NE(text.error().detail().find("record: 1000 bytes wanted at offset 4"),
              std::string_view::npos);
}

TEST(Crc32c, EqualsThePublishedVectors) {
    // RFC 3720 appendix B.4.
    EXPECT_EQ(crc32c(as_bytes(std::string(32, '\0'))), 0x8a9136aau);
    EXPECT_EQ(crc32c(as_bytes(std::string(32, '\xff'))), 0x62a8ab43u);
    EXPECT_EQ(crc32c(as_bytes("123456789")), 0xe3069283u);
}

TEST(Crc32c, ContinuesOverPieces) {
    const std::string text = "the quick brown fox jumps over the lazy dog";
    for (size_t cut = 0; cut <= text.size(); ++cut) {
        const std::string_view view = text;
        EXPECT_EQ(crc32c(as_bytes(view.substr(cut)), crc32c(as_bytes(view.substr(0, cut)))),
                  crc32c(as_bytes(view)));
    }
}

TEST(TenantId, RoundTripsAndRefusesOtherText) {
    const std::string text = "0190a1b2-c3d4-4e5f-8a6b-7c8d9e0f1a2b";
    EXPECT_EQ(TenantId::parse(text)->to_string(), text);
    for (const std::string_view bad :
         {"", "0190a1b2", "0190a1b2-c3d4-4e5f-8a6b-7c8d9e0f1a2bb",
          "0190a1b2xc3d4-4e5f-8a6b-7c8d9e0f1a2b", "g190a1b2-c3d4-4e5f-8a6b-7c8d9e0f1a2b"}) {
        EXPECT_FALSE(TenantId::parse(bad)) << bad;
    }
}

}  // namespace
}  // namespace insula
