// Planted faults of storage for the real server: a library that is loaded before libc (LD_PRELOAD)
// and breaks one promise of the operating system, chosen at run time by PLANTED_FAULT. With it the
// programme must turn red; that shows that it can.
//
//   skip_segment_sync      the journal's segments are never synced
//   skip_file_sync         data files are never synced
//   skip_catalog_sync      the catalog's log is never synced
//   skip_all_syncs         nothing is, directories included
//   lose_segment_write     one of 97 writes to a segment is answered and not done
//   halve_segment_write    one of 97 is done by half
//   lose_catalog_write     one of 97 writes to the catalog's log is answered and not done
//   flip_read              one of 97 reads of a segment or data file has one bit wrong
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

enum { kPathMax = 512, kEvery = 97 };

static const char* planted(void) {
    static const char* fault = NULL;
    if (fault == NULL) fault = getenv("PLANTED_FAULT") != NULL ? getenv("PLANTED_FAULT") : "";
    return fault;
}

static bool is_planted(const char* fault) { return strcmp(planted(), fault) == 0; }

static bool path_ends_with(int file, const char* ending) {
    char link[64];
    char path[kPathMax];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    const ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return false;
    path[length] = '\0';
    const size_t wanted = strlen(ending);
    return (size_t)length >= wanted && strcmp(path + length - wanted, ending) == 0;
}

static bool now(void) {
    static atomic_uint calls;
    return atomic_fetch_add(&calls, 1) % kEvery == kEvery - 1;
}

static bool skips_sync(int file) {
    if (is_planted("skip_all_syncs")) return true;
    if (is_planted("skip_segment_sync")) return path_ends_with(file, ".seg");
    if (is_planted("skip_file_sync")) return path_ends_with(file, ".parquet");
    if (is_planted("skip_catalog_sync")) return path_ends_with(file, "control.db-wal");
    return false;
}

int fdatasync(int file) {
    static int (*real)(int);
    if (real == NULL) real = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    return skips_sync(file) ? 0 : real(file);
}

int fsync(int file) {
    static int (*real)(int);
    if (real == NULL) real = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    return skips_sync(file) ? 0 : real(file);
}

static ssize_t write_at(int file, const void* data, size_t bytes, off_t offset) {
    static ssize_t (*real)(int, const void*, size_t, off_t);
    if (real == NULL)
        real = (ssize_t(*)(int, const void*, size_t, off_t))dlsym(RTLD_NEXT, "pwrite");
    const bool lose = is_planted("lose_segment_write");
    const bool halve = is_planted("halve_segment_write");
    if ((lose || halve) && path_ends_with(file, ".seg") && now()) {
        if (halve && real(file, data, bytes / 2, offset) < 0) return -1;
        return (ssize_t)bytes;
    }
    if (is_planted("lose_catalog_write") && path_ends_with(file, "control.db-wal") && now())
        return (ssize_t)bytes;
    return real(file, data, bytes, offset);
}

ssize_t pwrite(int file, const void* data, size_t bytes, off_t offset) {
    return write_at(file, data, bytes, offset);
}

ssize_t pwrite64(int file, const void* data, size_t bytes, off_t offset) {
    return write_at(file, data, bytes, offset);
}

static ssize_t read_at(int file, void* out, size_t bytes, off_t offset) {
    static ssize_t (*real)(int, void*, size_t, off_t);
    if (real == NULL) real = (ssize_t(*)(int, void*, size_t, off_t))dlsym(RTLD_NEXT, "pread");
    const ssize_t count = real(file, out, bytes, offset);
    if (count > 0 && is_planted("flip_read") &&
        (path_ends_with(file, ".seg") || path_ends_with(file, ".parquet")) && now()) {
        ((unsigned char*)out)[count / 2] ^= 4;
    }
    return count;
}

ssize_t pread(int file, void* out, size_t bytes, off_t offset) {
    return read_at(file, out, bytes, offset);
}

ssize_t pread64(int file, void* out, size_t bytes, off_t offset) {
    return read_at(file, out, bytes, offset);
}
