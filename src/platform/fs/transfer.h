// Loops around system calls that may be interrupted or move only part of the bytes. Templates over
// the call, so that tests can script one that does.
#pragma once

#include <sys/types.h>

#include <cerrno>
#include <cstdint>
#include <expected>

#include "base/bytes.h"

namespace insula {

// Repeats `call` while it fails with EINTR.
template <class Call>
auto retry_interrupted(Call call) -> decltype(call()) {
    for (;;) {
        const auto result = call();
        if (result != -1 || errno != EINTR) return result;
    }
}

// call(pointer, bytes, offset) as pread. Stops early only at the end of the file; the error is an
// errno.
template <class Call>
std::expected<size_t, int> read_fully(MutableBytes out, uint64_t offset, Call call) {
    size_t done = 0;
    while (done < out.size()) {
        const ssize_t count = retry_interrupted(
            [&] { return call(out.data() + done, out.size() - done, offset + done); });
        if (count < 0) return std::unexpected(errno);
        if (count == 0) break;
        done += static_cast<size_t>(count);
    }
    return done;
}

// call(pointer, bytes, offset) as pwrite. The error is an errno; part of the bytes may be written
// then.
template <class Call>
std::expected<void, int> write_fully(Bytes data, uint64_t offset, Call call) {
    size_t done = 0;
    while (done < data.size()) {
        const ssize_t count = retry_interrupted(
            [&] { return call(data.data() + done, data.size() - done, offset + done); });
        if (count < 0) return std::unexpected(errno);
        // No progress and no reason given: repeating it could go on for ever.
        if (count == 0) return std::unexpected(EIO);
        done += static_cast<size_t>(count);
    }
    return {};
}

}  // namespace insula
