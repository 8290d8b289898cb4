// FileSlots: under which path the engine sees a file. The engine caches decoded footers and file
// ranges per path for as long as it lives, so paths are a fixed set of slots that files take turns
// in; a slot's version says which file it holds now, and the engine drops what it cached under
// another version.
//
// A slot that a query has pinned keeps its file. Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/ids.h"

namespace insula::engine {

class FileSlots {
  public:
    // Slots beyond this number exist only while that many files are pinned at once.
    static constexpr size_t kSlotsMax = 1024;

    // `forget(path)` drops the footer that the engine keeps for a path. Footers of files that no
    // query uses are dropped, oldest first, while all footers together take more than
    // `footer_bytes_max`.
    FileSlots(uint64_t footer_bytes_max, std::function<void(const std::string&)> forget);

    struct Pin {
        size_t slot = 0;
        std::string path;
        std::string version;
    };
    // No id: a file that is read once; nothing of it is kept after unpin().
    Pin pin(FileId id);
    void unpin(size_t slot);
    // The decoded footer of the file in `slot` takes about `bytes`.
    void note_footer(size_t slot, uint64_t bytes);
    uint64_t footer_bytes() const;

  private:
    struct Slot {
        FileId id;
        std::string path;
        std::string version;
        uint64_t footer_bytes = 0;
        size_t pins = 0;
        std::list<size_t>::iterator idle;  // valid while pins == 0
    };

    size_t take_slot();
    void forget_footer(Slot& slot);

    const uint64_t footer_bytes_max_;
    const std::function<void(const std::string&)> forget_;
    mutable std::mutex mutex_;
    std::vector<Slot> slots_;
    std::unordered_map<FileId, size_t> by_id_;
    std::list<size_t> idle_;  // unpinned slots, least recently used first
    uint64_t footer_bytes_ = 0;
    uint64_t anonymous_files_ = 0;
};

}  // namespace insula::engine
