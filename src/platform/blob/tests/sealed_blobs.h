// Sealed files for tests: keys, and a fixture that writes and reads.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/units.h"
#include "platform/blob/blob_file.h"
#include "platform/blob/blob_format.h"
#include "platform/fs/crash_file_system.h"
#include "platform/runtime/random.h"

namespace insula::blob {

inline constexpr FileId kId{42};
inline constexpr crypto::KeyId kKeyId{7};
inline constexpr uint64_t kFileBytesMax = 64 * kMiB;

inline std::string random_content(uint64_t bytes, uint64_t seed = 1) {
    std::string content(bytes, '\0');
    SeededRandom random(seed);
    random.fill({reinterpret_cast<uint8_t*>(content.data()), content.size()});
    return content;
}

inline TenantId tenant_of(uint8_t number) {
    TenantId tenant;
    tenant.bytes.fill(number);
    return tenant;
}

inline crypto::SharedSealKey key_of(uint64_t seed, crypto::KeyId id = kKeyId, uint8_t tenant = 1) {
    SeededRandom random(seed);
    return std::make_shared<const crypto::SealKey>(
        crypto::SealKey{id, tenant_of(tenant), crypto::SecretKey::random(random)});
}

inline Unseal unseal_with(const crypto::SharedSealKey& key) {
    return {
        .tenant = key->tenant,
        .key_id = key->id,
        .find = [key](TenantId, crypto::KeyId) -> Result<crypto::SharedSealKey> { return key; }};
}

inline std::string raw(FileSystem& fs, const std::string& path) {
    const auto bytes = read_file(fs, path, kFileBytesMax);
    EXPECT_TRUE(bytes);
    return bytes ? *bytes : "";
}

inline void put_raw(FileSystem& fs, const std::string& path, std::string_view bytes) {
    const auto file = fs.open(path, OpenMode::create_or_open);
    ASSERT_TRUE(file) << file.error().describe();
    ASSERT_TRUE((*file)->truncate(0));
    ASSERT_TRUE((*file)->write_at(as_bytes(bytes), 0));
}

inline Result<std::string> read_range(BlobReader& reader, uint64_t offset, uint64_t bytes) {
    std::string out(bytes, '?');
    ASSIGN_OR_RETURN(const size_t count,
                     reader.read_at(std::as_writable_bytes(std::span(out)), offset));
    out.resize(count);
    return out;
}

inline Code code_of(const Result<std::string>& result) {
    EXPECT_FALSE(result);
    return result ? Code::internal : result.error().code();
}

class SealedBlobTest : public ::testing::Test {
  protected:
    Status write(FileSystem& fs, const std::string& path, std::string_view content, FileId id = kId,
                 uint64_t append_bytes = 100'000) {
        ASSIGN_OR_RETURN(const auto writer, BlobWriter::create(fs, path + ".tmp", path, id,
                                                               {.key = key_, .random = &random_}));
        for (uint64_t at = 0; at < content.size(); at += append_bytes) {
            RETURN_IF_ERROR(writer->append(as_bytes(content.substr(at, append_bytes))));
        }
        ASSIGN_OR_RETURN(const uint64_t bytes, writer->finish());
        EXPECT_EQ(bytes, file_bytes_of(content.size(), true));
        return {};
    }

    // Opens, verifies and reads the whole.
    Result<std::string> read(FileSystem& fs, const std::string& path, FileId id = kId) {
        ASSIGN_OR_RETURN(const auto reader, BlobReader::open(fs, path, id, unseal_with(key_)));
        auto content = read_range(*reader, 0, reader->size());
        const Status verified = reader->verify();
        EXPECT_EQ(content.has_value(), verified.has_value()) << "both find the same";
        return content;
    }

    Result<std::string> read_forged(const std::string& file, FileId id = kId) {
        put_raw(fs_, "forged", file);
        return read(fs_, "forged", id);
    }

    CrashFileSystem fs_;
    SystemRandom random_;
    const crypto::SharedSealKey key_ = key_of(1);
};

}  // namespace insula::blob
