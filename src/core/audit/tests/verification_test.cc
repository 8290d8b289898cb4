#include "core/audit/verification.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "core/audit/checkpoint.h"
#include "core/audit/tests/log_harness.h"
#include "platform/runtime/log.h"

namespace insula::audit {
namespace {

constexpr uint64_t kEntries = 3 * kBlockEntries + 100;

class LogVerificationTest : public ::testing::Test {
  protected:
    void SetUp() override {
        ASSERT_TRUE(log::set_level("off"));
        const auto log = open_log(fs_, 1);
        ASSERT_TRUE(log);
        key_ = (*log)->key();
        for (const uint64_t end : {uint64_t{100}, uint64_t{400}, kEntries}) {
            ASSERT_TRUE((*log)->append(new_entries((*log)->size(), end)));
            ASSERT_TRUE((*log)->write_checkpoint());
            checkpoints_[end] = (*log)->checkpoint();
        }
    }
    void TearDown() override { EXPECT_TRUE(log::set_level("info")); }

    static LogReport verify(FileSystem& fs, const LogExpectations& expected = {}) {
        auto report = verify_log(fs, std::string(kTestLog), expected);
        EXPECT_TRUE(report) << report.error().describe();
        return report ? *std::move(report) : LogReport{};
    }
    static std::string path(std::string_view file) {
        return std::string(kTestLog) + "/" + std::string(file);
    }
    static std::string content_of(FileSystem& fs, std::string_view file) {
        return *read_file(fs, path(file), kGiB);
    }
    static void put(FileSystem& fs, std::string_view file, std::string_view content) {
        ASSERT_TRUE(write_file_durably(fs, path(file), content));
    }
    // Where each frame of a segment begins, and its end.
    static std::vector<uint64_t> frames_of(std::string_view content) {
        std::vector<uint64_t> offsets;
        uint64_t offset = decode_header(as_bytes(content))->bytes;
        offsets.push_back(offset);
        while (const auto frame = read_frame(content, offset)) {
            offset += frame->bytes;
            offsets.push_back(offset);
        }
        return offsets;
    }
    static void expect_one(const LogReport& report, std::string_view file,
                           std::optional<uint64_t> entry, std::optional<uint64_t> offset) {
        ASSERT_EQ(report.damages, 1u)
            << (report.findings.size() > 1 ? report.findings[1].what : "");
        const LogFinding& found = report.findings.front();
        EXPECT_EQ(found.file, file) << found.what;
        EXPECT_EQ(found.entry, entry) << found.what;
        EXPECT_EQ(found.offset, offset) << found.what;
        EXPECT_FALSE(found.what.empty());
    }
    static void rewrite_frames(FileSystem& fs, std::string_view file,
                               const std::function<void(std::vector<std::string>&)>& change) {
        const std::string content = content_of(fs, file);
        const auto offsets = frames_of(content);
        const uint64_t first = *parse_segment_name(file);
        std::vector<std::string> texts;
        for (size_t i = 0; i + 1 < offsets.size(); ++i) {
            texts.emplace_back(read_frame(content, offsets[i])->entry);
        }
        change(texts);
        std::string out = content.substr(0, offsets.front());
        for (size_t i = 0; i < texts.size(); ++i) {
            append_frame({.index = first + i,
                          .synced_before = first,
                          .origin = {.kind = Origin::Kind::catalog, .lsn = {}},
                          .entry = texts[i]},
                         out);
        }
        put(fs, file, out);
    }

