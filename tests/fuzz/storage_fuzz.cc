// Journal segments and blob files, sealed or not, that were damaged: what is read is what was
// written, or the damage is named.
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "damage.h"
#include "fuzz_target.h"
#include "platform/blob/blob_file.h"
#include "platform/crypto/seal_key.h"
#include "platform/fs/crash_file_system.h"
#include "platform/journal/journal.h"

namespace insula {
namespace {

constexpr uint64_t kBytesMax = 16 * kMiB;
constexpr uint64_t kSegmentBytes = 16 * kKiB;

void must(const Status& status) {
    INSULA_FUZZ_EXPECT(status.has_value(), status.error().describe());
}

void write_file(FileSystem& fs, const std::string& path, const std::string& content) {
    auto file = fs.open(path, OpenMode::create);
    INSULA_FUZZ_EXPECT(file.has_value(), path);
    must((*file)->write_at(as_bytes(content), 0));
}

journal::Options journal_options() {
    return {.segment_bytes = kSegmentBytes,
            .record_bytes_max = kSegmentBytes / 2,
            .zero_step_bytes = 4 * kKiB,
            .manual = true};
}

// A stream of three segments and the records in it.
struct SampleStream {
    SampleStream() {
        CrashFileSystem fs;
        ManualClock clock;
        auto journal =
            journal::Journal::create(fs, clock, "journal", StreamId{5}, journal_options());
        INSULA_FUZZ_EXPECT(journal.has_value(), journal.error().describe());
        for (int i = 0; i < 40; ++i) {
            bodies.push_back(std::string(static_cast<size_t>(i) * 37 % 900, 'a' + i % 26));
            const std::array<Bytes, 1> body{as_bytes(bodies.back())};
            INSULA_FUZZ_EXPECT(
                (*journal)
                    ->append({.source = SourceIncarnation{3}}, body, Deadline::never())
                    .has_value(),
                "append");
            if (i % 3 == 0) must((*journal)->flush());
        }
        must((*journal)->flush());
        const auto entries = fs.list("journal/0000000000000005");
        INSULA_FUZZ_EXPECT(entries.has_value(), "list");
        for (const DirectoryEntry& entry : *entries) {
            const std::string path = "journal/0000000000000005/" + entry.name;
            segments.emplace_back(path, *read_file(fs, path, kBytesMax));
        }
    }
    std::vector<std::string> bodies;
    std::vector<std::pair<std::string, std::string>> segments;
};

// A blob file, as it is or sealed.
struct SampleBlob {
    explicit SampleBlob(bool is_sealed) {
        SeededRandom random(1);
        blob::Seal seal;
        if (is_sealed) {
            seal.key = std::make_shared<const crypto::SealKey>(crypto::SealKey{
                crypto::KeyId{5}, random.uuid(), crypto::SecretKey::random(random)});
            seal.random = &random;
            unseal = {
                .tenant = seal.key->tenant,
                .key_id = seal.key->id,
                .find = [key = seal.key](TenantId, crypto::KeyId) -> Result<crypto::SharedSealKey> {
                    return key;
                }};
        }
        for (size_t i = 0; i < 2 * blob::kFrameBytes + 777; ++i) {
            content.push_back(static_cast<char>(i * 31 >> 3));
        }
        CrashFileSystem fs;
        auto writer = blob::BlobWriter::create(fs, "tmp", "file", FileId{9}, seal);
        INSULA_FUZZ_EXPECT(writer.has_value(), "create");
        must((*writer)->append(as_bytes(content)));
        INSULA_FUZZ_EXPECT((*writer)->finish().has_value(), "finish");
        stored = *read_file(fs, "file", kBytesMax);
    }
    std::string content;
    std::string stored;
    blob::Unseal unseal;
};

void read_damaged(const SampleBlob& sample, Bytes input) {
    CrashFileSystem fs;
    std::string stored = sample.stored;
    fuzz::damage(stored, input);
    write_file(fs, "file", stored);
    const auto reader = blob::BlobReader::open(fs, "file", FileId{9}, sample.unseal);
    if (!reader) {
        INSULA_FUZZ_EXPECT(reader.error().code() == Code::data_loss, reader.error().describe());
        return;
    }
    INSULA_FUZZ_EXPECT((*reader)->size() == sample.content.size(), "the length that was written");
    std::string content(sample.content.size(), '\0');
    const auto count = (*reader)->read_at(std::as_writable_bytes(std::span(content)), 0);
    if (!count) {
        INSULA_FUZZ_EXPECT(count.error().code() == Code::data_loss, count.error().describe());
        INSULA_FUZZ_EXPECT(!(*reader)->verify().has_value(), "verify() finds what reading finds");
        return;
    }
    INSULA_FUZZ_EXPECT(*count == content.size() && content == sample.content,
                       "what is read is what was written");
}

}  // namespace

INSULA_FUZZ_TARGET(journal, input) {
    static const SampleStream sample;
    if (input.empty()) return;
    CrashFileSystem fs;
    must(create_directories(fs, "journal/0000000000000005"));
    const size_t damaged = static_cast<size_t>(input[0]) % sample.segments.size();
    for (size_t i = 0; i < sample.segments.size(); ++i) {
        std::string content = sample.segments[i].second;
        if (i == damaged) fuzz::damage(content, input.subspan(1));
        write_file(fs, sample.segments[i].first, content);
    }
    size_t read = 0;
    const auto replayed = journal::replay(
        fs, "journal", Lsn{}, journal_options(), [&](const journal::Record& record) -> Status {
            INSULA_FUZZ_EXPECT(read < sample.bodies.size(), "more records than were written");
            INSULA_FUZZ_EXPECT(as_text(record.body) == sample.bodies[read],
                               "a record is as it was written, and in its place");
            ++read;
            return {};
        });
    if (replayed) return;  // with a tail that was cut, at most
    INSULA_FUZZ_EXPECT(replayed.error().code() == Code::data_loss, replayed.error().describe());
    INSULA_FUZZ_EXPECT(replayed.error().describe().find(".seg") != std::string::npos,
                       "damage is named by its file: " + replayed.error().describe());
}

INSULA_FUZZ_TARGET(blob, input) {
    static const SampleBlob plain(false);
    static const SampleBlob sealed(true);
    read_damaged(plain, input);
    read_damaged(sealed, input);
}

}  // namespace insula
