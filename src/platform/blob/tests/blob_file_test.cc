#include "platform/blob/blob_file.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "base/crc32c.h"
#include "base/units.h"
#include "platform/blob/blob_format.h"
#include "platform/blob/frame_checksum.h"
#include "platform/fs/crash_file_system.h"
#include "platform/fs/faulty_file_system.h"
#include "platform/runtime/random.h"

namespace insula::blob {
namespace {

#define ASSERT_OK(status) ASSERT_TRUE(status) << (status).error().describe()

constexpr FileId kId{42};
constexpr uint64_t kFileBytesMax = 64 * kMiB;

std::string random_content(uint64_t bytes, uint64_t seed = 1) {
    std::string content(bytes, '\0');
    SeededRandom random(seed);
    random.fill({reinterpret_cast<uint8_t*>(content.data()), content.size()});
    return content;
}

Status write_blob(FileSystem& fs, const std::string& path, std::string_view content,
                  FileId id = kId, uint64_t append_bytes = 100'000) {
    ASSIGN_OR_RETURN(const auto writer, BlobWriter::create(fs, path + ".tmp", path, id));
    for (uint64_t at = 0; at < content.size(); at += append_bytes) {
        RETURN_IF_ERROR(writer->append(as_bytes(content.substr(at, append_bytes))));
    }
    ASSIGN_OR_RETURN(const uint64_t bytes, writer->finish());
    static_cast<void>(bytes);
    return {};
}

Result<std::string> read_range(BlobReader& reader, uint64_t offset, uint64_t bytes) {
    std::string out(bytes, '?');
    ASSIGN_OR_RETURN(const size_t count,
                     reader.read_at(std::as_writable_bytes(std::span(out)), offset));
    out.resize(count);
    return out;
}

// Opens, verifies and reads the whole.
Result<std::string> read_blob(FileSystem& fs, const std::string& path, FileId id = kId) {
    ASSIGN_OR_RETURN(const auto reader, BlobReader::open(fs, path, id));
    RETURN_IF_ERROR(reader->verify());
    return read_range(*reader, 0, reader->size());
}

std::string raw(FileSystem& fs, const std::string& path) {
    const auto bytes = read_file(fs, path, kFileBytesMax);
    EXPECT_TRUE(bytes);
    return bytes ? *bytes : "";
}

void put_raw(FileSystem& fs, const std::string& path, std::string_view bytes) {
    const auto file = fs.open(path, OpenMode::create_or_open);
    ASSERT_OK(file);
    ASSERT_OK((*file)->truncate(0));
    ASSERT_OK((*file)->write_at(as_bytes(bytes), 0));
}

Code code_of(const Result<std::string>& result) {
    EXPECT_FALSE(result);
    return result ? Code::internal : result.error().code();
}

TEST(FrameChecksum, IsCrc32cOfIdentityAndContent) {
    for (const uint64_t bytes : {uint64_t{0}, uint64_t{1}, kFrameBytes - 1, kFrameBytes}) {
        const std::string content = random_content(bytes);
        ByteWriter writer;
        writer.put(kId.value);
        writer.put(uint64_t{3});
        writer.put(bytes);
        writer.put_bytes(as_bytes(content));
        EXPECT_EQ(frame_checksum(kId, 3, as_bytes(content)), crc32c(writer.bytes())) << bytes;
    }
}

TEST(BlobFile, RoundTripsAroundFrameAndPieceBorders) {
    CrashFileSystem fs;
    const std::string all = random_content(600 * kKiB);
    for (const uint64_t border :
         {uint64_t{0}, kFrameBytes, 2 * kFrameBytes, 4 * kFrameBytes, 8 * kFrameBytes}) {
        for (const int64_t distance : {-1, 0, 1}) {
            const uint64_t bytes = border + static_cast<uint64_t>(distance);
            if (bytes > all.size()) continue;  // border 0, minus 1
            for (const uint64_t append_bytes : {uint64_t{999}, kFrameBytes, 512 * kKiB}) {
                const std::string_view content = std::string_view(all).substr(0, bytes);
                ASSERT_OK(write_blob(fs, "a", content, kId, append_bytes));
                const auto found = read_blob(fs, "a");
                ASSERT_OK(found);
                EXPECT_EQ(*found, content) << bytes << " in appends of " << append_bytes;
                EXPECT_EQ(raw(fs, "a").size(), file_bytes_of(bytes));
            }
        }
    }
}

TEST(BlobFile, RandomRangesEqualTheContent) {
    CrashFileSystem fs;
    const std::string content = random_content(11 * kFrameBytes + 12'345);
    ASSERT_OK(write_blob(fs, "a", content));
    const auto reader = BlobReader::open(fs, "a", kId);
    ASSERT_OK(reader);
    EXPECT_EQ((*reader)->size(), content.size());
    SeededRandom random(3);
    for (int i = 0; i < 1'000; ++i) {
        // Frame borders often, and ranges that pass the end.
        uint64_t offset = random.below(content.size() + 1);
        if (i % 3 == 0) offset = offset / kFrameBytes * kFrameBytes;
        uint64_t bytes = random.below(i % 2 == 0 ? 1'000 : 6 * kFrameBytes);
        if (i % 5 == 0) bytes = bytes / kFrameBytes * kFrameBytes;
        const auto found = read_range(**reader, offset, bytes);
        ASSERT_OK(found);
        ASSERT_EQ(*found, content.substr(offset, bytes)) << "step " << i;
    }
    EXPECT_EQ(*read_range(**reader, content.size(), 10), "");
    EXPECT_EQ(*read_range(**reader, content.size() + 1'000'000, 10), "");
}

TEST(BlobFile, ATableBeyondTheFirstReadOfTheTailIsLoaded) {
    CrashFileSystem fs;
    // 16 KiB of table belong to 256 MiB of content; mostly zeros, which take no memory here.
    const auto writer = BlobWriter::create(fs, "a.tmp", "a", kId);
    ASSERT_OK(writer);
    const std::string zeros(kMiB, '\0');
    for (int i = 0; i < 257; ++i) ASSERT_OK((*writer)->append(as_bytes(zeros)));
    ASSERT_OK((*writer)->append(as_bytes("end")));
    ASSERT_OK((*writer)->finish());
    const auto reader = BlobReader::open(fs, "a", kId);
    ASSERT_OK(reader);
    EXPECT_EQ(*read_range(**reader, 257 * kMiB - 1, 10), std::string("\0end", 4));
}

TEST(BlobFile, EveryFlippedBitIsFound) {
    CrashFileSystem fs;
    const std::string content = random_content(2 * kFrameBytes + 5'000);
    ASSERT_OK(write_blob(fs, "a", content));
    const std::string good = raw(fs, "a");
    const auto file = fs.open("a", OpenMode::read_write);
    ASSERT_OK(file);
    const uint64_t content_end = kHeaderBytes + content.size();
    SeededRandom random(5);
    const auto check_flipped = [&](uint64_t byte, uint64_t bit) {
        const char flipped = static_cast<char>(good[byte] ^ (1 << bit));
        ASSERT_OK((*file)->write_at(as_bytes({&flipped, 1}), byte));
        const auto reader = BlobReader::open(fs, "a", kId);
        if (byte < kHeaderBytes || byte >= content_end) {
            ASSERT_FALSE(reader) << "byte " << byte << " bit " << bit;
            EXPECT_EQ(reader.error().code(), Code::data_loss);
            EXPECT_NE(reader.error().detail().find("blob file a:"), std::string_view::npos);
        } else {
            ASSERT_OK(reader);
            EXPECT_FALSE((*reader)->verify()) << "byte " << byte << " bit " << bit;
            const auto found = read_range(**reader, byte - kHeaderBytes, 1);
            EXPECT_EQ(code_of(found), Code::data_loss) << "byte " << byte << " bit " << bit;
        }
        ASSERT_OK((*file)->write_at(as_bytes({&good[byte], 1}), byte));
    };
    for (uint64_t byte = 0; byte < good.size(); ++byte) {
        const bool content_byte = byte >= kHeaderBytes && byte < content_end;
        if (!content_byte) {
            for (uint64_t bit = 0; bit < 8; ++bit) check_flipped(byte, bit);
        } else if (const uint64_t at = (byte - kHeaderBytes) % kFrameBytes;
                   at == 0 || at == kFrameBytes - 1 || byte == content_end - 1 || at % 509 == 0) {
            check_flipped(byte, random.below(8));
        }
        if (HasFatalFailure()) return;
    }
    EXPECT_EQ(*read_blob(fs, "a"), content) << "all flips were undone";
}

TEST(BlobFile, TruncatedOrExtendedIsFound) {
    CrashFileSystem fs;
    const std::string content = random_content(2 * kFrameBytes + 5'000);
    ASSERT_OK(write_blob(fs, "a", content));
    const std::string good = raw(fs, "a");
    std::vector<uint64_t> sizes{0, 1, kHeaderBytes - 1, kHeaderBytes, kHeaderBytes + 1};
    for (uint64_t frame = 1; frame <= 2; ++frame) {
        for (const uint64_t near : {0, 1, 2}) {
            sizes.push_back(kHeaderBytes + frame * kFrameBytes - 1 + near);
        }
    }
    for (uint64_t size = kHeaderBytes + content.size() - 1; size < good.size(); ++size) {
        sizes.push_back(size);
    }
    for (const uint64_t size : sizes) {
        put_raw(fs, "a", good.substr(0, size));
        EXPECT_EQ(code_of(read_blob(fs, "a")), Code::data_loss) << "cut to " << size;
    }
    put_raw(fs, "a", good + '\0');
    EXPECT_EQ(code_of(read_blob(fs, "a")), Code::data_loss);
    // Whole frames cut out, with the ends left as they were.
    put_raw(
        fs, "a",
        good.substr(0, kHeaderBytes + kFrameBytes) + good.substr(kHeaderBytes + 2 * kFrameBytes));
    EXPECT_EQ(code_of(read_blob(fs, "a")), Code::data_loss);
    // A byte more between content and table.
    put_raw(fs, "a",
            good.substr(0, kHeaderBytes + content.size()) + '\0' +
                good.substr(kHeaderBytes + content.size()));
    EXPECT_EQ(code_of(read_blob(fs, "a")), Code::data_loss);
    put_raw(fs, "a", good);
    EXPECT_EQ(*read_blob(fs, "a"), content);
}

TEST(BlobFile, AFileThatIsCutWhileItIsOpenIsFound) {
    CrashFileSystem fs;
    const std::string content = random_content(3 * kFrameBytes);
    ASSERT_OK(write_blob(fs, "a", content));
    const auto reader = BlobReader::open(fs, "a", kId);
    ASSERT_OK(reader);
    ASSERT_OK((*fs.open("a", OpenMode::read_write))->truncate(kHeaderBytes + kFrameBytes + 5));
    std::string out = content;  // holds the right bytes already: only the short read tells
    const auto count = (*reader)->read_at(std::as_writable_bytes(std::span(out)), 0);
    ASSERT_FALSE(count);
    EXPECT_EQ(count.error().code(), Code::data_loss);
}

// A file of `content` whose table is `checksums`, right in every other respect.
std::string forged(FileId id, std::string_view content, const std::vector<uint32_t>& checksums) {
    const Bytes table = std::as_bytes(std::span(checksums));
    return encode_header(id) + std::string(content) + std::string(as_text(table)) +
           encode_footer({.id = id,
                          .content_bytes = content.size(),
                          .frames = checksums.size(),
                          .table_checksum = crc32c(table)});
}

TEST(BlobFile, FramesInTheWrongPlaceOrOfAnotherFileAreFound) {
    CrashFileSystem fs;
    const std::string first = random_content(kFrameBytes, 1);
    const std::string second = random_content(kFrameBytes, 2);
    const auto sum = [](FileId id, uint64_t frame, std::string_view content) {
        return frame_checksum(id, frame, as_bytes(content));
    };
    put_raw(fs, "good", forged(kId, first + second, {sum(kId, 0, first), sum(kId, 1, second)}));
    EXPECT_EQ(*read_blob(fs, "good"), first + second);
    // Swapped with their checksums.
    put_raw(fs, "swapped", forged(kId, second + first, {sum(kId, 1, second), sum(kId, 0, first)}));
    EXPECT_EQ(code_of(read_blob(fs, "swapped")), Code::data_loss);
    // One frame as another file holds it in that place.
    put_raw(fs, "mixed",
            forged(kId, first + second, {sum(kId, 0, first), sum(FileId{43}, 1, second)}));
    EXPECT_EQ(code_of(read_blob(fs, "mixed")), Code::data_loss);
}

TEST(BlobFile, AFileOfAnotherIdIsRefused) {
    CrashFileSystem fs;
    ASSERT_OK(write_blob(fs, "a", "content", FileId{43}));
    const auto reader = BlobReader::open(fs, "a", kId);
    ASSERT_FALSE(reader);
    EXPECT_EQ(reader.error().code(), Code::data_loss);
    EXPECT_NE(reader.error().detail().find("it is file 43, not 42"), std::string_view::npos);
    // Its end under a header of the right id.
    put_raw(fs, "a", encode_header(kId) + raw(fs, "a").substr(kHeaderBytes));
    EXPECT_EQ(code_of(read_blob(fs, "a")), Code::data_loss);
}

TEST(BlobFile, ANewerFormatIsNotCalledDamage) {
    CrashFileSystem fs;
    ASSERT_OK(write_blob(fs, "a", "content"));
    const std::string good = raw(fs, "a");
    // Version, codec, frame bytes, key id: each with a header checksum that is right.
    for (const size_t byte : {8u, 10u, 12u, 24u}) {
        std::string header = good.substr(0, kHeaderBytes - sizeof(uint32_t));
        header[byte] = static_cast<char>(header[byte] + 2);
        ByteWriter sealed;
        sealed.put_bytes(as_bytes(header));
        sealed.put(crc32c(as_bytes(header)));
        put_raw(fs, "a", sealed.take() + good.substr(kHeaderBytes));
        EXPECT_EQ(code_of(read_blob(fs, "a")), Code::unimplemented) << "byte " << byte;
    }
}

TEST(BlobFile, AMissingFileIsNotFound) {
    CrashFileSystem fs;
    EXPECT_EQ(code_of(read_blob(fs, "a")), Code::not_found);
}

TEST(BlobReader, ThreadsMayShareIt) {
    CrashFileSystem fs;
    const std::string content = random_content(5 * kFrameBytes + 77);
    ASSERT_OK(write_blob(fs, "a", content));
    const auto reader = BlobReader::open(fs, "a", kId);
    ASSERT_OK(reader);
    std::vector<std::jthread> threads;
    for (uint64_t seed = 0; seed < 4; ++seed) {
        threads.emplace_back([&, seed] {
            SeededRandom random(seed);
            for (int i = 0; i < 100; ++i) {
                const uint64_t offset = random.below(content.size());
                const uint64_t bytes = random.below(3 * kFrameBytes);
                const auto found = read_range(**reader, offset, bytes);
                ASSERT_OK(found);
                ASSERT_EQ(*found, content.substr(offset, bytes));
            }
        });
    }
}

TEST(BlobReader, AdjacentFramesAreReadTogether) {
    CrashFileSystem inner;
    FaultyFileSystem fs(inner);
    const std::string content = random_content(2 * kMiB);
    ASSERT_OK(write_blob(fs, "a", content));
    const auto reader = BlobReader::open(fs, "a", kId);
    ASSERT_OK(reader);
    fs.arm({.only = StorageCall::read});
    EXPECT_EQ(*read_range(**reader, 1'000, kMiB), content.substr(1'000, kMiB));
    EXPECT_LE(fs.calls(), 6u) << "15 whole frames in strides of four, and a part at each end";
}

TEST(BlobWriter, WritesInLargePieces) {
    CrashFileSystem inner;
    FaultyFileSystem fs(inner);
    fs.arm({.only = StorageCall::write});
    ASSERT_OK(write_blob(fs, "a", random_content(kMiB), kId, 1'000));
    EXPECT_EQ(fs.calls(), 6u) << "four pieces, the end, the header";
}

TEST(BlobWriter, AnUnfinishedFileIsRemoved) {
    CrashFileSystem fs;
    {
        const auto writer = BlobWriter::create(fs, "a.tmp", "a", kId);
        ASSERT_OK(writer);
        ASSERT_OK((*writer)->append(as_bytes("content")));
        EXPECT_EQ((*writer)->content_bytes(), 7u);
        EXPECT_TRUE(*fs.exists("a.tmp"));
    }
    EXPECT_TRUE(fs.list(".")->empty());
}

TEST(BlobWriter, ATemporaryFromBeforeACrashIsReplaced) {
    CrashFileSystem fs;
    put_raw(fs, "a.tmp", std::string(100'000, 'x'));
    ASSERT_OK(write_blob(fs, "a", "content"));
    EXPECT_EQ(*read_blob(fs, "a"), "content");
    EXPECT_EQ(fs.list(".")->size(), 1u);
}

TEST(BlobWriter, IsOverAfterFinish) {
    CrashFileSystem fs;
    const auto writer = BlobWriter::create(fs, "a.tmp", "a", kId);
    ASSERT_OK(writer);
    const auto bytes = (*writer)->finish();
    ASSERT_OK(bytes);
    EXPECT_EQ(*bytes, raw(fs, "a").size());
    EXPECT_FALSE((*writer)->append(as_bytes("more")));
    EXPECT_FALSE((*writer)->finish());
    EXPECT_EQ(*read_blob(fs, "a"), "");
}

TEST(BlobWriter, AFailedWriteIsFinal) {
    CrashFileSystem inner;
    FaultyFileSystem fs(inner);
    const std::string content = random_content(kMiB);
    const auto writer = BlobWriter::create(fs, "a.tmp", "a", kId);
    ASSERT_OK(writer);
    fs.arm({.at_call = 2, .only = StorageCall::write});
    EXPECT_FALSE((*writer)->append(as_bytes(content)));
    EXPECT_FALSE((*writer)->append(as_bytes(content)));
    EXPECT_FALSE((*writer)->finish());
    EXPECT_FALSE(*inner.exists("a"));
}

TEST(BlobWriter, AFailedSyncIsFinalHoweverOftenItIsAsked) {
    CrashFileSystem inner;
    FaultyFileSystem fs(inner);
    const auto writer = BlobWriter::create(fs, "a.tmp", "a", kId);
    ASSERT_OK(writer);
    ASSERT_OK((*writer)->append(as_bytes("content")));
    fs.arm({.at_call = 1, .only = StorageCall::sync, .later_syncs_pretend = true});
    for (int attempt = 0; attempt < 3; ++attempt) {
        EXPECT_FALSE((*writer)->finish()) << "attempt " << attempt;
        EXPECT_FALSE((*writer)->append(as_bytes("more")));
    }
    EXPECT_FALSE(*inner.exists("a"));
}

constexpr uint64_t kSweepBytes = 5 * kFrameBytes + 1'000;  // more than one piece

void make_directories(FileSystem& fs) {
    ASSERT_OK(create_directories(fs, "tmp"));
    ASSERT_OK(create_directories(fs, "blob"));
}

Status write_in_directories(FileSystem& fs, std::string_view content) {
    ASSIGN_OR_RETURN(const auto writer, BlobWriter::create(fs, "tmp/a", "blob/a", kId));
    RETURN_IF_ERROR(writer->append(as_bytes(content)));
    ASSIGN_OR_RETURN(const uint64_t bytes, writer->finish());
    static_cast<void>(bytes);
    return {};
}

// Whatever is found under the final name after a power cut must be the whole file; true if it is
// there.
bool whole_or_absent(const CrashFileSystem& fs, uint64_t seed, std::string_view content) {
    const auto found = read_blob(*fs.crash(seed), "blob/a");
    if (found) {
        EXPECT_TRUE(*found == content) << "seed " << seed;
        return true;
    }
    EXPECT_EQ(found.error().code(), Code::not_found)
        << "seed " << seed << ": " << found.error().describe();
    return false;
}

TEST(BlobWriter, IsWholeOrAbsentWhereverThePowerGoes) {
    const std::string content = random_content(kSweepBytes);
    uint64_t present = 0;
    uint64_t absent = 0;
    for (const bool after_effect : {false, true}) {
        bool acknowledged = false;
        for (uint64_t call = 1; !acknowledged; ++call) {
            SCOPED_TRACE("call " + std::to_string(call));
            CrashFileSystem fs;
            make_directories(fs);
            fs.set_power_cut({.at_call = call, .after_effect = after_effect});
            acknowledged = static_cast<bool>(write_in_directories(fs, content));
            for (uint64_t seed = 0; seed < 60; ++seed) {
                const bool there = whole_or_absent(fs, seed, content);
                if (acknowledged) EXPECT_TRUE(there) << "seed " << seed;
                ++(there ? present : absent);
            }
        }
    }
    EXPECT_GT(present, 0u);
    EXPECT_GT(absent, 0u);
}

TEST(BlobWriter, IsWholeOrAbsentOnBothSidesOfEverySync) {
    const std::string content = random_content(kSweepBytes);
    CrashFileSystem fs;
    make_directories(fs);
    uint64_t boundaries = 0;
    fs.set_sync_hook([&](SyncMoment) {
        ++boundaries;
        for (uint64_t seed = 0; seed < 300; ++seed) {
            static_cast<void>(whole_or_absent(fs, seed, content));
        }
    });
    ASSERT_OK(write_in_directories(fs, content));
    EXPECT_EQ(boundaries, 4u) << "the file's sync and the directory's";
    for (uint64_t seed = 0; seed < 300; ++seed) {
        EXPECT_TRUE(whole_or_absent(fs, seed, content)) << "seed " << seed;
    }
}

TEST(BlobWriter, NoFailedCallIsSilent) {
    const std::string content = random_content(kSweepBytes);
    for (const Fault fault : {Fault::io_error, Fault::late_io_error, Fault::disk_full,
                              Fault::short_write, Fault::interrupted, Fault::too_many_files}) {
        for (const bool from_then_on : {false, true}) {
            for (uint64_t call = 1;; ++call) {
                CrashFileSystem inner;
                make_directories(inner);
                FaultyFileSystem fs(inner);
                fs.arm({.at_call = call, .fault = fault, .from_then_on = from_then_on});
                const Status status = write_in_directories(fs, content);
                if (fs.calls() < call) break;
                SCOPED_TRACE(fs.last_fault());
                const bool hurts = fs.faults() > 0 && fault != Fault::interrupted;
                EXPECT_EQ(!status, hurts);
                for (uint64_t seed = 0; seed < 10; ++seed) {
                    EXPECT_TRUE(whole_or_absent(inner, seed, content) || !status);
                }
                // After a late error nobody knows what stands there.
                if (!from_then_on && fault != Fault::late_io_error) {
                    EXPECT_FALSE(*inner.exists("tmp/a"));
                }
            }
        }
    }
}

TEST(BlobReader, NoFailedCallIsSilent) {
    CrashFileSystem inner;
    const std::string content = random_content(kSweepBytes);
    ASSERT_OK(write_blob(inner, "a", content));
    FaultyFileSystem fs(inner);
    for (const Fault fault : {Fault::io_error, Fault::interrupted}) {
        for (uint64_t call = 1;; ++call) {
            fs.arm({.at_call = call, .fault = fault});
            const auto found = read_blob(fs, "a");
            if (fs.calls() < call) break;
            SCOPED_TRACE(fs.last_fault());
            if (fault == Fault::interrupted || fs.faults() == 0) {
                ASSERT_OK(found);
                EXPECT_TRUE(*found == content);
            } else {
                EXPECT_EQ(code_of(found), Code::internal);
            }
        }
    }
}

}  // namespace
}  // namespace insula::blob
