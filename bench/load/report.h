// What a run gives, and its printing.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "load/histogram.h"
#include "load/options.h"

namespace insula::load {

struct Totals {
    uint64_t requests = 0;   // answered, whatever the status
    uint64_t succeeded = 0;  // with a status of 2xx
    std::array<uint64_t, 600> by_status{};
    uint64_t connections_lost = 0;
    uint64_t timeouts = 0;
    uint64_t malformed = 0;
    uint64_t cut_off = 0;              // streams without their last line, or with an error in it
    uint64_t body_bytes_sent = 0;      // of requests that succeeded
    uint64_t body_bytes_received = 0;  // of all answers
    uint64_t documents = 0;            // of requests that succeeded
    uint64_t rows = 0;                 // streamed
    Histogram latency;
    Histogram first_line;
    double seconds = 0;
    double cpu_seconds = 0;         // of this program
    double server_cpu_seconds = 0;  // of --server-pid

    uint64_t failures() const {
        return requests - succeeded + connections_lost + timeouts + malformed + cut_off;
    }
};

std::string render(const Options& options, const Totals& totals);

// CPU used so far, user and system, by this process or another one; 0 where that cannot be read.
double own_cpu_seconds();
double process_cpu_seconds(int pid);

}  // namespace insula::load
