// Sealed files: what BlobFile's tests show of damage, and what someone may do who can write to the
// disk and make every checksum right, but has no key.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "base/crc32c.h"
#include "base/units.h"
#include "platform/blob/blob_file.h"
#include "platform/blob/blob_format.h"
#include "platform/blob/file_seal.h"
#include "platform/blob/frame_checksum.h"
#include "platform/blob/tests/sealed_blobs.h"
#include "platform/fs/crash_file_system.h"
#include "platform/fs/faulty_file_system.h"

namespace insula::blob {
namespace {

#define ASSERT_OK(status) ASSERT_TRUE(status) << (status).error().describe()

// The parts of a file; written again, every checksum is right.
struct Forgery {
    Forgery(std::string_view file, uint64_t content_bytes) {
        const uint64_t count = frames_of(content_bytes);
        header = file.substr(0, kHeaderBytes);
        for (uint64_t i = 0; i < count; ++i) {
            const uint64_t at = i * kFrameBytes;
            frames.emplace_back(
                file.substr(kHeaderBytes + at, std::min(kFrameBytes, content_bytes - at)));
            tags.emplace_back(file.substr(
                kHeaderBytes + content_bytes + count * kChecksumBytes + i * crypto::kTagBytes,
                crypto::kTagBytes));
        }
        seal = file.substr(file.size() - kFooterBytes - kSealBytes, kSealBytes);
    }

    std::string file() const {
        ByteWriter head;
        head.put_bytes(as_bytes(header).first(kHeaderBytes - sizeof(uint32_t)));
        head.put(crc32c(head.bytes()));
        FileId id;
        std::memcpy(&id.value, header.data() + 16, sizeof id.value);
        std::string content;
        ByteWriter table;
        for (uint64_t i = 0; i < frames.size(); ++i) {
            content += frames[i];
            table.put(frame_checksum(id, i, as_bytes(frames[i])));
        }
        for (const std::string& tag : tags) table.put_bytes(as_bytes(tag));
        table.put_bytes(as_bytes(seal));
        return head.take() + content + std::string(as_text(table.bytes())) +
               encode_footer({.id = id,
                              .content_bytes = content.size(),
                              .frames = frames.size(),
                              .table_checksum = crc32c(table.bytes())});
    }

