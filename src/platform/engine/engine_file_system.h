// The file system that the engine gets, and the only one: it holds the files that the running query
// pins (read only), the one file that a query writes (append only) and the engine's spill files.
// Any other path does not exist, whatever SQL names it.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "duckdb/common/file_system.hpp"
#include "platform/engine/engine.h"

namespace insula::engine {

// Spill files by name, and their bytes. Shared by the file system and its open handles.
// Thread-safe.
class SpillFiles {
  public:
    struct Entry {
        std::unique_ptr<SpillFile> file;
        uint64_t bytes = 0;
    };

    SpillFiles(SpillSpace& space, uint64_t bytes_max) : space_(space), bytes_max_(bytes_max) {}

    std::shared_ptr<Entry> find(const std::string& path) const;
    Result<std::shared_ptr<Entry>> create(const std::string& path);
    bool remove(const std::string& path);
    void clear();
    std::vector<std::string> names() const;
    Result<size_t> read(Entry& entry, MutableBytes out, uint64_t offset) const;
    Status write(Entry& entry, Bytes data, uint64_t offset);
    Status truncate(Entry& entry, uint64_t size);

    // The last failure of the space itself (a full disk, say), if one happened since the last call.
    std::optional<Error> take_error();
    void keep_error(const Error& error);

  private:
    Status grow(Entry& entry, uint64_t size);

    SpillSpace& space_;
    const uint64_t bytes_max_;
    mutable std::mutex mutex_;
    std::map<std::string, std::shared_ptr<Entry>> entries_;
    uint64_t bytes_ = 0;
    std::optional<Error> error_;
};

duckdb::unique_ptr<duckdb::FileSystem> make_engine_file_system(std::shared_ptr<SpillFiles> spill);

}  // namespace insula::engine
