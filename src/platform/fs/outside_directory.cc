#include "platform/fs/outside_directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include "platform/fs/descriptor.h"
#include "platform/fs/storage_error.h"
#include "platform/fs/transfer.h"

namespace insula {
namespace {

// Longer than the clock of any file system of this machine takes for a tick.
constexpr int64_t kSettledAfterNanos = 100'000'000;

Error absent(std::string_view path, std::string_view why) {
    return not_found("outside_file_not_found", "There is no such file.")
        .with_detail(std::string(path) + ": " + std::string(why));
}

Error absent(std::string_view call, std::string_view path, int number) {
    if (number == EMFILE || number == ENFILE || number == ENOMEM || number == EIO) {
        return storage_error(call, path, number);
    }
    return absent(path, os_error(call, number).detail());
}

int64_t nanoseconds(const timespec& time) {
    return static_cast<int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

FileIdentity identity_of(const struct stat& info) {
    const int64_t now = std::chrono::duration_cast<std::chrono::nanoseconds>(
                            std::chrono::system_clock::now().time_since_epoch())
                            .count();
    FileIdentity identity{.inode = info.st_ino,
                          .bytes = static_cast<uint64_t>(info.st_size),
                          .modified_at = nanoseconds(info.st_mtim),
                          .changed_at = nanoseconds(info.st_ctim)};
    const int64_t age = now - identity.changed_at;
    identity.settled = age > kSettledAfterNanos || age < -kSettledAfterNanos;
    return identity;
}

class OsOutsideFile final : public OutsideFile {
  public:
    OsOutsideFile(Descriptor descriptor, std::string path)
        : descriptor_(std::move(descriptor)), path_(std::move(path)) {}

    Result<size_t> read_at(MutableBytes out, uint64_t offset) override {
        const auto count = read_fully(out, offset, [&](std::byte* at, size_t bytes, uint64_t from) {
            return ::pread(descriptor_.get(), at, bytes, static_cast<off_t>(from));
        });
        if (!count) return fail(storage_error("read", path_, count.error()));
        return *count;
    }

    Result<FileIdentity> identity() override {
        struct stat info{};
        if (::fstat(descriptor_.get(), &info) != 0) {
            return fail(storage_error("stat", path_, errno));
        }
        return identity_of(info);
    }

  private:
    Descriptor descriptor_;
    std::string path_;
};

bool is_plain_name(const std::string& name) {
    return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos &&
           name.find('\0') == std::string::npos;
}

struct Place {
    dev_t device = 0;
    ino_t inode = 0;
    bool operator==(const Place&) const = default;
};

// Goes down from a directory, name by name; each step holds on to the directory it has reached.
class Walk {
  public:
    static Result<Walk> begin(const std::string& path, const std::string& closed) {
        Walk walk;
        if (!closed.empty()) {
            struct stat info{};
            // While the closed directory cannot be told, everything might be it.
            if (::stat(closed.c_str(), &info) != 0) return fail(absent("stat", closed, errno));
            walk.closed_ = Place{info.st_dev, info.st_ino};
        }
        walk.reached_ = path;
        const int number = retry_interrupted(
            [&] { return ::openat(AT_FDCWD, path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC); });
        RETURN_IF_ERROR(walk.enter(number));
        RETURN_IF_ERROR(walk.check_above());
        return walk;
    }

    Status down(const std::string& name) {
        if (!is_plain_name(name)) return fail(absent(reached_, "not a name below it"));
        reached_.append("/").append(name);
        return enter(retry_interrupted([&] {
            return ::openat(directory_.get(), name.c_str(),
                            O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        }));
    }

    Result<FileIdentity> identity(const std::string& name) const {
        if (!is_plain_name(name)) return fail(absent(reached_, "not a name below it"));
        struct stat info{};
        if (::fstatat(directory_.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
            return fail(absent("stat", path_of(name), errno));
        }
        if (!S_ISREG(info.st_mode)) return fail(absent(path_of(name), "not a regular file"));
        return identity_of(info);
    }

    Result<std::unique_ptr<OutsideFile>> open(const std::string& name) const {
        // Asked before it is opened: opening a device may do something.
        RETURN_IF_ERROR(identity(name));
        const int number = retry_interrupted([&] {
            return ::openat(directory_.get(), name.c_str(),
                            O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        });
        if (number < 0) return fail(absent("open", path_of(name), errno));
        Descriptor descriptor(number);
        struct stat info{};
        if (::fstat(number, &info) != 0) return fail(absent("stat", path_of(name), errno));
        if (!S_ISREG(info.st_mode)) return fail(absent(path_of(name), "not a regular file"));
        return std::make_unique<OsOutsideFile>(std::move(descriptor), path_of(name));
    }

    // A descriptor that lists what stands here.
    Result<Descriptor> listing() const {
        const int number = retry_interrupted(
            [&] { return ::openat(directory_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
        if (number < 0) return fail(absent("list", reached_, errno));
        return Descriptor(number);
    }
    const std::string& reached() const { return reached_; }

  private:
    Walk() : directory_(-1) {}

    std::string path_of(const std::string& name) const { return reached_ + "/" + name; }

    Status enter(int number) {
        if (number < 0) return fail(absent("open", reached_, errno));
        directory_ = Descriptor(number);
        struct stat info{};
        if (::fstat(number, &info) != 0) return fail(absent("stat", reached_, errno));
        if (closed_ == Place{info.st_dev, info.st_ino}) {
            return fail(absent(reached_, "the server's own directory"));
        }
        return {};
    }

    // The directory that was begun at may itself lie in the closed one.
    Status check_above() const {
        if (!closed_) return {};
        Descriptor below(-1);
        Place last;
        for (int at = directory_.get();;) {
            Descriptor above(retry_interrupted(
                [&] { return ::openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC); }));
            struct stat info{};
            if (above.get() < 0 || ::fstat(above.get(), &info) != 0) {
                return fail(absent("look above", reached_, errno));
            }
            const Place place{info.st_dev, info.st_ino};
            if (place == *closed_) return fail(absent(reached_, "in the server's own directory"));
            if (place == last) return {};  // the root is above itself
            last = place;
            below = std::move(above);
            at = below.get();
        }
    }

    Descriptor directory_;
    std::optional<Place> closed_;
    std::string reached_;
};

Result<Walk> walk_to(const std::string& root, const std::string& closed,
                     OutsideDirectory::Names directories) {
    if (directories.size() >= OutsideDirectory::kNamesMax) {
        return fail(absent(root, "too many names"));
    }
    ASSIGN_OR_RETURN(Walk walk, Walk::begin(root, closed));
    for (const std::string& name : directories) RETURN_IF_ERROR(walk.down(name));
    return walk;
}

struct CloseDirectory {
    void operator()(DIR* directory) const { static_cast<void>(::closedir(directory)); }
};

}  // namespace

Result<std::unique_ptr<OutsideFile>> OutsideDirectory::open(Names names) const {
    if (names.empty()) return fail(absent(path_, "a directory"));
    ASSIGN_OR_RETURN(const Walk walk, walk_to(path_, closed_, names.first(names.size() - 1)));
    return walk.open(names.back());
}

Result<FileIdentity> OutsideDirectory::identity(Names names) const {
    if (names.empty()) return fail(absent(path_, "a directory"));
    ASSIGN_OR_RETURN(const Walk walk, walk_to(path_, closed_, names.first(names.size() - 1)));
    return walk.identity(names.back());
}

Result<std::vector<OutsideEntry>> OutsideDirectory::files(
    Names names, const std::function<bool(std::string_view)>& wanted, size_t files_max) const {
    ASSIGN_OR_RETURN(const Walk walk, walk_to(path_, closed_, names));
    ASSIGN_OR_RETURN(Descriptor listing, walk.listing());
    const std::unique_ptr<DIR, CloseDirectory> directory(::fdopendir(listing.get()));
    if (!directory) return fail(absent("list", walk.reached(), errno));
    static_cast<void>(listing.release());  // closed with the directory
    std::vector<OutsideEntry> found;
    for (;;) {
        errno = 0;
        const dirent* entry = ::readdir(directory.get());
        if (entry == nullptr) {
            if (errno != 0) return fail(storage_error("list", walk.reached(), errno));
            break;
        }
        const std::string name = entry->d_name;
        if (!wanted(name)) continue;
        const auto identity = walk.identity(name);
        if (!identity) {
            if (identity.error().code() == Code::not_found) continue;  // no regular file, or gone
            return fail(identity.error());
        }
        if (found.size() == files_max) {
            return fail(Error(Code::payload_too_large, "too_many_outside_files",
                              "There are more files than are read.")
                            .with_detail(walk.reached()));
        }
        found.push_back({name, *identity});
    }
    std::ranges::sort(found, {}, &OutsideEntry::name);
    return found;
}

}  // namespace insula