    std::string header;
    std::vector<std::string> frames;
    std::vector<std::string> tags;
    std::string seal;
};

TEST_F(SealedBlobTest, RoundTripsAroundFrameAndPieceBorders) {
    const std::string all = random_content(600 * kKiB);
    for (const uint64_t border :
         {uint64_t{0}, kFrameBytes, 2 * kFrameBytes, 4 * kFrameBytes, 8 * kFrameBytes}) {
        for (const int64_t distance : {-1, 0, 1}) {
            const uint64_t bytes = border + static_cast<uint64_t>(distance);
            if (bytes > all.size()) continue;  // border 0, minus 1
            for (const uint64_t append_bytes : {uint64_t{999}, kFrameBytes, 512 * kKiB}) {
                const std::string_view content = std::string_view(all).substr(0, bytes);
                ASSERT_OK(write(fs_, "a", content, kId, append_bytes));
                const auto found = read(fs_, "a");
                ASSERT_OK(found);
                EXPECT_EQ(*found, content) << bytes << " in appends of " << append_bytes;
            }
        }
    }
}

TEST_F(SealedBlobTest, RandomRangesEqualTheContentForManyThreads) {
    const std::string content = random_content(11 * kFrameBytes + 12'345);
    ASSERT_OK(write(fs_, "a", content));
    const auto reader = BlobReader::open(fs_, "a", kId, unseal_with(key_));
    ASSERT_OK(reader);
    EXPECT_EQ((*reader)->size(), content.size());
    std::vector<std::jthread> threads;
    for (uint64_t seed = 0; seed < 4; ++seed) {
        threads.emplace_back([&, seed] {
            SeededRandom random(seed);
            for (int i = 0; i < 200; ++i) {
                uint64_t offset = random.below(content.size() + 1);
                if (i % 3 == 0) offset = offset / kFrameBytes * kFrameBytes;
                uint64_t bytes = random.below(i % 2 == 0 ? 1'000 : 6 * kFrameBytes);
                if (i % 5 == 0) bytes = bytes / kFrameBytes * kFrameBytes;
                const auto found = read_range(**reader, offset, bytes);
                ASSERT_OK(found);
                ASSERT_EQ(*found, content.substr(offset, bytes)) << "step " << i;
            }
        });
    }
}

TEST_F(SealedBlobTest, ATableBeyondTheFirstReadOfTheTailIsLoaded) {
    const auto writer =
        BlobWriter::create(fs_, "a.tmp", "a", kId, {.key = key_, .random = &random_});
    ASSERT_OK(writer);
    const std::string zeros(kMiB, '\0');
    for (int i = 0; i < 257; ++i) ASSERT_OK((*writer)->append(as_bytes(zeros)));
    ASSERT_OK((*writer)->append(as_bytes("end")));
    ASSERT_OK((*writer)->finish());
    const auto reader = BlobReader::open(fs_, "a", kId, unseal_with(key_));
    ASSERT_OK(reader);
    EXPECT_EQ(*read_range(**reader, 257 * kMiB - 1, 10), std::string("\0end", 4));
}

TEST_F(SealedBlobTest, NothingOfTheContentStandsInTheFile) {
    const std::string canary = "a canary that was written by a tenant";
    std::string content;
    while (content.size() < 3 * kFrameBytes) content += canary;
    ASSERT_OK(write(fs_, "a", content));
    ASSERT_OK(write(fs_, "b", content));
    const std::string a = raw(fs_, "a");
    const std::string b = raw(fs_, "b");
    for (size_t at = 0; at + 8 <= canary.size(); ++at) {
        EXPECT_EQ(a.find(canary.substr(at, 8)), std::string::npos);
    }
    // The same content, file id and tenant's key: nothing that is sealed is alike.
    const Forgery parts_a(a, content.size());
    const Forgery parts_b(b, content.size());
    for (size_t i = 0; i < parts_a.frames.size(); ++i) {
        EXPECT_NE(parts_a.frames[i], parts_b.frames[i]);
        EXPECT_NE(parts_a.tags[i], parts_b.tags[i]);
    }
    EXPECT_NE(parts_a.frames[0].substr(0, 4'096), parts_a.frames[1].substr(0, 4'096));
}

TEST_F(SealedBlobTest, EveryFlippedBitIsFound) {
    const std::string content = random_content(2 * kFrameBytes + 5'000);
    ASSERT_OK(write(fs_, "a", content));
    const std::string good = raw(fs_, "a");
    const auto file = fs_.open("a", OpenMode::read_write);
    ASSERT_OK(file);
    const uint64_t content_end = kHeaderBytes + content.size();
    for (uint64_t byte = 0; byte < good.size(); ++byte) {
        const bool in_content = byte >= kHeaderBytes && byte < content_end;
        if (in_content && byte % 509 != 0 && byte + 1 != content_end) continue;
        for (uint64_t bit = 0; bit < (in_content ? 1 : 8); ++bit) {
            const char flipped = static_cast<char>(good[byte] ^ (1 << bit));
            ASSERT_OK((*file)->write_at(as_bytes({&flipped, 1}), byte));
            EXPECT_EQ(code_of(read(fs_, "a")), Code::data_loss) << byte << " bit " << bit;
        }
        ASSERT_OK((*file)->write_at(as_bytes({&good[byte], 1}), byte));
    }
    EXPECT_EQ(*read(fs_, "a"), content) << "all flips were undone";
}

TEST_F(SealedBlobTest, EveryChangeWithRightChecksumsIsFound) {
    const std::string content = random_content(2 * kFrameBytes + 5'000);
    ASSERT_OK(write(fs_, "a", content));
    const Forgery good(raw(fs_, "a"), content.size());
    ASSERT_EQ(good.file(), raw(fs_, "a")) << "written again without a change";
    const auto flip = [](std::string& text, uint64_t byte) {
        text[byte] = static_cast<char>(text[byte] ^ 1);
    };
    for (uint64_t byte = 0; byte < kHeaderBytes - 4; ++byte) {
        Forgery bad = good;
        flip(bad.header, byte);
        const auto found = read_forged(bad.file());
        ASSERT_FALSE(found) << "header byte " << byte;
        const bool may_be_newer = byte >= 8 && byte < 16;  // version, codec, bytes of a frame
        if (!may_be_newer || byte == 11) EXPECT_EQ(found.error().code(), Code::data_loss) << byte;
    }
    for (uint64_t byte = 0; byte < crypto::kWrappedKeyBytes + crypto::kTagBytes; ++byte) {
        Forgery bad = good;
        flip(bad.seal, byte);
        EXPECT_EQ(code_of(read_forged(bad.file())), Code::data_loss) << "seal byte " << byte;
    }
    for (uint64_t frame = 0; frame < 3; ++frame) {
        for (uint64_t byte = 0; byte < crypto::kTagBytes; ++byte) {
            Forgery bad = good;
            flip(bad.tags[frame], byte);
            EXPECT_EQ(code_of(read_forged(bad.file())), Code::data_loss) << "tag " << frame;
        }
        for (uint64_t byte = 0; byte < good.frames[frame].size(); byte += 997) {
            Forgery bad = good;
            flip(bad.frames[frame], byte);
            const auto found = read_forged(bad.file());
            ASSERT_EQ(code_of(found), Code::data_loss) << "frame " << frame << " byte " << byte;
            EXPECT_NE(found.error().detail().find("though its checksum holds"),
                      std::string_view::npos);
        }
    }
}

TEST_F(SealedBlobTest, FramesThatAreSwappedCutOrOfAnotherFileAreFound) {
    const std::string content = random_content(4 * kFrameBytes);
    ASSERT_OK(write(fs_, "a", content));
    ASSERT_OK(write(fs_, "b", content));
    ASSERT_OK(write(fs_, "c", content, FileId{43}));
    const Forgery good(raw(fs_, "a"), content.size());
    const Forgery twin(raw(fs_, "b"), content.size());
    const Forgery other(raw(fs_, "c"), content.size());

    Forgery swapped = good;
    std::swap(swapped.frames[0], swapped.frames[2]);
    std::swap(swapped.tags[0], swapped.tags[2]);
    EXPECT_EQ(code_of(read_forged(swapped.file())), Code::data_loss);

    // From an older version of the same file, so to speak: same id, key and place.
    Forgery mixed = good;
    mixed.frames[1] = twin.frames[1];
    mixed.tags[1] = twin.tags[1];
    EXPECT_EQ(code_of(read_forged(mixed.file())), Code::data_loss);

    for (size_t left = 0; left < 4; ++left) {
        Forgery cut = good;
        cut.frames.resize(left);
        cut.tags.resize(left);
        EXPECT_EQ(code_of(read_forged(cut.file())), Code::data_loss) << left << " frames left";
    }
    Forgery longer = good;
    longer.frames.push_back(good.frames[3]);
    longer.tags.push_back(good.tags[3]);
    EXPECT_EQ(code_of(read_forged(longer.file())), Code::data_loss);

    // Another file of the tenant's in this one's place, with the id changed wherever it stands.
    Forgery moved = other;
    moved.header = good.header;
    EXPECT_EQ(code_of(read_forged(moved.file())), Code::data_loss);
    moved.seal = good.seal;
    EXPECT_EQ(code_of(read_forged(moved.file())), Code::data_loss);
    // And all of the other file as it is.
    EXPECT_EQ(code_of(read_forged(other.file())), Code::data_loss);
    EXPECT_EQ(*read_forged(other.file(), FileId{43}), content);
}

TEST_F(SealedBlobTest, AFrameIsBoundToItsNumberItsPlaceAtTheEndAndItsFile) {
    const FileSeal seal = FileSeal::create(*key_, kId, random_);
    const std::string plain = "content";
    std::string sealed = plain;
    const auto writable = [](std::string& text) { return std::as_writable_bytes(std::span(text)); };
    const crypto::Tag tag =
        seal.seal_frame({.number = 3, .last = false}, as_bytes(plain), writable(sealed));
    const auto opens = [&](const FileSeal& with, FramePlace place) {
        std::string frame = sealed;
        const bool opened = with.open_frame(place, tag, writable(frame)).has_value();
        EXPECT_EQ(frame, opened ? plain : std::string(plain.size(), '\0'));
        return opened;
    };
    EXPECT_TRUE(opens(seal, {.number = 3, .last = false}));
    EXPECT_FALSE(opens(seal, {.number = 3, .last = true}));
    EXPECT_FALSE(opens(seal, {.number = 2, .last = false}));
    EXPECT_FALSE(opens(seal, {.number = 3 + (uint64_t{1} << 32), .last = false}));
    EXPECT_FALSE(opens(FileSeal::create(*key_, kId, random_), {.number = 3, .last = false}));
}

TEST_F(SealedBlobTest, AFileThatClaimsNotToBeSealedIsFound) {
    const std::string content = random_content(kFrameBytes + 5);
    // What an intruder would have read: a sound file that is not sealed, of the right id.
    const auto plain = BlobWriter::create(fs_, "a.tmp", "a", kId);
    ASSERT_OK(plain);
    ASSERT_OK((*plain)->append(as_bytes(content)));
    ASSERT_OK((*plain)->finish());
    const auto found = read(fs_, "a");
    ASSERT_EQ(code_of(found), Code::data_loss);
    EXPECT_NE(found.error().detail().find("it is not sealed, the catalog says sealed with key 7"),
              std::string_view::npos)
        << found.error().detail();
    // A sealed file under the header of one that is not.
    ASSERT_OK(write(fs_, "b", content));
    Forgery forged(raw(fs_, "b"), content.size());
    forged.header = encode_header(kId);
    EXPECT_EQ(code_of(read_forged(forged.file())), Code::data_loss);
    // And the other way round: the catalog knows nothing of a seal.
    const auto reader = BlobReader::open(fs_, "b", kId);
    ASSERT_FALSE(reader);
    EXPECT_EQ(reader.error().code(), Code::data_loss);
}

TEST_F(SealedBlobTest, AKeyThatIsNotThereIsNoDamage) {
    ASSERT_OK(write(fs_, "a", "content"));
    Unseal unseal{.tenant = key_->tenant, .key_id = kKeyId};
    const auto without = BlobReader::open(fs_, "a", kId, unseal);
    ASSERT_FALSE(without);
    EXPECT_EQ(without.error().code(), Code::failed_precondition);
    EXPECT_EQ(without.error().reason(), "key_missing");
    for (const std::string_view reason : {"key_missing", "key_destroyed"}) {
        unseal.find = [&](TenantId tenant, crypto::KeyId id) -> Result<crypto::SharedSealKey> {
            EXPECT_EQ(tenant, key_->tenant);
            EXPECT_EQ(id, kKeyId);
            return fail(Error(Code::failed_precondition, reason, "Gone."));
        };
        const auto reader = BlobReader::open(fs_, "a", kId, unseal);
        ASSERT_FALSE(reader);
        EXPECT_EQ(reader.error().code(), Code::failed_precondition);
        EXPECT_EQ(reader.error().reason(), reason);
        EXPECT_NE(reader.error().detail().find("blob file a"), std::string_view::npos);
    }
}

TEST_F(SealedBlobTest, AnotherKeyOrTenantDoesNotOpenIt) {
    ASSERT_OK(write(fs_, "a", "content"));
    SeededRandom same(1);
    const auto with_other_tenant = std::make_shared<const crypto::SealKey>(
        crypto::SealKey{kKeyId, tenant_of(2), crypto::SecretKey::random(same)});
    for (const auto& key : {key_of(2), with_other_tenant}) {
        const auto reader = BlobReader::open(fs_, "a", kId, unseal_with(key));
        ASSERT_FALSE(reader);
        EXPECT_EQ(reader.error().code(), Code::data_loss);
        EXPECT_NE(reader.error().detail().find("does not open with key 7"), std::string_view::npos);
    }
    EXPECT_TRUE(BlobReader::open(fs_, "a", kId, unseal_with(key_of(1))));
}

TEST_F(SealedBlobTest, AFileThatIsCutWhileItIsOpenIsFound) {
    const std::string content = random_content(3 * kFrameBytes);
    ASSERT_OK(write(fs_, "a", content));
    const auto reader = BlobReader::open(fs_, "a", kId, unseal_with(key_));
    ASSERT_OK(reader);
    ASSERT_OK((*fs_.open("a", OpenMode::read_write))->truncate(kHeaderBytes + kFrameBytes + 5));
    EXPECT_EQ(code_of(read_range(**reader, 0, content.size())), Code::data_loss);
}

TEST_F(SealedBlobTest, BytesOfABadFrameAreNotGivenOut) {
    const std::string content = random_content(2 * kFrameBytes);
    ASSERT_OK(write(fs_, "a", content));
    const auto reader = BlobReader::open(fs_, "a", kId, unseal_with(key_));
    ASSERT_OK(reader);
    ASSERT_OK((*fs_.open("a", OpenMode::read_write))
                  ->write_at(as_bytes("x"), kHeaderBytes + kFrameBytes + 100));
    std::string out(content.size(), '?');
    EXPECT_FALSE((*reader)->read_at(std::as_writable_bytes(std::span(out)), 0));
    EXPECT_EQ(out.substr(kFrameBytes), std::string(kFrameBytes, '\0'));
    EXPECT_EQ(*read_range(**reader, 0, kFrameBytes), content.substr(0, kFrameBytes))
        << "the frame before is sound";
}

TEST_F(SealedBlobTest, AdjacentFramesAreReadTogetherAndOpeningTakesFewReads) {
    FaultyFileSystem faulty(fs_);
    const std::string content = random_content(2 * kMiB);
    ASSERT_OK(write(fs_, "a", content));
    faulty.arm({.only = StorageCall::read});
    const auto reader = BlobReader::open(faulty, "a", kId, unseal_with(key_));
    ASSERT_OK(reader);
    EXPECT_EQ(faulty.calls(), 2u) << "header and tail";
    faulty.arm({.only = StorageCall::read});
    EXPECT_EQ(*read_range(**reader, 1'000, kMiB), content.substr(1'000, kMiB));
    EXPECT_LE(faulty.calls(), 6u) << "15 whole frames in strides of four, and a part at each end";
}

TEST_F(SealedBlobTest, IsWholeOrAbsentWhereverThePowerGoes) {
    const std::string content = random_content(5 * kFrameBytes + 1'000);
    uint64_t present = 0;
    uint64_t absent = 0;
    bool acknowledged = false;
    for (uint64_t call = 1; !acknowledged; ++call) {
        CrashFileSystem fs;
        fs.set_power_cut({.at_call = call, .after_effect = call % 2 == 0});
        acknowledged = static_cast<bool>(write(fs, "a", content));
        for (uint64_t seed = 0; seed < 30; ++seed) {
            const auto crashed = fs.crash(seed);
            const auto found = read(*crashed, "a");
            if (found)
                EXPECT_TRUE(*found == content) << "call " << call << " seed " << seed;
            else
                EXPECT_EQ(found.error().code(), Code::not_found) << found.error().describe();
            if (acknowledged) EXPECT_TRUE(found) << "seed " << seed;
            ++(found ? present : absent);
        }
    }
    EXPECT_GT(present, 0u);
    EXPECT_GT(absent, 0u);
}

TEST_F(SealedBlobTest, NoFailedReadIsSilent) {
    const std::string content = random_content(5 * kFrameBytes + 1'000);
    ASSERT_OK(write(fs_, "a", content));
    FaultyFileSystem faulty(fs_);
    for (uint64_t call = 1;; ++call) {
        faulty.arm({.at_call = call, .fault = Fault::io_error});
        const auto reader = BlobReader::open(faulty, "a", kId, unseal_with(key_));
        const auto found = reader ? read_range(**reader, 0, content.size()) : fail(reader.error());
        if (faulty.calls() < call) break;
        EXPECT_EQ(code_of(found), Code::internal) << faulty.last_fault();
    }
}

}  // namespace
}  // namespace insula::blob
