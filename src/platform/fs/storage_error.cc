#include "platform/fs/storage_error.h"

#include <fmt/core.h>

#include <cerrno>

namespace insula {
namespace {

Error without_number(int error_number) {
    switch (error_number) {
        case ENOENT:
            return not_found("no_such_file", "A stored file or directory does not exist.");
        case EEXIST:
            return Error(Code::already_exists, "file_exists", "A stored file exists already.");
        case EWOULDBLOCK:
            return Error(Code::already_exists, "locked", "Another process holds the lock.");
        case ENOTEMPTY:
            return Error(Code::failed_precondition, "directory_not_empty",
                         "A directory that should be empty is not.");
        case ENOTDIR:
            return Error(Code::failed_precondition, "not_a_directory",
                         "A file stands where a directory should be.");
        case EISDIR:
            return Error(Code::failed_precondition, "is_a_directory",
                         "A directory stands where a file should be.");
        case EMFILE:
        case ENFILE:
            return unavailable("too_many_open_files", "The server has too many files open.")
                .with_hint("Retry later; the operator can raise the limit of open files.");
        default:
            return Error(Code::internal, kAccessDeniedReason,
                         "The server may not access its storage.");
    }
}

}  // namespace

Error storage_error(std::string_view call, std::string_view path, int error_number) {
    const std::string what = fmt::format("{} {}", call, path);
    switch (error_number) {
        case ENOENT:
        case EEXIST:
        case EWOULDBLOCK:
        case ENOTEMPTY:
        case ENOTDIR:
        case EISDIR:
        case EMFILE:
        case ENFILE:
        case EACCES:
        case EPERM:
        case EROFS:
            // os_error() writes the system's text of the number into the detail.
            return without_number(error_number).with_detail(os_error(what, error_number).detail());
        default:
            return os_error(what, error_number);
    }
}

}  // namespace insula
