// A file system that says how much room is left, whatever is true.
#pragma once

#include <atomic>
#include <string_view>

#include "platform/fs/forwarding_file_system.h"

namespace insula::journal {

class SmallDisk final : public ForwardingFileSystem {
  public:
    SmallDisk(FileSystem& inner, uint64_t available_bytes)
        : ForwardingFileSystem(inner), available_bytes_(available_bytes) {}
    void set_available_bytes(uint64_t bytes) { available_bytes_ = bytes; }

    Result<SpaceInfo> space(std::string_view path) override {
        ASSIGN_OR_RETURN(SpaceInfo space, ForwardingFileSystem::space(path));
        space.available_bytes = available_bytes_;
        return space;
    }

  private:
    std::atomic<uint64_t> available_bytes_;
};

}  // namespace insula::journal
