// Fuzz targets: functions over bytes that anybody may send or that a disk may give back. A target
// crashes, by INSULA_FUZZ_EXPECT or a sanitizer, where the code under it breaks a promise; it
// returns for every other input.
//
//   INSULA_FUZZ_TARGET(csv, input) { … }
//
// Threads: targets run on one thread, one input after another; what a target keeps between inputs
// must not depend on them.
#pragma once

#include <span>
#include <string_view>

#include "base/bytes.h"

namespace insula::fuzz {

struct Target {
    std::string_view name;
    void (*run)(Bytes input);
};

// In the order of their names. Complete once main() runs.
std::span<const Target> targets();
// nullptr if there is none of that name.
const Target* find_target(std::string_view name);

struct Registration {
    explicit Registration(const Target& target);
};

[[noreturn]] void expectation_failed(const char* file, int line, const char* expression,
                                     std::string_view what);

}  // namespace insula::fuzz

#define INSULA_FUZZ_TARGET(name, input)                                                  \
    static void fuzz_##name(::insula::Bytes input);                                      \
    static const ::insula::fuzz::Registration registration_##name({#name, fuzz_##name}); \
    static void fuzz_##name(::insula::Bytes input)

// `what` is text for whoever looks at the crash.
#define INSULA_FUZZ_EXPECT(expression, what) \
    ((expression) ? (void)0                  \
                  : ::insula::fuzz::expectation_failed(__FILE__, __LINE__, #expression, what))
