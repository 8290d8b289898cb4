// Bits flipped at random places of every kind of file of a data directory: verification names them,
// or they mean nothing; a node that starts all the same gives no wrong answer.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <map>

#include "platform/blob/blob_file.h"
#include "platform/fs/crash_file_system.h"
#include "platform/net/http_client.h"
#include "platform/runtime/log.h"
#include "platform/runtime/random.h"
#include "server/node.h"
#include "server/offline/verification.h"

namespace insula::server {
namespace {

constexpr std::string_view kData = "data";
constexpr uint64_t kFileBytesMax = 64 * kMiB;
constexpr std::string_view kDamagedCode = "damaged_data";

config::ServerConfig small_config() {
    auto loaded = config::load({.machine = {.cores = 2, .memory_bytes = 2 * kGiB}});
    EXPECT_TRUE(loaded);
    config::ServerConfig config = config::make_server_config(loaded->config);
    config.data_dir = kData;
    config.dev = true;
    config.rest_port = config.gateway_port = 0;
    config.io_threads = config.worker_threads = 1;
    config.journal_segment_bytes = 1 * kMiB;
    config.root_key = std::string(64, '7');  // a file of it would be on another disk
    return config;
}

class RunningNode {
  public:
    explicit RunningNode(FileSystem& fs)
        : started_(Node::start(small_config(), fs, clock_, random_)) {}
    const Error& error() const { return started_.error(); }
    explicit operator bool() const { return started_.has_value(); }
    Status stop() { return (*started_)->stop(); }

    net::ClientResponse post(std::string target, std::string_view body) {
        net::HttpClient client({.port = (*started_)->ports().at(0)});
        auto answer = client.post(std::move(target), body);
        EXPECT_TRUE(answer) << answer.error().describe();
        return answer ? *std::move(answer) : net::ClientResponse{};
    }
    void write(const std::string& source, int first, int rows) {
        std::string body = "[";
        for (int i = first; i < first + rows; ++i) {
            body += fmt::format(
                R"({}{{"id":{},"amount":{}.5,"text":"row {} of many","day":"2024-01-{:02}"}})",
                i == first ? "" : ",", i, i * 7, i, 1 + i % 28);
        }
        const auto answer = post("/data/write?source_id=" + source, body + "]");
        EXPECT_EQ(answer.status, 200) << answer.body;
    }
    // The records, or "damaged", or "none" where there is no such source.
    std::string read(const std::string& source) {
        const auto answer =
            post("/data/search",
                 fmt::format(R"({{"sources":["{}"],"limit":1000,"order_by":[{{"column":"id"}}]}})",
                             source));
        if (answer.status == 200) return answer.body.substr(0, answer.body.find(R"(,"stats")"));
        if (answer.status == 404) return "none";
        if (answer.body.find(kDamagedCode) != std::string::npos) return "damaged";
        return fmt::format("{} {}", answer.status, answer.body);
    }

  private:
    SystemClock clock_;
    SystemRandom random_;
    Result<std::unique_ptr<Node>> started_;
};

const std::vector<std::string> kSources{"direct", "journalled", "both", "last"};

// A stream that ended cleanly, one that was killed; rows in files, in both, and in the journal
// alone.
std::unique_ptr<CrashFileSystem> killed_node(std::map<std::string, std::string>& answers) {
    CrashFileSystem disk;
    {
        RunningNode node(disk);
        EXPECT_TRUE(node) << node.error().describe();
        for (const char* source : {"direct", "both"}) {
            const auto added = node.post(
                "/sources/add", fmt::format(R"({{"source_id":"{}","wal_enabled":{}}})", source,
                                            source == std::string_view("both") ? "true" : "false"));
            EXPECT_EQ(added.status / 100, 2) << added.body;
        }
        node.write("direct", 0, 200);
        node.write("journalled", 0, 20);
        EXPECT_TRUE(node.stop());
    }
    RunningNode node(disk);
    EXPECT_TRUE(node) << node.error().describe();
    node.write("direct", 200, 100);
    node.write("both", 0, 50);
    node.write("journalled", 20, 20);
    node.write("last", 0, 3);
    // So that what a flip in the end of the catalog's log may undo is this.
    EXPECT_EQ(node.post("/sources/add", R"({"source_id":"unused"})").status / 100, 2);
    // And the same of the journal's.
    node.write("unused", 0, 1);
    for (const std::string& source : kSources) answers[source] = node.read(source);
    return disk.crash(1);
}

void list_files(FileSystem& fs, const std::string& directory, std::vector<std::string>& files) {
    for (const DirectoryEntry& entry : *fs.list(directory)) {
        const std::string path = directory + "/" + entry.name;
        if (entry.is_directory) {
            list_files(fs, path, files);
        } else {
            files.push_back(path);
        }
    }
}

// "segment", "parquet", "control.db", …
std::string kind_of(const std::string& path) {
    const std::string name = path.substr(path.rfind('/') + 1);
    const size_t dot = name.rfind('.');
    return name.starts_with("control") || dot == std::string::npos ? name : name.substr(dot);
}

class Damage : public ::testing::Test {
  protected:
    void SetUp() override { ASSERT_TRUE(log::set_level("off")); }
    void TearDown() override { EXPECT_TRUE(log::set_level("info")); }

