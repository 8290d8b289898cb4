#include "platform/fs/file_system.h"

#include <fmt/core.h>

#include "platform/fs/storage_error.h"

namespace insula {
namespace {

// Deeper trees are not ours: whoever made one did it to exhaust the stack.
constexpr int kTreeDepthMax = 64;

Status sync_existing(FileSystem& fs, std::string_view path) {
    const Status synced = fs.sync_directory(parent_path(path));
    // A directory whose parent we may not even open was made by the operator, not by us.
    if (!synced && synced.error().reason() == kAccessDeniedReason) return {};
    return synced;
}

Status remove_tree_at(FileSystem& fs, std::string_view path, int depth) {
    if (depth > kTreeDepthMax) {
        return fail(internal_error(
            fmt::format("remove {}: deeper than {} directories", path, kTreeDepthMax)));
    }
    const auto entries = fs.list(path);
    if (!entries) {
        if (entries.error().code() == Code::not_found) return {};
        return fail(entries.error());
    }
    for (const DirectoryEntry& entry : *entries) {
        const std::string child = fmt::format("{}/{}", path, entry.name);
        if (entry.is_directory) {
            RETURN_IF_ERROR(remove_tree_at(fs, child, depth + 1));
            continue;
        }
        const Status removed = fs.remove(child);
        if (!removed && removed.error().code() != Code::not_found) return removed;
    }
    const Status removed = fs.remove_directory(path);
    if (!removed && removed.error().code() == Code::not_found) return {};
    return removed;
}

Status write_temporary(FileSystem& fs, const std::string& temporary, std::string_view content) {
    ASSIGN_OR_RETURN(const auto file, fs.open(temporary, OpenMode::create_or_open));
    RETURN_IF_ERROR(file->truncate(0));  // one may be left from before a crash
    RETURN_IF_ERROR(file->write_at(as_bytes(content), 0));
    return file->sync_data();
}

}  // namespace

Status create_directories(FileSystem& fs, std::string_view path) {
    ASSIGN_OR_RETURN(const bool present, fs.exists(path));
    // One that is there may come from a process that was killed before it could sync. It synced
    // each level before it made the next, so this level is the only one in doubt.
    if (present) return sync_existing(fs, path);
    const std::string_view parent = parent_path(path);
    if (parent != path) RETURN_IF_ERROR(create_directories(fs, parent));
    const Status created = fs.create_directory(path);
    if (!created && created.error().code() != Code::already_exists) return created;
    return fs.sync_directory(parent);
}

Status remove_tree(FileSystem& fs, std::string_view path) { return remove_tree_at(fs, path, 0); }

Result<std::string> read_file(FileSystem& fs, std::string_view path, uint64_t bytes_max) {
    ASSIGN_OR_RETURN(const auto file, fs.open(path, OpenMode::read));
    ASSIGN_OR_RETURN(const uint64_t size, file->size());
    if (size > bytes_max) {
        return fail(Error(Code::payload_too_large, "file_too_large", "A stored file is too large.")
                        .with_detail(fmt::format("read {}: {} bytes, at most {} are expected", path,
                                                 size, bytes_max)));
    }
    std::string content(size, '\0');
    const MutableBytes out = std::as_writable_bytes(std::span(content));
    ASSIGN_OR_RETURN(const size_t count, file->read_at(out, 0));
    content.resize(count);
    return content;
}

Status write_file_durably(FileSystem& fs, std::string_view path, std::string_view content) {
    const std::string temporary = fmt::format("{}.tmp", path);
    Status written = write_temporary(fs, temporary, content);
    if (written) written = fs.rename(temporary, path);
    if (!written) {
        // The first error is the one to report; a temporary that stays is overwritten next time.
        static_cast<void>(fs.remove(temporary));
        return written;
    }
    return fs.sync_directory(parent_path(path));
}

std::string_view parent_path(std::string_view path) {
    while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
    const size_t slash = path.rfind('/');
    if (slash == std::string_view::npos) return ".";
    std::string_view parent = path.substr(0, slash);
    while (!parent.empty() && parent.back() == '/') parent.remove_suffix(1);
    return parent.empty() ? "/" : parent;
}

}  // namespace insula
