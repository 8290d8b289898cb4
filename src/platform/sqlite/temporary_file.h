// A file in memory, for what SQLite would spill into a nameless temporary file (statement
// journals). Used by the one connection that opened it; not thread-safe.
#pragma once

#include <string>

#include "base/units.h"
#include "platform/fs/file_system.h"

namespace insula::sqlite {

inline constexpr uint64_t kTemporaryFileBytesMax = 256 * kMiB;

class TemporaryFile final : public File {
  public:
    Result<size_t> read_at(MutableBytes out, uint64_t offset) override;
    // storage_exhausted above kTemporaryFileBytesMax.
    Status write_at(Bytes data, uint64_t offset) override;
    Status sync_data() override { return {}; }
    Status truncate(uint64_t size) override;
    Result<uint64_t> size() override { return content_.size(); }

  private:
    std::string content_;
};

}  // namespace insula::sqlite
