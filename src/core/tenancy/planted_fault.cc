#include "core/tenancy/planted_fault.h"

#include <atomic>

namespace insula::tenancy {

namespace {

std::atomic<PlantedFault>& planted() {
    static std::atomic<PlantedFault> fault{PlantedFault::none};
    return fault;
}

}  // namespace

void plant(PlantedFault fault) { planted().store(fault, std::memory_order_relaxed); }

bool is_planted(PlantedFault fault) { return planted().load(std::memory_order_relaxed) == fault; }

}  // namespace insula::tenancy
