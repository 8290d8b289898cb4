#include "platform/fs/os_file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

#include "platform/fs/descriptor.h"
#include "platform/fs/storage_error.h"
#include "platform/fs/transfer.h"

namespace insula {
namespace {

// Data may belong to several tenants: nobody but the server's user reads it.
constexpr mode_t kFileMode = 0600;
constexpr mode_t kDirectoryMode = 0700;

Result<Descriptor> open_descriptor(const std::string& path, int flags) {
    const int number = retry_interrupted(
        [&] { return ::openat(AT_FDCWD, path.c_str(), flags | O_CLOEXEC, kFileMode); });
    if (number < 0) return fail(storage_error("open", path, errno));
    return Descriptor(number);
}

class OsFile final : public File {
  public:
    OsFile(Descriptor descriptor, std::string path)
        : descriptor_(std::move(descriptor)), path_(std::move(path)) {}

    Result<size_t> read_at(MutableBytes out, uint64_t offset) override {
        const auto count = read_fully(out, offset, [&](std::byte* at, size_t bytes, uint64_t from) {
            return ::pread(descriptor_.get(), at, bytes, static_cast<off_t>(from));
        });
        if (!count) return fail(storage_error("read", path_, count.error()));
        return *count;
    }

    Status write_at(Bytes data, uint64_t offset) override {
        const auto done =
            write_fully(data, offset, [&](const std::byte* at, size_t bytes, uint64_t to) {
                return ::pwrite(descriptor_.get(), at, bytes, static_cast<off_t>(to));
            });
        if (!done) return fail(storage_error("write", path_, done.error()));
        return {};
    }

    Status sync_data() override {
        // EINTR is the one failure after which nothing was forgotten.
        if (retry_interrupted([&] { return ::fdatasync(descriptor_.get()); }) != 0) {
            return fail(storage_error("fdatasync", path_, errno));
        }
        return {};
    }

    Status truncate(uint64_t size) override {
        const auto bytes = static_cast<off_t>(size);
        if (retry_interrupted([&] { return ::ftruncate(descriptor_.get(), bytes); }) != 0) {
            return fail(storage_error("truncate", path_, errno));
        }
        return {};
    }

    Result<uint64_t> size() override {
        struct stat info{};
        if (::fstat(descriptor_.get(), &info) != 0) {
            return fail(storage_error("stat", path_, errno));
        }
        return static_cast<uint64_t>(info.st_size);
    }

  private:
    Descriptor descriptor_;
    std::string path_;
};

class OsFileLock final : public FileLock {
  public:
    explicit OsFileLock(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}

