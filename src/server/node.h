// Node: all roles in one process over one data directory. start() brings everything up in order and
// returns when the node is ready (a real write and a real read have worked, and all records of the
// journal are applied; a tenant is served as soon as its own are); stop() drains and takes it down
// in the reverse order. Both are called from one thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "core/tenancy/first_start.h"
#include "platform/fs/file_system.h"
#include "platform/runtime/clock.h"
#include "platform/runtime/random.h"
#include "server/config/server_config.h"

namespace insula::server {

// Where the node's state stands; see CONTRACTS of docs/formats/data-directory.md.
inline constexpr int kDataDirectoryVersion = 1;

// What a start asks and tells its caller meanwhile, on its thread.
struct StartHooks {
    // Asked while the start waits for a catalog that is elsewhere.
    std::function<bool()> give_up = [] { return false; };
    // Given the keys that this start made, just before their hashes are stored: whatever ends the
    // start later, they have been shown, and whatever ends it earlier, the next start makes others.
    std::function<void(const tenancy::FirstKeys& keys)> show_keys = [](const tenancy::FirstKeys&) {
    };
};

class Node {
  public:
    // Errors carry reasons that tell the caller how to exit: data_directory_in_use,
    // data_directory_unusable, data_directory_version, disk_full, damaged_data, port_in_use,
    // port_not_allowed, data_directory_catalog, catalog_unreachable.
    static Result<std::unique_ptr<Node>> start(const config::ServerConfig& config, FileSystem& fs,
                                               Clock& clock, Random& random,
                                               const StartHooks& hooks = {});
    ~Node();  // stops if stop() was not called

    // The ports that the REST interface listens on.
    const std::vector<uint16_t>& ports() const;
    // Sources, records and bytes that were replayed.
    std::string recovery_summary() const;

    // Ends within the configured stop timeout; requests that are still running then are cut off.
    Status stop();

  private:
    struct State;
    explicit Node(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace insula::server
