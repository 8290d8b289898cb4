#include "platform/runtime/random.h"

#include <sys/random.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace insula {

uint64_t Random::next() {
    uint64_t value = 0;
    fill({reinterpret_cast<uint8_t*>(&value), sizeof value});
    return value;
}

uint64_t Random::below(uint64_t bound) {
    INSULA_CHECK(bound > 0, "an empty range has no random number");
    // Rejecting the incomplete last range keeps the result uniform.
    const uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
    for (;;) {
        const uint64_t value = next();
        if (value < limit) return value % bound;
    }
}

TenantId Random::uuid() {
    TenantId id;
    fill(id.bytes);
    id.bytes[6] = static_cast<uint8_t>((id.bytes[6] & 0x0f) | 0x40);
    id.bytes[8] = static_cast<uint8_t>((id.bytes[8] & 0x3f) | 0x80);
    return id;
}

void SystemRandom::fill(std::span<uint8_t> out) {
    while (!out.empty()) {
        const ssize_t count = ::getrandom(out.data(), out.size(), 0);
        if (count < 0 && errno == EINTR) continue;
        INSULA_CHECK(count > 0, "the operating system has no randomness to give");
        out = out.subspan(static_cast<size_t>(count));
    }
}

void SeededRandom::fill(std::span<uint8_t> out) {
    const std::lock_guard lock(mutex_);
    while (!out.empty()) {
        const uint64_t value = engine_();
        const size_t count = std::min(out.size(), sizeof value);
        std::memcpy(out.data(), &value, count);
        out = out.subspan(count);
    }
}

}  // namespace insula
