// A new administrator's key for a node that is not running, whose own was lost.
#pragma once

#include <string>

#include "base/result.h"
#include "platform/fs/file_system.h"
#include "platform/runtime/clock.h"
#include "platform/runtime/random.h"
#include "server/config/server_config.h"

namespace insula::server {

// Gives the key; the one before is worth nothing from then on. Errors as DataDirectory::
// open_stopped() and open_node_catalog().
Result<std::string> reset_administrator_key(const config::ServerConfig& config, FileSystem& fs,
                                            Clock& clock, Random& random);

}  // namespace insula::server
