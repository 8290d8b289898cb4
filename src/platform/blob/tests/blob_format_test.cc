// The bytes of both versions, as docs/formats/blob-file.md has them: kept, so that every later
// version reads them.
#include <gtest/gtest.h>

#include <string>

#include "platform/blob/tests/sealed_blobs.h"
#include "platform/crypto/hash.h"

namespace insula::blob {
namespace {

#define ASSERT_OK(status) ASSERT_TRUE(status) << (status).error().describe()

TEST(BlobFormat, Version1IsAsItWas) {
    constexpr std::string_view kFile =
        "494e53424c4f420a01000000000001002a00000000000000000000000000000000000000000000000000"
        "0000000000000000000000000000000000008a33994c636f6e74656e747d5e4def494e5342454e440a2a"
        "000000000000000700000000000000010000000000000093148c51000000000000000013ec8c55";
    CrashFileSystem fs;
    put_raw(fs, "a", as_text(*crypto::hex_decode(kFile)));
    const auto reader = BlobReader::open(fs, "a", kId);
    ASSERT_OK(reader);
    EXPECT_EQ(*read_range(**reader, 0, 100), "content");
    const auto writer = BlobWriter::create(fs, "b.tmp", "b", kId);
    ASSERT_OK((*writer)->append(as_bytes("content")));
    ASSERT_OK((*writer)->finish());
    EXPECT_EQ(crypto::hex_encode(as_bytes(raw(fs, "b"))), kFile);
}

// Gives out one byte after the other, from 1.
class CountingRandom final : public Random {
  public:
    void fill(std::span<uint8_t> out) override {
        for (uint8_t& byte : out) byte = ++last_;
    }

  private:
    uint8_t last_ = 0;
};

TEST(BlobFormat, Version2IsAsItWas) {
    // Made by a program of its own in another language, from the document.
    constexpr std::string_view kFile =
        "494e53424c4f420a02000000000001002a00000000000000070000000000000000000000000000000000"
        "000000000000000000000000000000000000b17aa13ea516b56dd83b61ea3c02e9e05466f9b93d8a6667"
        "ae231609ac3abf2122232425262728292a2b2c259d057dc28ac98127bb30b697f6fc0076e76a53781ee5"
        "ce341dbbad96344e53a4977cb65c75448f3e76ab04ed1fa25c94fa9d8caba2c1cbba659d2e0c5ab73100"
        "000000494e5342454e440a2a0000000000000007000000000000000100000000000000cb4b9d4a000000"
        "00000000004144355c";
    const auto key = std::make_shared<const crypto::SealKey>(
        crypto::SealKey{kKeyId, tenant_of(1),
                        *crypto::SecretKey::parse(
                            "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")});
    CrashFileSystem fs;
    put_raw(fs, "a", as_text(*crypto::hex_decode(kFile)));
    const auto reader = BlobReader::open(fs, "a", kId, unseal_with(key));
    ASSERT_OK(reader);
    EXPECT_EQ(*read_range(**reader, 0, 100), "content");
    ASSERT_OK((*reader)->verify());
    CountingRandom random;
    const auto writer = BlobWriter::create(fs, "b.tmp", "b", kId, {.key = key, .random = &random});
    ASSERT_OK(writer);
    ASSERT_OK((*writer)->append(as_bytes("content")));
    ASSERT_OK((*writer)->finish());
    EXPECT_EQ(crypto::hex_encode(as_bytes(raw(fs, "b"))), kFile);
}

}  // namespace
}  // namespace insula::blob