    CrashFileSystem fs_;
    crypto::PublicKey key_{};
    std::map<uint64_t, std::string> checkpoints_;
};

TEST_F(LogVerificationTest, PassesASoundLogAndItsOlderCheckpoints) {
    LogExpectations expected{.checkpoints = {}, .key = key_};
    for (const auto& [size, text] : checkpoints_) {
        expected.checkpoints.push_back({std::to_string(size), text});
    }
    const LogReport report = verify(fs_, expected);
    EXPECT_TRUE(report.found);
    EXPECT_EQ(report.damages, 0u) << report.findings.front().what;
    EXPECT_TRUE(report.findings.empty());
    EXPECT_EQ(report.entries, kEntries);
    EXPECT_EQ(report.checkpoint->size, kEntries);
    EXPECT_EQ(report.key, key_);
}

TEST_F(LogVerificationTest, WhereThereIsNoLogNothingIsDamaged) {
    CrashFileSystem empty;
    const LogReport report = verify(empty);
    EXPECT_FALSE(report.found);
    EXPECT_EQ(report.damages, 0u);
}

TEST_F(LogVerificationTest, NamesAChangedEntry) {
    for (const uint64_t entry : {uint64_t{0}, uint64_t{255}, uint64_t{300}, kEntries - 2}) {
        SCOPED_TRACE(entry);
        const auto disk = fs_.crash(1);
        const std::string file = segment_name(entry / kBlockEntries * kBlockEntries);
        std::string content = content_of(*disk, file);
        const uint64_t offset = frames_of(content)[entry % kBlockEntries];
        content[offset + kFrameBytes + 20] ^= 1;
        put(*disk, file, content);
        expect_one(verify(*disk), file, entry, offset);
    }
}

TEST_F(LogVerificationTest, NamesTheLastEntryWhereItIsChanged) {
    const std::string file = segment_name(3 * kBlockEntries);
    std::string content = content_of(fs_, file);
    const auto offsets = frames_of(content);
    content[content.size() - 5] ^= 1;
    put(fs_, file, content);
    expect_one(verify(fs_), file, kEntries - 1, offsets[offsets.size() - 2]);
}

TEST_F(LogVerificationTest, NamesAnEntryThatIsMissing) {
    for (const uint64_t entry : {uint64_t{0}, uint64_t{44}, uint64_t{600}}) {
        SCOPED_TRACE(entry);
        const auto disk = fs_.crash(1);
        const std::string file = segment_name(entry / kBlockEntries * kBlockEntries);
        std::string content = content_of(*disk, file);
        const auto offsets = frames_of(content);
        const size_t i = entry % kBlockEntries;
        content.erase(offsets[i], offsets[i + 1] - offsets[i]);
        put(*disk, file, content);
        expect_one(verify(*disk), file, entry, offsets[i]);
    }
}

TEST_F(LogVerificationTest, NamesALogThatWasCutOff) {
    const std::string file = segment_name(3 * kBlockEntries);
    const std::string content = content_of(fs_, file);
    const auto offsets = frames_of(content);
    put(fs_, file, content.substr(0, offsets[60]));
    expect_one(verify(fs_), file, 3 * kBlockEntries + 60, offsets[60]);
    // Within an entry.
    put(fs_, file, content.substr(0, offsets[60] + 11));
    const LogReport report = verify(fs_);
    ASSERT_GE(report.damages, 1u);
    EXPECT_EQ(report.findings[0].entry, 3 * kBlockEntries + 60);
}

TEST_F(LogVerificationTest, NamesASegmentThatIsMissingOrCutOff) {
    for (const uint64_t first : {uint64_t{0}, kBlockEntries, 3 * kBlockEntries}) {
        const auto disk = fs_.crash(1);
        ASSERT_TRUE(disk->remove(path(segment_name(first))));
        const LogReport report = verify(*disk);
        ASSERT_EQ(report.damages, 1u) << first;
        EXPECT_EQ(report.findings[0].entry, first);
    }
    const std::string file = segment_name(kBlockEntries);
    const std::string content = content_of(fs_, file);
    const auto offsets = frames_of(content);
    put(fs_, file, content.substr(0, offsets[60]));
    expect_one(verify(fs_), file, kBlockEntries + 60, offsets[60]);
}

// By somebody who makes checksums and numbers right.
TEST_F(LogVerificationTest, NamesTheBlockOfAForgedEntry) {
    using Change = std::function<void(std::vector<std::string>&)>;
    const Change changes[] = {[](auto& texts) { texts[40] = new_entry(77'777).text; },
                              [](auto& texts) { std::swap(texts[40], texts[41]); },
                              [](auto& texts) {
                                  texts.erase(texts.begin() + 40);
                                  texts.push_back(new_entry(77'777).text);
                              }};
    for (const Change& change : changes) {
        const auto disk = fs_.crash(1);
        const std::string file = segment_name(kBlockEntries);
        rewrite_frames(*disk, file, change);
        const uint64_t begin = frames_of(content_of(*disk, file)).front();
        expect_one(verify(*disk), file, kBlockEntries, begin);
        const auto last = fs_.crash(1);
        rewrite_frames(*last, segment_name(3 * kBlockEntries), change);
        expect_one(verify(*last), segment_name(3 * kBlockEntries), 3 * kBlockEntries, std::nullopt);
    }
}

TEST_F(LogVerificationTest, NamesAReplacedCheckpointAndKey) {
    SeededRandom random(123);
    const auto other = crypto::SigningKey::random(random);
    const auto forged = fs_.crash(1);
    put(*forged, kCheckpointFile, sign_checkpoint({.root = {}, .size = kEntries}, other));
    expect_one(verify(*forged), kCheckpointFile, std::nullopt, std::nullopt);
    const auto missing = fs_.crash(1);
    ASSERT_TRUE(missing->remove(path(kCheckpointFile)));
    expect_one(verify(*missing), kCheckpointFile, std::nullopt, std::nullopt);
    const auto key = fs_.crash(1);
    put(*key, kSigningKeyFile, crypto::hex_encode(other.seed().bytes()) + "\n");
    expect_one(verify(*key), kSigningKeyFile, std::nullopt, std::nullopt);
    const LogReport expected_other = verify(fs_, {.checkpoints = {}, .key = other.public_key()});
    EXPECT_GE(expected_other.damages, 1u);
}

// All of it from an earlier day, checkpoint included: only what was kept elsewhere tells.
TEST_F(LogVerificationTest, NamesALogThatWasRolledBack) {
    CrashFileSystem earlier;
    {
        const auto log = open_log(earlier, 1);
        ASSERT_TRUE(log);
        ASSERT_TRUE((*log)->append(new_entries(0, 400)));
        ASSERT_TRUE((*log)->write_checkpoint());
    }
    EXPECT_EQ(verify(earlier).damages, 0u);
    expect_one(verify(earlier, {.checkpoints = {{"exported", checkpoints_[kEntries]}}, .key = {}}),
               "exported", 400, std::nullopt);
    EXPECT_EQ(
        verify(earlier, {.checkpoints = {{"exported", checkpoints_[100]}}, .key = {}}).damages, 0u);
}

// Written anew from an entry on, and signed with the right key.
TEST_F(LogVerificationTest, NamesALogThatIsNotTheOneAnOlderCheckpointWasOf) {
    CrashFileSystem other;
    {
        const auto log = open_log(other, 1);
        ASSERT_TRUE(log);
        auto entries = new_entries(0, kEntries);
        entries[99] = new_entry(5'000);
        ASSERT_TRUE((*log)->append(entries));
        ASSERT_TRUE((*log)->write_checkpoint());
    }
    EXPECT_EQ(verify(other).damages, 0u);
    for (const auto& [size, text] : checkpoints_) {
        expect_one(verify(other, {.checkpoints = {{"exported", text}}, .key = {}}), "exported",
                   std::nullopt, std::nullopt);
    }
}

TEST_F(LogVerificationTest, ATornTailIsNoDamage) {
    const std::string file = segment_name(3 * kBlockEntries);
    const std::string content = content_of(fs_, file);
    std::string torn;
    append_frame({.index = kEntries,
                  .synced_before = kEntries,
                  .origin = {},
                  .entry = new_entry(kEntries).text},
                 torn);
    put(fs_, file, content + torn.substr(0, torn.size() - 9));
    const LogReport report = verify(fs_);
    EXPECT_EQ(report.damages, 0u);
    ASSERT_EQ(report.findings.size(), 1u);
    EXPECT_EQ(report.findings[0].severity, LogFinding::Severity::note);
    ASSERT_TRUE(open_log(fs_, 1));
    EXPECT_TRUE(verify(fs_).findings.empty());
}

TEST_F(LogVerificationTest, EveryFlippedBitIsNamed) {
    std::mt19937_64 random(17);
    std::vector<std::string> files;
    for (const DirectoryEntry& entry : *fs_.list(std::string(kTestLog)))
        files.push_back(entry.name);
    ASSERT_EQ(files.size(), 6u);
    for (int run = 0; run < 200; ++run) {
        const std::string& file = files[static_cast<size_t>(run) % files.size()];
        const auto disk = fs_.crash(1);
        std::string content = content_of(*disk, file);
        const uint64_t at = random() % content.size();
        const int bit = static_cast<int>(random() % 8);
        content[at] = static_cast<char>(content[at] ^ (1 << bit));
        put(*disk, file, content);
        const LogReport report = verify(*disk);
        EXPECT_GE(report.damages, 1u) << file << " " << at << " " << bit;
        EXPECT_TRUE(std::ranges::any_of(
            report.findings,
            [&](const LogFinding& finding) {
                if (finding.file != file) return false;
                return !finding.offset ||
                       (*finding.offset <= at &&
                        (finding.bytes == 0 || at < *finding.offset + finding.bytes));
            }))
            << file << " " << at << ": " << report.findings.front().what;
    }
}

class ExportTest : public LogVerificationTest {
  protected:
    std::vector<std::string> lines() {
        std::vector<std::string> lines;
        for (uint64_t i = 0; i < kEntries; ++i) {
            lines.push_back(export_line(i, new_entry(i).text));
        }
        return lines;
    }
    LogReport verify_lines(const std::vector<std::string>& lines,
                           std::vector<NamedCheckpoint> others = {}) {
        ExportVerification verification("log.ndjson", {"checkpoint", checkpoints_[kEntries]},
                                        {.checkpoints = std::move(others), .key = key_});
        for (const std::string& line : lines) verification.line(line);
        return verification.finish();
    }
};

TEST_F(ExportTest, PassesWithItsCheckpointAndOlderOnes) {
    const LogReport report =
        verify_lines(lines(), {{"older", checkpoints_[100]}, {"old", checkpoints_[400]}});
    EXPECT_EQ(report.damages, 0u) << report.findings.front().what;
    EXPECT_EQ(report.entries, kEntries);
}

// Entries that are others' are there as hashes.
TEST_F(ExportTest, OfAPartPassesToo) {
    auto part = lines();
    for (size_t i = 0; i < part.size(); i += 3) {
        const Hash hash = leaf_hash(as_bytes(new_entry(i).text));
        part[i] = fmt::format(R"({{"index":{},"hash":"{}"}})", i, base64(hash)) + "\n";
    }
    EXPECT_EQ(verify_lines(part).damages, 0u);
    part[4].replace(part[4].find("ann"), 3, "bob");
    EXPECT_EQ(verify_lines(part).damages, 1u);
}

TEST_F(ExportTest, NamesWhatIsWrong) {
    auto changed = lines();
    changed[70].replace(changed[70].find("ann"), 3, "bob");
    EXPECT_EQ(verify_lines(changed).damages, 1u);
    auto removed = lines();
    removed.erase(removed.begin() + 70);
    const LogReport gap = verify_lines(removed);
    ASSERT_GE(gap.damages, 1u);
    EXPECT_EQ(gap.findings[0].entry, 70u);
    auto cut = lines();
    cut.pop_back();
    const LogReport shorter = verify_lines(cut);
    ASSERT_EQ(shorter.damages, 1u);
    EXPECT_EQ(shorter.findings[0].entry, kEntries - 1);
    auto nonsense = lines();
    nonsense[3] = "nonsense\n";
    ASSERT_GE(verify_lines(nonsense).damages, 1u);
    EXPECT_EQ(verify_lines(lines(), {{"none", "nonsense"}}).damages, 1u);
}

TEST(ExportLine, IsReadBack) {
    const std::string line = export_line(12, R"({"v":1})");
    EXPECT_EQ(line, "{\"index\":12,\"entry\":{\"v\":1}}\n");
    EXPECT_EQ(parse_export_line(line)->index, 12u);
    EXPECT_EQ(parse_export_line(line)->entry, R"({"v":1})");
    const Hash hash = leaf_hash(as_bytes(std::string_view(R"({"v":1})")));
    EXPECT_EQ(parse_export_line(line)->leaf, hash);
    const auto spine = parse_export_line(R"({"index":12,"hash":")" + base64(hash) + "\"}\n");
    ASSERT_TRUE(spine);
    EXPECT_EQ(spine->leaf, hash);
    EXPECT_TRUE(spine->entry.empty());
    for (const char* text : {"", "{}", R"({"index":x,"entry":{}})", R"({"index":1,"entri":{}})",
                             R"({"index":1,"hash":"AAAA"})", R"({"index":1,"entry":7})"}) {
        EXPECT_FALSE(parse_export_line(text)) << text;
    }
}

}  // namespace
}  // namespace insula::audit
