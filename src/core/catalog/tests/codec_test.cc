#include "core/catalog/codec.h"

#include <gtest/gtest.h>

#include "base/crc32c.h"
#include "core/catalog/tests/samples.h"

namespace insula::catalog {
namespace {

TEST(ZoneCodec, EveryKindOfZoneRoundTrips) {
    const DataFile file = sample_file(7);
    const std::string blob = encode_zones(file.id, file.zones);
    EXPECT_EQ(*decode_zones(file.id, as_bytes(blob)), file.zones);
    EXPECT_TRUE(decode_zones(file.id, as_bytes(encode_zones(file.id, {})))->empty());
}

TEST(ZoneCodec, TheBytesAreThoseOfTheFormat) {
    // docs/formats/catalog.md
    const std::vector<Zone> zones{{.column = ColumnId{3},
                                   .type = ColumnType::string,
                                   .nulls = 2,
                                   .has_bounds = true,
                                   .min_text = "ab",
                                   .max_text = "c"}};
    const std::string body(
        "\x01\0\0\0"          // one zone
        "\x03\0\0\0\0\0\0\0"  // column
        "\x04\x03"            // string; bounds, and an upper one
        "\x02\0\0\0\0\0\0\0"  // nulls
        "\x02"                // lower bound
        "ab\x01"              // upper bound
        "c",
        27);
    const std::string blob = encode_zones(FileId{9}, zones);
    EXPECT_EQ(blob[0], 1);
    EXPECT_EQ(blob.substr(5), body);
    ByteReader checksum(as_bytes(blob).subspan(1), "test");
    EXPECT_EQ(*checksum.get<uint32_t>(),
              crc32c(as_bytes(std::string("\x09\0\0\0\0\0\0\0", 8) + body)));
}

TEST(ZoneCodec, AnyChangedOrMissingByteIsDataLoss) {
    const DataFile file = sample_file(7);
    const std::string blob = encode_zones(file.id, file.zones);
    for (size_t at = 0; at < blob.size(); ++at) {
        std::string damaged = blob;
        damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
        const auto changed = decode_zones(file.id, as_bytes(damaged));
        ASSERT_FALSE(changed) << at;
        EXPECT_EQ(changed.error().code(), Code::data_loss);
        const auto cut = decode_zones(file.id, as_bytes(blob.substr(0, at)));
        ASSERT_FALSE(cut) << at;
        EXPECT_EQ(cut.error().code(), Code::data_loss);
    }
    EXPECT_FALSE(decode_zones(file.id, as_bytes(blob + "x")));
}

TEST(ZoneCodec, TheZonesOfAnotherFileAreDataLoss) {
    const DataFile file = sample_file(7);
    const std::string blob = encode_zones(file.id, file.zones);
    EXPECT_EQ(decode_zones(FileId{8}, as_bytes(blob)).error().code(), Code::data_loss);
}

TEST(TextListCodec, RoundTripsAndRefusesDamage) {
    const std::vector<std::string> texts{"", "a,b", std::string("\0x", 2), "k\u00e4se"};
    const std::string blob = encode_text_list(texts);
    EXPECT_EQ(*decode_text_list(as_bytes(blob)), texts);
    EXPECT_TRUE(decode_text_list(as_bytes(encode_text_list({})))->empty());
    for (size_t size = 0; size < blob.size(); ++size) {
        EXPECT_FALSE(decode_text_list(as_bytes(blob.substr(0, size)))) << size;
    }
    EXPECT_FALSE(decode_text_list(as_bytes(blob + "x")));
    EXPECT_FALSE(decode_text_list(as_bytes(std::string("\xff\xff\xff\xff", 4)))) << "a huge count";
}

TEST(ColumnTypeCodec, OnlyKnownNumbersAreTypes) {
    for (uint64_t number = 1; number <= 7; ++number) {
        EXPECT_EQ(static_cast<uint64_t>(*decode_column_type(number)), number);
    }
    for (const uint64_t number : {0ull, 8ull, 256ull, ~0ull}) {
        EXPECT_FALSE(decode_column_type(number)) << number;
    }
}

TEST(FilePath, IsMadeOfNumbersAlone) {
    EXPECT_EQ(file_path(sample_tenant(1).id, SourceIncarnation{12}, sample_file(34)),
              "blob/t/01020304-0506-4708-890a-0b0c0d0e0f00/s/12/1-34-2.parquet");
    EXPECT_EQ(source_directory(sample_tenant(1).id, SourceIncarnation{12}),
              "blob/t/01020304-0506-4708-890a-0b0c0d0e0f00/s/12");
}

}  // namespace
}  // namespace insula::catalog
