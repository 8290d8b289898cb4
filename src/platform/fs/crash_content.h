// One file of a CrashFileSystem: what readers see, what is durable, and the writes in between. Not
// thread-safe.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "platform/fs/sparse_content.h"

namespace insula {

// How one power cut treats what was not synced: drawn once a crash, so that some crashes keep
// everything, some nothing, and most something in between.
struct CrashStyle {
    double keep = 0.5;  // chance that a change is kept
    double tear = 0.0;  // chance that a write is torn instead
    static CrashStyle draw(std::mt19937_64& random);
};

bool chance(std::mt19937_64& random, double probability);

class CrashContent {
  public:
    size_t read(MutableBytes out, uint64_t offset) const;
    void write(Bytes data, uint64_t offset);
    void truncate(uint64_t size);
    void sync();
    uint64_t size() const { return size_; }

    CrashContent after_power_cut(const CrashStyle& style, std::mt19937_64& random) const;

  private:
    struct PendingWrite {
        uint64_t offset = 0;
        uint64_t length = 0;
        std::string data;  // empty: zeros
        uint64_t size_after = 0;
    };

    SparseContent current_;
    SparseContent durable_;
    uint64_t size_ = 0;
    uint64_t durable_size_ = 0;
    std::vector<PendingWrite> pending_;
};

}  // namespace insula
