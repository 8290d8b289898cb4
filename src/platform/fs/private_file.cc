#include "platform/fs/private_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <span>

#include "platform/fs/descriptor.h"
#include "platform/fs/file_system.h"
#include "platform/fs/storage_error.h"
#include "platform/fs/transfer.h"

namespace insula {
namespace {

constexpr mode_t kOwnerOnly = S_IRUSR | S_IWUSR;
constexpr mode_t kOfOthers = S_IRWXG | S_IRWXO;

Error exposed(const std::string& path, std::string_view why) {
    return Error(Code::failed_precondition, "private_file_exposed",
                 "A file with a secret is not the server's alone.")
        .with_hint("Give it to the user that the server runs as, with mode 0600.")
        .with_detail(fmt::format("{}: {}", path, why));
}

// Asked of the open file: its name may lead elsewhere a moment later.
Status check_private(int number, const std::string& path) {
    struct stat info{};
    if (::fstat(number, &info) != 0) return fail(storage_error("stat", path, errno));
    if (!S_ISREG(info.st_mode)) return fail(exposed(path, "it is not a regular file"));
    if (info.st_uid != ::geteuid() && info.st_uid != 0) {
        return fail(exposed(path, fmt::format("it belongs to user {}", info.st_uid)));
    }
    if ((info.st_mode & kOfOthers) != 0) {
        return fail(exposed(path, fmt::format("its mode is {:04o}", info.st_mode & 07777u)));
    }
    return {};
}

Status write_new(const std::string& path, std::string_view content) {
    const Descriptor file(retry_interrupted([&] {
        return ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                      kOwnerOnly);
    }));
    if (file.get() < 0) return fail(storage_error("create", path, errno));
    // A umask may have taken the owner's own rights.
    if (::fchmod(file.get(), kOwnerOnly) != 0) return fail(storage_error("chmod", path, errno));
    const auto written =
        write_fully(as_bytes(content), 0, [&](const std::byte* at, size_t bytes, uint64_t offset) {
            return ::pwrite(file.get(), at, bytes, static_cast<off_t>(offset));
        });
    if (!written) return fail(storage_error("write", path, written.error()));
    if (::fsync(file.get()) != 0) return fail(storage_error("sync", path, errno));
    return {};
}

Status sync_directory(const std::string& path) {
    const Descriptor directory(retry_interrupted(
        [&] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
    if (directory.get() < 0) return fail(storage_error("open", path, errno));
    if (::fsync(directory.get()) != 0) return fail(storage_error("sync", path, errno));
    return {};
}

}  // namespace

Result<std::string> read_private_file(const std::string& path, uint64_t bytes_max) {
    // Not blocking: a pipe in its place would hold the start up.
    const Descriptor file(retry_interrupted([&] {
        return ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    }));
    if (file.get() < 0) {
        if (errno == ELOOP) return fail(exposed(path, "it is a symbolic link"));
        return fail(storage_error("open", path, errno));
    }
    RETURN_IF_ERROR(check_private(file.get(), path));
    std::string content(bytes_max + 1, '\0');
    const auto count =
        read_fully(std::as_writable_bytes(std::span(content)), 0,
                   [&](std::byte* at, size_t bytes, uint64_t offset) {
                       return ::pread(file.get(), at, bytes, static_cast<off_t>(offset));
                   });
    if (!count) return fail(storage_error("read", path, count.error()));
    if (*count > bytes_max) {
        return fail(Error(Code::payload_too_large, "private_file_too_large",
                          "A file with a secret is longer than any secret.")
                        .with_detail(fmt::format("{}: more than {} bytes", path, bytes_max)));
    }
    content.resize(*count);
    return content;
}

Status create_private_file(const std::string& path, std::string_view content) {
    const std::string temporary = path + ".new";
    // Left from before a crash.
    if (::unlink(temporary.c_str()) != 0 && errno != ENOENT) {
        return fail(storage_error("remove", temporary, errno));
    }
    Status created = write_new(temporary, content);
    // Unlike a rename, a link replaces nothing.
    if (created && ::link(temporary.c_str(), path.c_str()) != 0) {
        created = fail(storage_error("create", path, errno));
    }
    const bool removed = ::unlink(temporary.c_str()) == 0;
    const int removal_error = errno;
    RETURN_IF_ERROR(created);
    if (!removed) return fail(storage_error("remove", temporary, removal_error));
    return sync_directory(std::string(parent_path(path)));
}

}  // namespace insula
