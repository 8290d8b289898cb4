// Which seeds a random test tries, and how one of them is tried again. From the environment:
//   INSULA_TEST_SEEDS       multiplies how many seeds are tried
//   INSULA_TEST_FIRST_SEED  begins with another one than 1
//   INSULA_TEST_SEED        this one alone
#pragma once

#include <stdlib.h>

#include <algorithm>
#include <cstdint>

namespace insula {

struct SeedRange {
    uint64_t first = 1;
    uint64_t last = 1;
    uint64_t count() const { return last - first + 1; }
    // One, to see what went wrong with it: what a test expects of many does not hold.
    bool single() const { return first == last; }
    // Those of every run: what they come to is known.
    bool usual(uint64_t usual_count) const { return first == 1 && count() >= usual_count; }
};

inline uint64_t number_from_environment(const char* name, uint64_t otherwise) {
    const char* text = ::getenv(name);
    return text == nullptr ? otherwise : ::strtoull(text, nullptr, 10);
}

// `count` of them; under sanitizers `sanitized`.
inline SeedRange test_seeds(uint64_t count, [[maybe_unused]] uint64_t sanitized) {
    if (const uint64_t one = number_from_environment("INSULA_TEST_SEED", 0)) {
        return {.first = one, .last = one};
    }
#ifdef INSULA_SANITIZED
    count = sanitized;
#endif
    const uint64_t factor = std::max<uint64_t>(number_from_environment("INSULA_TEST_SEEDS", 1), 1);
    const uint64_t first =
        std::max<uint64_t>(number_from_environment("INSULA_TEST_FIRST_SEED", 1), 1);
    return {.first = first, .last = first + count * factor - 1};
}
inline SeedRange test_seeds(uint64_t count) { return test_seeds(count, count); }

}  // namespace insula
