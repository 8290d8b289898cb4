// Limits of the store that no setting lowers.
#include <gtest/gtest.h>

#include "platform/fs/crash_file_system.h"
#include "platform/fs/forwarding_file_system.h"
#include "stores/tables/ingest/json_shredder.h"
#include "stores/tables/tests/store_harness.h"

namespace insula::tables::durability {
namespace {

TEST(StoreLimits, OneSourceMoreThanATenantMayHaveIsRefused) {
    CrashFileSystem fs;
    ManualClock clock;
    NodeSettings settings = small_settings();
    settings.limits.sources_max = 2;
    auto node = TestNode::open(fs, clock, settings);
    ASSERT_TRUE(node) << node.error().describe();
    ASSERT_TRUE((*node)->write("a", R"({"x":1})"));
    ASSERT_TRUE((*node)->write("b", R"({"x":1})"));
    const auto refused = (*node)->write("c", R"({"x":1})");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Code::failed_precondition);
    EXPECT_EQ(refused.error().reason(), "source_limit_reached");
    EXPECT_TRUE((*node)->write("b", R"({"x":2})")) << "those that are there take writes";

    ASSERT_TRUE((*node)->store().remove_source(TestNode::tenant(), "a"));
    EXPECT_TRUE((*node)->write("c", R"({"x":1})")) << "a removed one makes room";
}

// Columns change from row to row, which makes many small chunks.
TEST(StoreLimits, MemoryForRowsIsCountedAsItIs) {
    CrashFileSystem fs;
    ManualClock clock;
    auto node = TestNode::open(fs, clock, small_settings());
    ASSERT_TRUE(node) << node.error().describe();
    const MemoryBudget& memtables = (*node)->store().services().memtables;
    constexpr uint64_t kWrites = 150;
    for (uint64_t i = 0; i < kWrites; ++i) {
        ASSERT_TRUE((*node)->write("s", i % 2 == 0 ? R"({"a":1})" : R"({"b":"text"})",
                                   RecordIdempotency{"key " + std::to_string(i), i}));
        ASSERT_TRUE((*node)->journal().flush());
    }
    const auto source = (*node)->store().find(TestNode::tenant(), "s");
    ASSERT_TRUE(source);
    EXPECT_EQ(memtables.usage(), (*source)->memtable_bytes());
    EXPECT_GT(memtables.usage(), (*source)->stats().memtable_bytes) << "keys count too";
    EXPECT_LT(memtables.usage(), kWrites * 3000) << "a chunk of one row has no room for thousands";
    ASSERT_TRUE((*node)->flush("s"));
    EXPECT_EQ(memtables.usage(), 0u);
}

TEST(StoreLimits, ASourceThatHasAllTheMemoryThatItMayHaveWaitsAndOthersGoOn) {
    CrashFileSystem fs;
    ManualClock clock;
    NodeSettings settings = small_settings();
    settings.limits.source_memory_bytes = 16 * kKiB;
    auto node = TestNode::open(fs, clock, settings);
    ASSERT_TRUE(node) << node.error().describe();
    const std::string body = R"({"text":")" + std::string(1000, 'x') + "\"}";
    const std::string padded = body + std::string(kJsonPadding, ' ');
    const WriteInput input{.shred = [&](SchemaPtr schema) {
        return shred_json(std::string_view(padded).substr(0, body.size()), std::move(schema));
    }};
    const auto write = [&](std::string_view id) -> Result<WriteOutcome> {
        ASSIGN_OR_RETURN(const auto source,
                         (*node)->store().find_or_create(TestNode::tenant(), id));
        ASSIGN_OR_RETURN(const auto outcome,
                         source->write(input, Deadline::after(std::chrono::milliseconds(20))));
        RETURN_IF_ERROR((*node)->journal().flush());
        return outcome;
    };
    Result<WriteOutcome> last = write("s");
    for (int i = 0; i < 100 && last; ++i) last = write("s");
    ASSERT_FALSE(last);
    EXPECT_EQ(last.error().reason(), "memory_exhausted");
    EXPECT_EQ(last.error().message(), "The memory for rows of one source is in use.");
    EXPECT_TRUE(write("other"));
    ASSERT_TRUE((*node)->flush("s"));
    EXPECT_TRUE(write("s")) << "a flush makes room";
}

// Fails to make files of one source.
class OneSourceCannotBeWritten final : public ForwardingFileSystem {
  public:
    using ForwardingFileSystem::ForwardingFileSystem;
    Status rename(std::string_view from, std::string_view to) override {
        if (to.find("/s/1/") != std::string_view::npos) {
            return fail(internal_error("this one cannot be written"));
        }
        return ForwardingFileSystem::rename(from, to);
    }
};

TEST(StoreLimits, ASourceThatCannotBeFlushedDoesNotKeepTheOthersFromIt) {
    CrashFileSystem disk;
    OneSourceCannotBeWritten fs(disk);
    ManualClock clock;
    NodeSettings settings = small_settings();
    settings.limits.source_memtable_bytes = 1;
    auto node = TestNode::open(fs, clock, settings);
    ASSERT_TRUE(node) << node.error().describe();
    // The largest is flushed first.
    ASSERT_TRUE((*node)->write("first", R"({"x":1,"y":2,"z":3})"));
    for (const char* source : {"second", "third"}) {
        ASSERT_TRUE((*node)->write(source, R"({"x":1})"));
    }
    ASSERT_TRUE((*node)->journal().flush());
    TableStore& store = (*node)->store();
    store.maintain();
    EXPECT_EQ(store.flush_failures(), 1u);
    for (const auto& source : store.list(TestNode::tenant())) {
        const bool fails = source->incarnation() == SourceIncarnation{1};
        EXPECT_EQ(source->memtable_bytes() > 0, fails) << source->id();
    }
}

}  // namespace
}  // namespace insula::tables::durability
