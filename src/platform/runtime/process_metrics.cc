#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>

#include "platform/runtime/metrics.h"

namespace insula::metrics {
namespace {

double cpu_seconds() {
    rusage usage{};
    if (::getrusage(RUSAGE_SELF, &usage) != 0) return 0;
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double resident_bytes() {
    std::ifstream file("/proc/self/statm");  // pages: size, resident, …
    uint64_t size = 0;
    uint64_t resident = 0;
    file >> size >> resident;
    return static_cast<double>(resident) * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

double entries(const char* directory) {
    std::error_code error;
    double count = 0;
    for (std::filesystem::directory_iterator at(directory, error), end; !error && at != end;
         at.increment(error)) {
        ++count;
    }
    return count;
}

double open_files() {
    // One of them is the directory that is being read.
    return std::max(0.0, entries("/proc/self/fd") - 1);
}

double open_files_max() {
    rlimit limit{};
    return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? static_cast<double>(limit.rlim_cur) : 0;
}

}  // namespace

std::vector<Callback> register_process_metrics(Registry& registry) {
    const double start =
        std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
    std::vector<Callback> callbacks;
    const auto add = [&](Kind kind, const char* name, const char* help, auto read) {
        callbacks.push_back(registry.callback(kind, name, help, read));
    };
    add(Kind::counter, "process_cpu_seconds_total", "User and system CPU time spent.", cpu_seconds);
    add(Kind::gauge, "process_resident_memory_bytes", "Resident memory.", resident_bytes);
    add(Kind::gauge, "process_open_fds", "Open file descriptors.", open_files);
    add(Kind::gauge, "process_max_fds", "Most file descriptors that may be open.", open_files_max);
    add(Kind::gauge, "process_start_time_seconds", "When the process began, since 1970.",
        [start] { return start; });
    add(Kind::gauge, "insula_process_threads", "Threads of the process.",
        [] { return entries("/proc/self/task"); });
    return callbacks;
}

}  // namespace insula::metrics
