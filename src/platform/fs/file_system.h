// The only way to storage. Three implementations: the operating system (os_file_system.h), one that
// fails the n-th call (faulty_file_system.h) and one in memory that simulates a power cut
// (crash_file_system.h).
//
// Threads: a FileSystem is thread-safe. A File allows concurrent reads and writes of different
// ranges; close is the destructor and must not run beside another call. A File must not outlive its
// FileSystem.
//
// What a power cut keeps: bytes written before a sync_data() of the same File that returned
// success; a directory entry (create, rename, remove) after sync_directory() of its directory.
// Nothing else is promised, and unsynced writes may survive in part, in any order.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace insula {

enum class OpenMode {
    read,            // must exist
    read_write,      // must exist
    create,          // must not exist; for reading and writing
    create_or_open,  // for reading and writing
};

class File {
  public:
    virtual ~File() = default;

    // Reads until `out` is full or the file ends; returns how many bytes were read.
    virtual Result<size_t> read_at(MutableBytes out, uint64_t offset) = 0;
    // Writes all of `data` or fails; after a failure any part of it may have been written. Writing
    // past the end grows the file; a gap reads as zeros.
    virtual Status write_at(Bytes data, uint64_t offset) = 0;
    // Makes all that was written, and the size, durable. After an error the file's content is
    // unknown: the kernel forgets what it could not write, so a second sync that succeeds proves
    // nothing.
    virtual Status sync_data() = 0;
    virtual Status truncate(uint64_t size) = 0;
    virtual Result<uint64_t> size() = 0;
};

struct DirectoryEntry {
    std::string name;
    bool is_directory = false;
};

struct SpaceInfo {
    uint64_t total_bytes = 0;
    uint64_t available_bytes = 0;
};

// Holds a lock until destroyed; the operating system drops it when the process ends.
class FileLock {
  public:
    virtual ~FileLock() = default;
};

// Paths are '/'-separated. A missing file or directory is Code::not_found, a present one
// Code::already_exists.
class FileSystem {
  public:
    virtual ~FileSystem() = default;

    virtual Result<std::unique_ptr<File>> open(std::string_view path, OpenMode mode) = 0;
    // Replaces `to` if it exists (a directory only if it is empty). Directories are renamed within
    // their parent: the crash simulation knows no other way.
    virtual Status rename(std::string_view from, std::string_view to) = 0;
    virtual Status remove(std::string_view path) = 0;
    virtual Status create_directory(std::string_view path) = 0;
    // The directory must be empty.
    virtual Status remove_directory(std::string_view path) = 0;
    virtual Status sync_directory(std::string_view path) = 0;
    // Sorted by name.
    virtual Result<std::vector<DirectoryEntry>> list(std::string_view path) = 0;
    virtual Result<bool> exists(std::string_view path) = 0;
    virtual Result<SpaceInfo> space(std::string_view path) = 0;
    // Fails with already_exists while another process holds it.
    virtual Result<std::unique_ptr<FileLock>> lock(std::string_view path) = 0;
};

// Creates `path` and its missing parents, each made durable by syncing the directory that holds it.
// One that is there already is made durable too: it may come from a process that was killed before
// it could.
Status create_directories(FileSystem& fs, std::string_view path);
// Removes a directory and all below it; not_found is success.
Status remove_tree(FileSystem& fs, std::string_view path);
// The whole of a small file; payload_too_large above `bytes_max`.
Result<std::string> read_file(FileSystem& fs, std::string_view path, uint64_t bytes_max);
// Writes a small file so that a power cut leaves the old or the new content: temporary, sync,
// rename, sync of the directory.
Status write_file_durably(FileSystem& fs, std::string_view path, std::string_view content);
// "a/b/c" -> "a/b"; "c" -> ".".
std::string_view parent_path(std::string_view path);

}  // namespace insula
