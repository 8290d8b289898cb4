// Parquet bodies to batches: the engine reads the file, values go through the same rules as
// documents.
#pragma once

#include <memory>

#include "base/result.h"
#include "platform/engine/engine.h"
#include "platform/runtime/deadline.h"
#include "stores/tables/ingest/batch.h"

namespace insula::tables {

// A file that is wholly in memory; `content` must outlive it.
class MemoryFile final : public engine::ReadableFile {
  public:
    explicit MemoryFile(Bytes content) : content_(content) {}
    Result<size_t> read_at(MutableBytes out, uint64_t offset) override;
    uint64_t size() const override { return content_.size(); }

  private:
    Bytes content_;
};

Result<Batch> shred_parquet(engine::Instance& engine, std::shared_ptr<engine::ReadableFile> file,
                            SchemaPtr schema, Deadline deadline, CancelToken cancel);

}  // namespace insula::tables
