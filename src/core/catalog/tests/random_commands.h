// Random commands for a catalog, out of few tenants, sources and files, so that their preconditions
// hold about as often as not. The same seed gives the same commands.
#pragma once

#include <functional>
#include <random>
#include <string>

#include "core/catalog/catalog.h"
#include "platform/runtime/clock.h"

namespace insula::catalog {

struct Command {
    std::string name;  // for messages
    std::function<Status(Catalog&)> run;
};

class RandomCommands {
  public:
    RandomCommands(uint64_t seed, ManualClock& clock) : random_(seed), clock_(clock) {}

    // May move the clock. `present` is what the catalog holds now; it is only read.
    Command next(Catalog& present);
    uint64_t below(uint64_t bound) { return random_() % bound; }

  private:
    Command commit(Catalog& present);
    Command change_directory(Catalog& present, uint8_t tenant);
    Command put_entry(Catalog& present, uint8_t tenant);
    Command remove_source(Catalog& present);
    Command forget_garbage(Catalog& present);
    // One of the living sources of a tenant, or one that does not exist.
    Source pick_source(Catalog& present);

    std::mt19937_64 random_;
    ManualClock& clock_;
    uint64_t given_ = 0;  // commands so far
    uint64_t last_incarnation_ = 0;
    uint64_t last_file_ = 0;
};

}  // namespace insula::catalog
