// The sales example, request by request: each is printed with its answer, and the answers are
// checked against what was written.
#pragma once

#include <string>

#include "base/result.h"
#include "cli/connection.h"

namespace insula::cli {

// Adds `source`, which must not exist, writes to it, asks, and removes it again, also where a step
// fails. Fails with demo_failed where an answer is not what it must be.
Status run_demo_script(ServerConnection& server, const std::string& source);

}  // namespace insula::cli
