// What the process may use of the machine: settings that say "auto" are sized by it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace insula {

struct Machine {
    size_t cores = 1;           // by the process's affinity and the cgroup's CPU quota, rounded up
    uint64_t memory_bytes = 0;  // the smaller of the memory there is and the cgroup's limit
    bool operator==(const Machine&) const = default;
};

Machine detect_machine();

// For tests: the same over a folder that holds "meminfo" (of /proc) and a cgroup's "memory.max" and
// "cpu.max"; files that are missing bound nothing.
Machine detect_machine(const std::string& proc, const std::string& cgroup, size_t affinity_cores);

}  // namespace insula
