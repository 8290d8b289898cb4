// Reads a data file wholly, through the engine, and compares what stands in it with what the
// catalog says of it. For verification. Used by one thread.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "core/catalog/types.h"
#include "platform/engine/engine.h"

namespace insula::tables {

// The `_row_id`s of a source that were met: a bit each, in pages.
class RowIdSet {
  public:
    // False if it was there already.
    bool add(uint64_t row_id);

  private:
    static constexpr uint64_t kPageIds = 65'536;
    std::unordered_map<uint64_t, std::unique_ptr<std::bitset<kPageIds>>> pages_;
};

struct ContentCheck {
    std::vector<std::string> wrong;  // for operators
    uint64_t rows = 0;
};

// `file` holds what `meta` speaks of; `seen` are the rows of the source's other files, and becomes
// theirs and this one's. `next_row_id` is the source's. data_loss where the file cannot be read.
Result<ContentCheck> check_content(engine::Instance& engine, const catalog::DataFile& meta,
                                   std::shared_ptr<engine::ReadableFile> file, uint64_t next_row_id,
                                   RowIdSet& seen);

}  // namespace insula::tables