  private:
    Descriptor descriptor_;
};

int open_flags(OpenMode mode) {
    switch (mode) {
        case OpenMode::read:
            return O_RDONLY;
        case OpenMode::read_write:
            return O_RDWR;
        case OpenMode::create:
            return O_RDWR | O_CREAT | O_EXCL;
        case OpenMode::create_or_open:
            return O_RDWR | O_CREAT;
    }
    return O_RDONLY;
}

struct CloseDirectory {
    void operator()(DIR* directory) const { static_cast<void>(::closedir(directory)); }
};

Result<bool> is_directory(DIR* directory, const dirent& entry, const std::string& path) {
    if (entry.d_type != DT_UNKNOWN) return entry.d_type == DT_DIR;
    struct stat info{};
    if (::fstatat(::dirfd(directory), entry.d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
        return fail(storage_error("stat an entry of", path, errno));
    }
    return S_ISDIR(info.st_mode);
}

}  // namespace

Result<std::unique_ptr<File>> OsFileSystem::open(std::string_view path, OpenMode mode) {
    std::string name(path);
    ASSIGN_OR_RETURN(auto descriptor, open_descriptor(name, open_flags(mode)));
    if (mode == OpenMode::read) {
        // Only reading opens a directory; the other modes refuse it by themselves.
        struct stat info{};
        if (::fstat(descriptor.get(), &info) != 0) return fail(storage_error("stat", path, errno));
        if (S_ISDIR(info.st_mode)) return fail(storage_error("open", path, EISDIR));
    }
    return std::make_unique<OsFile>(std::move(descriptor), std::move(name));
}

Status OsFileSystem::rename(std::string_view from, std::string_view to) {
    if (::renameat(AT_FDCWD, std::string(from).c_str(), AT_FDCWD, std::string(to).c_str()) == 0) {
        return {};
    }
    // A directory in the way that is not empty: file systems differ in the number.
    const int number = errno == EEXIST ? ENOTEMPTY : errno;
    return fail(storage_error("rename", from, number).with_detail(to));
}

Status OsFileSystem::remove(std::string_view path) {
    if (::unlinkat(AT_FDCWD, std::string(path).c_str(), 0) != 0) {
        return fail(storage_error("remove", path, errno));
    }
    return {};
}

Status OsFileSystem::create_directory(std::string_view path) {
    if (::mkdirat(AT_FDCWD, std::string(path).c_str(), kDirectoryMode) != 0) {
        return fail(storage_error("create directory", path, errno));
    }
    return {};
}

Status OsFileSystem::remove_directory(std::string_view path) {
    if (::unlinkat(AT_FDCWD, std::string(path).c_str(), AT_REMOVEDIR) != 0) {
        return fail(storage_error("remove directory", path, errno == EEXIST ? ENOTEMPTY : errno));
    }
    return {};
}

Status OsFileSystem::sync_directory(std::string_view path) {
    ASSIGN_OR_RETURN(const auto descriptor,
                     open_descriptor(std::string(path), O_RDONLY | O_DIRECTORY));
    if (retry_interrupted([&] { return ::fsync(descriptor.get()); }) != 0) {
        return fail(storage_error("sync directory", path, errno));
    }
    return {};
}

Result<std::vector<DirectoryEntry>> OsFileSystem::list(std::string_view path) {
    const std::string name(path);
    const std::unique_ptr<DIR, CloseDirectory> directory(::opendir(name.c_str()));
    if (!directory) return fail(storage_error("list", path, errno));
    std::vector<DirectoryEntry> entries;
    for (;;) {
        errno = 0;
        const dirent* entry = ::readdir(directory.get());
        if (entry == nullptr) {
            if (errno != 0) return fail(storage_error("list", path, errno));
            break;
        }
        const std::string_view entry_name = entry->d_name;
        if (entry_name == "." || entry_name == "..") continue;
        ASSIGN_OR_RETURN(const bool directory_entry, is_directory(directory.get(), *entry, name));
        entries.push_back({std::string(entry_name), directory_entry});
    }
    std::ranges::sort(entries, {}, &DirectoryEntry::name);
    return entries;
}

Result<bool> OsFileSystem::exists(std::string_view path) {
    struct stat info{};
    if (::fstatat(AT_FDCWD, std::string(path).c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) {
        return true;
    }
    if (errno == ENOENT || errno == ENOTDIR) return false;
    return fail(storage_error("stat", path, errno));
}

Result<SpaceInfo> OsFileSystem::space(std::string_view path) {
    struct statvfs info{};
    const std::string name(path);
    if (retry_interrupted([&] { return ::statvfs(name.c_str(), &info); }) != 0) {
        return fail(storage_error("measure the space of", path, errno));
    }
    return SpaceInfo{.total_bytes = info.f_blocks * info.f_frsize,
                     .available_bytes = info.f_bavail * info.f_frsize};
}

Result<std::unique_ptr<FileLock>> OsFileSystem::lock(std::string_view path) {
    ASSIGN_OR_RETURN(auto descriptor, open_descriptor(std::string(path), O_RDWR | O_CREAT));
    if (retry_interrupted([&] { return ::flock(descriptor.get(), LOCK_EX | LOCK_NB); }) != 0) {
        return fail(storage_error("lock", path, errno));
    }
    return std::make_unique<OsFileLock>(std::move(descriptor));
}

}  // namespace insula
