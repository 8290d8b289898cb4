// A file system in memory that knows what a power cut would leave. For tests:
//
//   CrashFileSystem fs;
//   const uint64_t before = fs.sync_calls();
//   work(fs);                                          // a first run counts
//   const uint64_t syncs = fs.sync_calls() - before;
//   for (uint64_t k = 1; k <= syncs; ++k) {
//       CrashFileSystem again;
//       again.set_power_cut({.at_sync = k});           // from there on every call fails
//       static_cast<void>(work(again));                // fails somewhere
//       for (uint64_t seed = 0; seed < 100; ++seed) {
//           const auto found = again.crash(seed);      // what a restart finds; a file system of
//           its own check(*found);
//       }
//   }
//
// What a power cut leaves:
//  1. Synced content always survives, as long as the entries that lead to it do.
//  2. Each unsynced write is kept, lost or torn at sectors of 512 bytes, whatever became of the
//     others; only within one sector a later write never survives without the earlier ones. The
//     size of the file goes its own way likewise: bytes that were lost within it read as zeros (or
//     as what was there), bytes beyond it are gone.
//  3. Each unsynced create, rename, remove is kept or lost for itself, so a file whose entry was
//     not synced may vanish with all its synced content; so do directories.
//  4. A rename is whole: old or new name. Syncing the directory it led to keeps the new name, and
//     the old one may be there beside it; syncing the one it came from keeps all of it. Renames
//     that share a name happen in order. So a file that was durable under a name is not lost by
//     renames.
//
// Threads: thread-safe; a file system and those that crash() made of it share one lock.
// Limits: a file holds up to kCrashFileBytesMax bytes; directories are renamed within their parent
// only. Paths: relative and absolute ones start at the same root, which exists; ".." is refused.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/units.h"
#include "platform/fs/file_system.h"
#include "platform/runtime/random.h"

namespace insula {

inline constexpr uint64_t kCrashFileBytesMax = 16 * kGiB;
inline constexpr uint64_t kCrashSectorBytes = 512;

// Cuts the power at the n-th call or the n-th sync (sync_data or sync_directory) from now, the
// first being 1. That call fails like all later ones, before or after it took effect.
struct PowerCut {
    uint64_t at_sync = 0;  // 0: never
    uint64_t at_call = 0;
    bool after_effect = false;
};

enum class SyncMoment { before, after };

class CrashFileSystem final : public FileSystem {
  public:
    CrashFileSystem();
    ~CrashFileSystem() override;

    // The file system as found after a power cut now (or when the power was cut). This one is left
    // as it is, so that many seeds can be tried. The same calls and the same seed give the same
    // result.
    std::unique_ptr<CrashFileSystem> crash(uint64_t seed) const;
    std::unique_ptr<CrashFileSystem> crash(Random& random) const { return crash(random.next()); }

    void set_power_cut(PowerCut cut);
    void cut_power();
    bool powered_off() const;

    uint64_t sync_calls() const;  // since construction
    uint64_t calls() const;
    // What space() answers from now on; the files themselves have no such bound.
    void set_space(SpaceInfo space);
    // Called before and after each sync takes effect, on the thread that syncs; may call crash(),
    // so that one run can be examined at every boundary. Empty removes it.
    void set_sync_hook(std::function<void(SyncMoment)> hook);

    Result<std::unique_ptr<File>> open(std::string_view path, OpenMode mode) override;
    Status rename(std::string_view from, std::string_view to) override;
    Status remove(std::string_view path) override;
    Status create_directory(std::string_view path) override;
    Status remove_directory(std::string_view path) override;
    Status sync_directory(std::string_view path) override;
    Result<std::vector<DirectoryEntry>> list(std::string_view path) override;
    Result<bool> exists(std::string_view path) override;
    Result<SpaceInfo> space(std::string_view path) override;
    Result<std::unique_ptr<FileLock>> lock(std::string_view path) override;

  private:
    friend class CrashFile;
    friend class CrashLock;
    struct State;
    explicit CrashFileSystem(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace insula
