#include "platform/sqlite/file_system_vfs.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <new>
#include <thread>

#include "platform/runtime/clock.h"
#include "platform/runtime/random.h"
#include "platform/sqlite/page_checksum.h"
#include "platform/sqlite/temporary_file.h"

// The callbacks follow sqlite.org/c3ref/io_methods.html and sqlite.org/c3ref/vfs.html; where those
// are silent, os_unix.c, the implementation for Unix, was the model.
namespace insula::sqlite {
namespace {

constexpr int kPathBytesMax = 4096;
constexpr int kSectorBytes = 4096;
// Julian day 2440587.5, which is 1970-01-01, in milliseconds.
constexpr int64_t kUnixEpochJulianMillis = 210'866'760'000'000;
constexpr int64_t kMillisADay = 86'400'000;

struct OpenedFile {
    FileSystemVfs& vfs;
    std::string path;  // empty for a temporary file
    std::unique_ptr<File> file;
    bool directory_sync_due = false;
    bool sealed = false;  // its pages have checksums
};

// What SQLite allocates for us, szOsFile bytes: its own part first.
struct SqliteFile {
    sqlite3_file base;
    OpenedFile* opened;
};

OpenedFile& opened(sqlite3_file* file) { return *reinterpret_cast<SqliteFile*>(file)->opened; }
FileSystemVfs& self(sqlite3_vfs* vfs) { return *static_cast<FileSystemVfs*>(vfs->pAppData); }

int file_close(sqlite3_file* file) {
    delete reinterpret_cast<SqliteFile*>(file)->opened;
    reinterpret_cast<SqliteFile*>(file)->opened = nullptr;
    return SQLITE_OK;
}

bool is_page(const OpenedFile& at, size_t bytes, uint64_t offset) {
    return at.sealed && bytes == kPageBytes && offset % kPageBytes == 0;
}

int file_read(sqlite3_file* file, void* out, int count, sqlite3_int64 offset) {
    OpenedFile& at = opened(file);
    const MutableBytes wanted(static_cast<std::byte*>(out), static_cast<size_t>(count));
    const auto read = at.file->read_at(wanted, static_cast<uint64_t>(offset));
    if (!read) return at.vfs.record(SQLITE_IOERR_READ, read.error());
    if (*read == wanted.size()) {
        const auto from = static_cast<uint64_t>(offset);
        // Less than a page is read before the log is, which may have the page anew.
        if (!is_page(at, wanted.size(), from) || page_is_sound(wanted, from / kPageBytes)) {
            return SQLITE_OK;
        }
        return at.vfs.record(
            SQLITE_IOERR_DATA,
            data_loss(fmt::format("{}: offset {}: the page fails its checksum", at.path, from)));
    }
    // SQLite relies on the rest being zero.
    std::memset(wanted.data() + *read, 0, wanted.size() - *read);
    return SQLITE_IOERR_SHORT_READ;
}

int file_write(sqlite3_file* file, const void* data, int count, sqlite3_int64 offset) {
    OpenedFile& at = opened(file);
    if (at.vfs.fence()) return at.vfs.record(SQLITE_IOERR_WRITE, *at.vfs.fence());
    Bytes bytes(static_cast<const std::byte*>(data), static_cast<size_t>(count));
    const auto to = static_cast<uint64_t>(offset);
    std::array<std::byte, kPageBytes> page;
    if (is_page(at, bytes.size(), to)) {
        std::ranges::copy(bytes, page.begin());
        seal_page(page, to / kPageBytes);
        bytes = page;
    }
    const auto written = at.file->write_at(bytes, to);
    return written ? SQLITE_OK : at.vfs.record(SQLITE_IOERR_WRITE, written.error());
}

int file_truncate(sqlite3_file* file, sqlite3_int64 size) {
    OpenedFile& at = opened(file);
    if (at.vfs.fence()) return at.vfs.record(SQLITE_IOERR_TRUNCATE, *at.vfs.fence());
    const auto done = at.file->truncate(static_cast<uint64_t>(size));
    return done ? SQLITE_OK : at.vfs.record(SQLITE_IOERR_TRUNCATE, done.error());
}

int file_sync(sqlite3_file* file, int /*flags*/) {
    OpenedFile& at = opened(file);
    if (at.vfs.fence()) return at.vfs.record(SQLITE_IOERR_FSYNC, *at.vfs.fence());
    if (const auto synced = at.file->sync_data(); !synced) {
        return at.vfs.record_failed_sync(SQLITE_IOERR_FSYNC, synced.error());
    }
    if (at.directory_sync_due) {
        const auto synced = at.vfs.file_system().sync_directory(parent_path(at.path));
        if (!synced) return at.vfs.record_failed_sync(SQLITE_IOERR_DIR_FSYNC, synced.error());
        at.directory_sync_due = false;
    }
    return SQLITE_OK;
}

int file_size(sqlite3_file* file, sqlite3_int64* size) {
    OpenedFile& at = opened(file);
    const auto bytes = at.file->size();
    if (!bytes) return at.vfs.record(SQLITE_IOERR_FSTAT, bytes.error());
    *size = static_cast<sqlite3_int64>(*bytes);
    return SQLITE_OK;
}

int file_lock(sqlite3_file*, int) { return SQLITE_OK; }
int file_unlock(sqlite3_file*, int) { return SQLITE_OK; }

int file_check_reserved_lock(sqlite3_file*, int* held) {
    *held = 0;  // by another connection, and there is none
    return SQLITE_OK;
}

int file_control(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
int file_sector_size(sqlite3_file*) { return kSectorBytes; }

// A write changes no byte outside its range, whenever the power goes: that is what file_system.h
// promises of synced bytes. Nothing is promised about the order or the atomicity of writes.
int file_characteristics(sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }

// Version 1: no shared memory (locking_mode=EXCLUSIVE needs none) and no memory mapping.
const sqlite3_io_methods kFileMethods = {
    .iVersion = 1,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_reserved_lock,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
};

OpenMode open_mode(int flags) {
    if ((flags & SQLITE_OPEN_CREATE) != 0) {
        return (flags & SQLITE_OPEN_EXCLUSIVE) != 0 ? OpenMode::create : OpenMode::create_or_open;
    }
    return (flags & SQLITE_OPEN_READWRITE) != 0 ? OpenMode::read_write : OpenMode::read;
}

// How the pages of a database file are guarded.
Status find_form(OpenedFile& at) {
    std::array<std::byte, kPageBytes> first;
    ASSIGN_OR_RETURN(const size_t got, at.file->read_at(first, 0));
    const FileForm form = form_of(Bytes(first).first(got));
    at.sealed = form == FileForm::sealed;
    if (form != FileForm::damaged) return {};
    return fail(data_loss(fmt::format("{}: offset 0: the header is damaged", at.path)));
}

int vfs_open(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* flags_out) {
    auto* out = reinterpret_cast<SqliteFile*>(file);
    out->base.pMethods = nullptr;  // xClose is not called after a failed open
    auto state = std::make_unique<OpenedFile>(self(vfs));
    if (path == nullptr) {
        state->file = std::make_unique<TemporaryFile>();
    } else {
        state->path = path;
        auto opened_file = state->vfs.file_system().open(path, open_mode(flags));
        if (!opened_file) return state->vfs.record(SQLITE_CANTOPEN, opened_file.error());
        state->file = *std::move(opened_file);
        if ((flags & SQLITE_OPEN_MAIN_DB) != 0) {
            const Status found = find_form(*state);
            if (!found) return state->vfs.record(SQLITE_CANTOPEN, found.error());
        }
        // Also for a file that was there already: its creator may have died before it synced the
        // directory.
        state->directory_sync_due = (flags & SQLITE_OPEN_CREATE) != 0;
    }
    out->opened = state.release();
    out->base.pMethods = &kFileMethods;
    if (flags_out != nullptr) *flags_out = flags;
    return SQLITE_OK;
}

int vfs_delete(sqlite3_vfs* vfs, const char* path, int sync_directory) {
    FileSystemVfs& at = self(vfs);
    if (at.fence()) return at.record(SQLITE_IOERR_DELETE, *at.fence());
    if (const auto removed = at.file_system().remove(path); !removed) {
        if (removed.error().code() == Code::not_found) return SQLITE_IOERR_DELETE_NOENT;
        return at.record(SQLITE_IOERR_DELETE, removed.error());
    }
    if (sync_directory != 0) {
        const auto synced = at.file_system().sync_directory(parent_path(path));
        if (!synced) return at.record_failed_sync(SQLITE_IOERR_DIR_FSYNC, synced.error());
    }
    return SQLITE_OK;
}

int vfs_access(sqlite3_vfs* vfs, const char* path, int /*wanted*/, int* answer) {
    FileSystemVfs& at = self(vfs);
    const auto exists = at.file_system().exists(path);
    if (!exists) return at.record(SQLITE_IOERR_ACCESS, exists.error());
    *answer = *exists ? 1 : 0;
    return SQLITE_OK;
}

// Our paths are used as they are: the file system knows what they are relative to.
int vfs_full_path(sqlite3_vfs*, const char* path, int size, char* out) {
    const size_t length = std::strlen(path);
    if (length + 1 > static_cast<size_t>(size)) return SQLITE_CANTOPEN;
    std::memcpy(out, path, length + 1);
    return SQLITE_OK;
}

int vfs_randomness(sqlite3_vfs*, int count, char* out) {
    SystemRandom random;
    random.fill({reinterpret_cast<uint8_t*>(out), static_cast<size_t>(count)});
    return count;
}

int vfs_sleep(sqlite3_vfs*, int microseconds) {
    std::this_thread::sleep_for(std::chrono::microseconds(microseconds));
    return microseconds;
}

int vfs_current_time_millis(sqlite3_vfs*, sqlite3_int64* millis) {
    SystemClock clock;
    *millis = clock.wall_now() / 1'000'000 + kUnixEpochJulianMillis;
    return SQLITE_OK;
}

int vfs_current_time(sqlite3_vfs* vfs, double* days) {
    sqlite3_int64 millis = 0;
    const int code = vfs_current_time_millis(vfs, &millis);
    *days = static_cast<double>(millis) / static_cast<double>(kMillisADay);
    return code;
}

// Only for messages; the whole error is in FileSystemVfs::last_error().
int vfs_last_error(sqlite3_vfs*, int, char*) { return 0; }

}  // namespace

FileSystemVfs::FileSystemVfs(FileSystem& fs, std::string name)
    : fs_(fs), name_(std::move(name)), vfs_(std::make_unique<sqlite3_vfs>()) {
    vfs_->iVersion = 2;
    vfs_->szOsFile = sizeof(SqliteFile);
    vfs_->mxPathname = kPathBytesMax;
    vfs_->zName = name_.c_str();
    vfs_->pAppData = this;
    vfs_->xOpen = vfs_open;
    vfs_->xDelete = vfs_delete;
    vfs_->xAccess = vfs_access;
    vfs_->xFullPathname = vfs_full_path;
    vfs_->xRandomness = vfs_randomness;
    vfs_->xSleep = vfs_sleep;
    vfs_->xCurrentTime = vfs_current_time;
    vfs_->xGetLastError = vfs_last_error;
    vfs_->xCurrentTimeInt64 = vfs_current_time_millis;
}

Result<std::unique_ptr<FileSystemVfs>> FileSystemVfs::create(FileSystem& fs) {
    static std::atomic<uint64_t> last_number{0};
    std::unique_ptr<FileSystemVfs> vfs(
        new FileSystemVfs(fs, fmt::format("insula-{}", ++last_number)));
    const int code = sqlite3_vfs_register(vfs->vfs_.get(), /*makeDflt=*/0);
    if (code != SQLITE_OK) {
        return fail(
            internal_error(fmt::format("register {}: {}", vfs->name_, sqlite3_errstr(code))));
    }
    return vfs;
}

// Also right if registering failed: SQLite looks the instance up and finds none.
FileSystemVfs::~FileSystemVfs() { sqlite3_vfs_unregister(vfs_.get()); }

int FileSystemVfs::record(int code, const Error& error) {
    last_error_ = error;
    return error.code() == Code::storage_exhausted ? SQLITE_FULL : code;
}

int FileSystemVfs::record_failed_sync(int code, const Error& error) {
    fence_ = error;
    last_error_ = error;
    return code;
}

}  // namespace insula::sqlite
