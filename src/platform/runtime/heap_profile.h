// Where the process's memory was allocated: a sampled profile by jemalloc, which the program is
// linked with.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace insula {

// The heap as it is now, in the text format that `pprof` reads. Fails with unimplemented in a
// program without jemalloc (such as one under a sanitizer). Takes milliseconds. Thread-safe.
Result<std::string> heap_profile();

// jemalloc's dump ("heap_v2/…") in pprof's older text format ("heap profile: …"). Exposed for its
// test.
Result<std::string> to_pprof_text(std::string_view dump);

}  // namespace insula
