// Plants the fault that PLANTED_AUTHORISATION_FAULT names before main() runs. Linked into a program
// of its own, so that the one that users run cannot be told to.
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "core/tenancy/planted_fault.h"

namespace insula::tenancy {
namespace {

struct PlantFromEnvironment {
    PlantFromEnvironment() {
        // NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread runs yet
        const char* name = std::getenv("PLANTED_AUTHORISATION_FAULT");
        if (name == nullptr) return;
        for (const FaultName& known : kFaultNames) {
            if (known.name != name) continue;
            plant(known.fault);
            return;
        }
        std::fprintf(stderr, "no fault is named %s\n", name);
        std::_Exit(EXIT_FAILURE);
    }
};

const PlantFromEnvironment kPlanted;

}  // namespace
}  // namespace insula::tenancy