    static Result<VerifyReport> verify_disk(FileSystem& fs, bool deep) {
        SystemClock clock;
        ASSIGN_OR_RETURN(const auto node,
                         StoppedNode::open(fs, clock, std::string(kData), [](const DataDirectory&) {
                             return fail(internal_error("here"));
                         }));
        return verify(*node, {.deep = deep}, [](const VerifyProgress&) {});
    }
};

void flip(FileSystem& fs, const std::string& path, uint64_t offset, int bit) {
    auto file = fs.open(path, OpenMode::read_write);
    ASSERT_TRUE(file);
    std::byte byte{};
    ASSERT_TRUE((*file)->read_at({&byte, 1}, offset));
    byte ^= std::byte{static_cast<uint8_t>(1 << bit)};
    ASSERT_TRUE((*file)->write_at({&byte, 1}, offset));
    ASSERT_TRUE((*file)->sync_data());
}

bool names(const Finding& finding, const std::string& path, uint64_t at) {
    if (std::string(kData) + "/" + finding.file != path) return false;
    if (!finding.offset) return true;
    return *finding.offset <= at && (finding.bytes == 0 || at < *finding.offset + finding.bytes);
}

// What went wrong, if anything. `outcomes` counts what came of it.
std::optional<std::string> check_flip(CrashFileSystem& disk, const std::string& path, uint64_t at,
                                      const std::map<std::string, std::string>& answers,
                                      const Result<VerifyReport>& found,
                                      std::map<std::string, int>& outcomes) {
    const bool refused = !found.has_value();
    const bool damaged = !refused && found->damages > 0;
    if (damaged && std::ranges::none_of(found->findings, [&](const Finding& finding) {
            return finding.severity == Finding::Severity::damage && names(finding, path, at);
        })) {
        return fmt::format("verification names other places, first {} at {}: {}",
                           found->findings[0].file, found->findings[0].offset.value_or(0),
                           found->findings[0].what);
    }
    RunningNode node(disk);
    if (!node) {
        if (!damaged && !refused) return "the node refuses it: " + node.error().describe();
        ++outcomes["start refused"];
        return std::nullopt;
    }
    if (refused) return "verification refuses what the node takes: " + found.error().describe();
    for (const std::string& source : kSources) {
        const std::string answer = node.read(source);
        if (answer == answers.at(source)) continue;
        if (answer != "damaged") return "a wrong answer: " + answer.substr(0, 200);
        if (!damaged) return "an answer is refused, and verification found nothing";
        ++outcomes["answer refused"];
        return std::nullopt;
    }
    ++outcomes[damaged ? "named, answers right" : "means nothing"];
    return std::nullopt;
}

TEST_F(Damage, OfOneBitAnywhereIsNamedOrMeansNothingAndNoAnswerIsWrong) {
    std::map<std::string, std::string> answers;
    const auto base = killed_node(answers);
    ASSERT_FALSE(HasFailure());
    std::vector<std::string> files;
    list_files(*base, std::string(kData), files);
    std::map<std::string, std::vector<std::string>> kinds;
    for (const std::string& path : files) kinds[kind_of(path)].push_back(path);
    for (const char* kind : {".seg", ".parquet", ".log", "control.db", "control.db-wal", "VERSION",
                             "checkpoint", "signing-key"}) {
        ASSERT_TRUE(kinds.contains(kind)) << kind;
    }
    const auto sound = verify_disk(*base->crash(1), /*deep=*/true);
    ASSERT_TRUE(sound) << sound.error().describe();
    ASSERT_EQ(sound->damages, 0u) << sound->findings[0].file << ": " << sound->findings[0].what;
    EXPECT_EQ(sound->rows, 300u);

    const char* text = ::getenv("INSULA_TEST_SEEDS");
    const uint64_t factor = text == nullptr ? 1 : ::strtoull(text, nullptr, 10);
    std::map<std::string, int> outcomes;
    SeededRandom random(11);
    for (uint64_t run = 0; run < 60 * std::max<uint64_t>(factor, 1); ++run) {
        auto kind = kinds.begin();
        std::advance(kind, static_cast<ptrdiff_t>(run % kinds.size()));
        const std::string& path = kind->second[random.below(kind->second.size())];
        const auto disk = base->crash(run);
        const uint64_t bytes = read_file(*disk, path, kFileBytesMax)->size();
        if (bytes == 0) continue;
        // Most of a segment is zeros.
        const bool near = kind->first == ".seg" && random.below(4) != 0;
        const uint64_t at = random.below(near ? std::min<uint64_t>(bytes, 24 * kKiB) : bytes);
        const int bit = static_cast<int>(random.below(8));
        ASSERT_NO_FATAL_FAILURE(flip(*disk, path, at, bit));
        const auto found = verify_disk(*disk, /*deep=*/false);
        const auto wrong = check_flip(*disk, path, at, answers, found, outcomes);
        ASSERT_FALSE(wrong.has_value())
            << "bit " << bit << " of " << path << " at " << at << " flipped: " << *wrong;
    }
    for (const char* outcome : {"start refused", "answer refused", "means nothing"}) {
        EXPECT_GT(outcomes[outcome], 0) << outcome;
    }
}

TEST_F(Damage, OfFilesAsAWholeIsNamed) {
    std::map<std::string, std::string> answers;
    const auto base = killed_node(answers);
    std::vector<std::string> files;
    list_files(*base, std::string(kData) + "/blob", files);
    ASSERT_GE(files.size(), 2u);
    const std::string first = *read_file(*base, files[0], kFileBytesMax);
    const std::string second = *read_file(*base, files[1], kFileBytesMax);
    const auto set = [](FileSystem& fs, const std::string& path, std::string_view content) {
        auto file = fs.open(path, OpenMode::create_or_open);
        ASSERT_TRUE(file);
        ASSERT_TRUE((*file)->truncate(content.size()));
        ASSERT_TRUE((*file)->write_at(as_bytes(content), 0));
    };
    const auto expect_named = [&](FileSystem& fs, const std::string& path) {
        const auto found = verify_disk(fs, /*deep=*/true);
        ASSERT_TRUE(found);
        EXPECT_TRUE(std::ranges::any_of(found->findings, [&](const Finding& finding) {
            return finding.severity == Finding::Severity::damage &&
                   std::string(kData) + "/" + finding.file == path;
        })) << path;
        EXPECT_GT(found->damages, 0u);
    };
    const auto swapped = base->crash(1);
    set(*swapped, files[0], second);
    set(*swapped, files[1], first);
    expect_named(*swapped, files[0]);
    expect_named(*swapped, files[1]);
    const auto missing = base->crash(1);
    ASSERT_TRUE(missing->remove(files[0]));
    expect_named(*missing, files[0]);
    const auto cut = base->crash(1);
    set(*cut, files[0], first.substr(0, first.size() / 2));
    expect_named(*cut, files[0]);
    const auto no_catalog = base->crash(1);
    ASSERT_TRUE(no_catalog->remove("data/control.db"));
    expect_named(*no_catalog, "data/control.db");
}

// What it does not know of would look like files that nothing names.
TEST_F(Damage, ACatalogOfAnEarlierDayIsNamedAndNothingElse) {
    CrashFileSystem disk;
    const auto run = [&](int first) {
        RunningNode node(disk);
        ASSERT_TRUE(node) << node.error().describe();
        node.write("one", first, 5);
        ASSERT_TRUE(node.stop());
    };
    const auto expect_named = [&] {
        const auto found = verify_disk(disk, /*deep=*/true);
        ASSERT_TRUE(found) << found.error().describe();
        ASSERT_EQ(found->findings.size(), 1u);
        EXPECT_EQ(found->findings[0].file, "control.db");
        EXPECT_EQ(found->findings[0].severity, Finding::Severity::damage);
        EXPECT_NE(found->findings[0].what.find("older than the journal"), std::string::npos)
            << found->findings[0].what;
        EXPECT_FALSE(RunningNode(disk));
    };
    ASSERT_NO_FATAL_FAILURE(run(0));
    const auto before = read_file(disk, "data/control.db", kFileBytesMax);
    ASSERT_TRUE(before);
    ASSERT_NO_FATAL_FAILURE(run(5));
    ASSERT_EQ(verify_disk(disk, /*deep=*/true)->damages, 0u);
    ASSERT_TRUE(write_file_durably(disk, "data/control.db", *before));
    static_cast<void>(disk.remove("data/control.db-wal"));
    expect_named();
    ASSERT_TRUE(write_file_durably(disk, "data/control.db", ""));
    ASSERT_TRUE(write_file_durably(disk, "data/control.db-wal", ""));
    expect_named();
}

TEST_F(Damage, FilesThatNothingNamesAreListedAndAreNone) {
    std::map<std::string, std::string> answers;
    const auto disk = killed_node(answers);
    std::vector<std::string> files;
    list_files(*disk, std::string(kData) + "/blob", files);
    const std::string orphan = std::string(parent_path(files[0])) + "/9-9-9.parquet";
    ASSERT_TRUE(write_file_durably(*disk, orphan, "half a file"));
    ASSERT_TRUE(write_file_durably(*disk, "data/notes.txt", "by the operator"));
    const auto found = verify_disk(*disk, /*deep=*/false);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->damages, 0u);
    std::vector<std::string> notes;
    for (const Finding& finding : found->findings) notes.push_back("data/" + finding.file);
    EXPECT_NE(std::ranges::find(notes, orphan), notes.end());
    EXPECT_NE(std::ranges::find(notes, "data/notes.txt"), notes.end());
}

// The same bytes, other rows: only reading them tells.
TEST_F(Damage, RowsThatAreNotWhatTheCatalogSaysAreFoundByTheDeepCheck) {
    std::map<std::string, std::string> answers;
    const auto disk = killed_node(answers);
    SystemClock clock;
    auto catalog = catalog::open_sqlite_catalog(*disk, clock, "data/control.db");
    ASSERT_TRUE(catalog);
    const auto tenants = (*catalog)->tenants();
    const auto sources = (*catalog)->sources(tenants->at(0).id);
    const auto direct = std::ranges::find(*sources, "direct", &catalog::Source::source_id);
    ASSERT_NE(direct, sources->end());
    catalog::DataFile file = direct->files.at(0);
    catalog::CommitFiles change{.tenant = direct->tenant,
                                .incarnation = direct->incarnation,
                                .epoch = tenants->at(0).epoch,
                                .remove = {file.id},
                                .now = 1};
    // The content of this file under another id, with other bounds and one row more.
    file.rows += 1;
    file.zones.at(0).max += 5;
    file.zones.at(1).nulls += 2;
    file.part = 7;
    const std::string old_path =
        catalog::file_path(direct->tenant, direct->incarnation, direct->files.at(0));
    const std::string path = catalog::file_path(direct->tenant, direct->incarnation, file);
    file.id = FileId{*(*catalog)->allocate_ids(catalog::IdKind::file, 1)};
    auto old = blob::BlobReader::open(*disk, "data/" + old_path, direct->files.at(0).id);
    ASSERT_TRUE(old);
    std::string content((*old)->size(), '\0');
    ASSERT_TRUE((*old)->read_at(std::as_writable_bytes(std::span(content)), 0));
    auto copy = blob::BlobWriter::create(*disk, "data/tmp/copy", "data/" + path, file.id);
    ASSERT_TRUE(copy);
    ASSERT_TRUE((*copy)->append(as_bytes(content)));
    ASSERT_TRUE((*copy)->finish());
    change.add = {file};
    const Status changed = (*catalog)->commit_files(change);
    ASSERT_TRUE(changed) << changed.error().describe();
    ASSERT_TRUE((*catalog)->close());
    EXPECT_EQ(verify_disk(*disk, /*deep=*/false)->damages, 0u);
    const auto found = verify_disk(*disk, /*deep=*/true);
    ASSERT_TRUE(found);
    std::string all;
    for (const Finding& finding : found->findings) {
        if (finding.severity == Finding::Severity::damage) all += finding.what + "; ";
    }
    EXPECT_EQ(found->damages, 3u) << all;
    EXPECT_NE(all.find("it has 200 rows, the catalog says 201"), std::string::npos) << all;
    EXPECT_NE(all.find("the catalog says 0 to 204"), std::string::npos) << all;
}

}  // namespace
}  // namespace insula::server
