#include "server/data_directory.h"

#include "server/node.h"

namespace insula::server {

namespace {

constexpr uint64_t kVersionFileBytesMax = 64;

Error unusable(const std::string& path, const Error& cause) {
    if (cause.code() == Code::storage_exhausted) return cause;
    return Error(Code::failed_precondition, "data_directory_unusable",
                 "The data directory " + path + " cannot be used: " + std::string(cause.detail()))
        .with_hint("Check that it exists or can be made, and that this user may write to it.");
}

std::string version_file(const std::string& path) { return path + "/VERSION"; }
std::string own_version() { return "insula " + std::to_string(kDataDirectoryVersion) + "\n"; }

// False if the directory has no version yet.
Result<bool> check_version(FileSystem& fs, const std::string& path) {
    const auto found = read_file(fs, version_file(path), kVersionFileBytesMax);
    if (!found && found.error().code() == Code::not_found) return false;
    if (!found) return fail(unusable(path, found.error()));
    if (*found == own_version()) return true;
    return fail(Error(Code::failed_precondition, "data_directory_version",
                      "The data directory " + path + " has another format than this version reads.")
                    .with_hint("Use the version of insula that wrote it, or another directory.")
                    .with_detail(version_file(path) + " should hold \"" +
                                 own_version().substr(0, own_version().size() - 1) + "\""));
}

// A directory that holds something else is not ours to fill.
Status check_nothing_foreign(FileSystem& fs, const std::string& path) {
    const auto entries = fs.list(path);
    if (!entries) return fail(unusable(path, entries.error()));
    for (const DirectoryEntry& entry : *entries) {
        if (entry.name == "LOCK" || entry.name == "lost+found" || entry.name.starts_with("VERSION"))
            continue;
        return fail(
            Error(Code::failed_precondition, "data_directory_unusable",
                  "The directory " + path + " holds \"" + entry.name + "\" and no insula data.")
                .with_hint("Name an empty or new directory with --data-dir."));
    }
    return {};
}

Status write_version(FileSystem& fs, const std::string& path) {
    if (const Status written = write_file_durably(fs, version_file(path), own_version());
        !written) {
        return fail(unusable(path, written.error()));
    }
    return {};
}

Result<std::unique_ptr<FileLock>> take_lock(FileSystem& fs, const std::string& path) {
    auto lock = fs.lock(path + "/LOCK");
    if (lock) return lock;
    if (lock.error().code() != Code::already_exists) return fail(unusable(path, lock.error()));
    return fail(Error(Code::failed_precondition, "data_directory_in_use",
                      "Another insula process uses the data directory " + path + ".")
                    .with_hint("Stop it, or choose another directory with --data-dir."));
}

}  // namespace

Result<DataDirectory> DataDirectory::open_stopped(FileSystem& fs, const std::string& path) {
    const auto version = check_version(fs, path);  // before the lock, which would make a file
    if (!version) return fail(version.error());
    if (!*version) {
        return fail(Error(Code::failed_precondition, "data_directory_unusable",
                          "The directory " + path + " holds no insula data.")
                        .with_hint("Name the directory that the server runs on with --data-dir."));
    }
    ASSIGN_OR_RETURN(auto lock, take_lock(fs, path));
    return DataDirectory(path, std::move(lock));
}

Result<DataDirectory> DataDirectory::open(FileSystem& fs, const std::string& path) {
    if (const Status made = create_directories(fs, path); !made)
        return fail(unusable(path, made.error()));
    // Before the lock, which makes a file, and again under it, when nobody else of us may fill it.
    // In this order: what another start has made meanwhile comes with a version.
    const Status all_ours = check_nothing_foreign(fs, path);
    ASSIGN_OR_RETURN(const bool own, check_version(fs, path));
    if (!own) RETURN_IF_ERROR(all_ours);
    ASSIGN_OR_RETURN(auto lock, take_lock(fs, path));
    ASSIGN_OR_RETURN(const bool versioned, check_version(fs, path));
    if (!versioned) {
        RETURN_IF_ERROR(check_nothing_foreign(fs, path));
        RETURN_IF_ERROR(write_version(fs, path));
    }
    DataDirectory directory(path, std::move(lock));
    if (const Status emptied = remove_tree(fs, path + "/tmp"); !emptied) {
        return fail(unusable(path, emptied.error()));
    }
    for (const std::string& part :
         {directory.spill_path(), directory.journal_path(), path + "/blob"}) {
        if (const Status made = create_directories(fs, part); !made) {
            return fail(unusable(path, made.error()));
        }
    }
    return directory;
}

}  // namespace insula::server
