#include "platform/runtime/machine.h"

#include <sched.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <sstream>
#include <thread>

#include "base/units.h"

namespace insula {
namespace {

// Where /proc says nothing.
constexpr uint64_t kMemoryUnknown = 1 * kGiB;

std::optional<uint64_t> read_number(const std::string& path) {
    std::ifstream file(path);
    uint64_t value = 0;
    // cgroups write "max" for no limit, which is no number.
    if (file >> value) return value;
    return std::nullopt;
}

uint64_t total_memory(const std::string& meminfo) {
    std::ifstream file(meminfo);
    std::string line;
    while (std::getline(file, line)) {
        std::istringstream words(line);
        std::string name;
        uint64_t kibibytes = 0;
        if (words >> name >> kibibytes && name == "MemTotal:") return kibibytes * kKiB;
    }
    return kMemoryUnknown;
}

// "quota period" in microseconds; "max period" for no limit.
std::optional<size_t> quota_cores(const std::string& path) {
    std::ifstream file(path);
    uint64_t quota = 0;
    uint64_t period = 0;
    if (!(file >> quota >> period) || period == 0) return std::nullopt;
    return std::max<size_t>(1, (quota + period - 1) / period);
}

// The process's own cgroup (version 2), below the place where they are mounted.
std::string own_cgroup() {
    std::ifstream file("/proc/self/cgroup");
    std::string line;
    while (std::getline(file, line)) {
        if (line.starts_with("0::")) return "/sys/fs/cgroup" + line.substr(3);
    }
    return "/sys/fs/cgroup";
}

}  // namespace

Machine detect_machine(const std::string& proc, const std::string& cgroup, size_t affinity_cores) {
    Machine machine{.cores = std::max<size_t>(1, affinity_cores),
                    .memory_bytes = total_memory(proc + "/meminfo")};
    if (const auto cores = quota_cores(cgroup + "/cpu.max")) {
        machine.cores = std::min(machine.cores, *cores);
    }
    if (const auto limit = read_number(cgroup + "/memory.max")) {
        machine.memory_bytes = std::min(machine.memory_bytes, *limit);
    }
    return machine;
}

Machine detect_machine() {
    cpu_set_t set;
    CPU_ZERO(&set);
    const size_t cores = ::sched_getaffinity(0, sizeof set, &set) == 0
                             ? static_cast<size_t>(CPU_COUNT(&set))
                             : std::thread::hardware_concurrency();
    return detect_machine("/proc", own_cgroup(), cores);
}

}  // namespace insula
