// libFuzzer's entry points: INSULA_FUZZ_TARGET names the target, libFuzzer brings main().
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>

#include "fuzz_target.h"

namespace {
const insula::fuzz::Target* chosen = nullptr;
}

extern "C" int LLVMFuzzerInitialize(int*, char***) {
    const char* name = std::getenv("INSULA_FUZZ_TARGET");
    chosen = name == nullptr ? nullptr : insula::fuzz::find_target(name);
    if (chosen != nullptr) return 0;
    fmt::print(stderr, "Set INSULA_FUZZ_TARGET to one of:");
    for (const auto& target : insula::fuzz::targets()) fmt::print(stderr, " {}", target.name);
    fmt::print(stderr, "\n");
    std::exit(2);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    chosen->run(std::as_bytes(std::span(data, size)));
    return 0;
}
