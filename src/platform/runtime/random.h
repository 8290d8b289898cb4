// Randomness as an interface, so that a test can repeat a run from its seed.
#pragma once

#include <cstdint>
#include <mutex>
#include <random>
#include <span>

#include "base/ids.h"

namespace insula {

class Random {
  public:
    virtual ~Random() = default;
    virtual void fill(std::span<uint8_t> out) = 0;

    uint64_t next();
    // Uniform in [0, bound); bound must not be 0.
    uint64_t below(uint64_t bound);
    // A random UUID (version 4).
    TenantId uuid();
};

// The operating system's generator: fit for keys. Thread-safe.
class SystemRandom final : public Random {
  public:
    void fill(std::span<uint8_t> out) override;
};

// Repeatable, for tests only. Thread-safe.
class SeededRandom final : public Random {
  public:
    explicit SeededRandom(uint64_t seed) : engine_(seed) {}
    void fill(std::span<uint8_t> out) override;

  private:
    std::mutex mutex_;
    std::mt19937_64 engine_;
};

}  // namespace insula
