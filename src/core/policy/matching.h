// What matching needs beside the compiled policy. Internal to this folder. Lives on the stack of
// one evaluation.
#pragma once

#include "core/policy/context.h"
#include "core/policy/planted_fault.h"

namespace insula::policy {

struct Matching {
    const Context& context;
    PlantedFault fault = PlantedFault::none;

    bool planted(PlantedFault one) const { return fault == one; }
};

// `unresolved`: no match, and a variable has neither a value nor a default.
enum class Match : uint8_t { no, yes, unresolved };

}  // namespace insula::policy
