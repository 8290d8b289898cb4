#include "stores/tables/files/data_file_writer.h"

#include <gtest/gtest.h>

#include "platform/fs/crash_file_system.h"

namespace insula::tables {
namespace {

// An engine whose every statement runs out of memory.
class NoMemory final : public engine::Instance {
  public:
    Result<std::unique_ptr<engine::ResultStream>> query(engine::Query, Deadline,
                                                        CancelToken) override {
        return fail(no_memory());
    }
    Result<engine::ParquetStats> write_parquet(engine::Scan, const engine::ParquetOptions&,
                                               engine::WritableFile&, Deadline,
                                               CancelToken) override {
        return fail(no_memory());
    }
    Result<std::unique_ptr<engine::ResultStream>> read_parquet(
        std::shared_ptr<engine::ReadableFile>, Deadline, CancelToken) override {
        return fail(no_memory());
    }
    Result<engine::ForeignParquet> describe_parquet(FileId, std::shared_ptr<engine::ReadableFile>,
                                                    Deadline, CancelToken) override {
        return fail(no_memory());
    }
    uint64_t memory_bytes() const override { return 0; }

  private:
    static Error no_memory() {
        return {Code::resource_exhausted, engine::kQueryMemoryReason,
                "The query needs more memory."};
    }
};

TEST(DataFileWriter, WhoWritesRowsIsNotToldOfAQuery) {
    CrashFileSystem fs;
    NoMemory engine;
    ASSERT_TRUE(create_directories(fs, "data/tmp"));
    const auto written =
        write_data_file(fs, engine, {.data_directory = "data", .id = FileId{1}}, Schema(), {}, {});
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code(), Code::resource_exhausted);
    EXPECT_EQ(written.error().reason(), "memory_exhausted");
    EXPECT_EQ(written.error().message(), "The memory for writing rows into a file is in use.");
}

}  // namespace
}  // namespace insula::tables
