// What the commands share that look at the data directory of a stopped server.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "platform/fs/os_file_system.h"
#include "platform/runtime/clock.h"
#include "platform/runtime/random.h"
#include "server/offline/stopped_node.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the library's own name
class App;
}

namespace insula::cli {

class OfflineFlags {
  public:
    // Adds --data-dir, --config, --env-file and --json. This object must outlive the parse.
    void add_to(CLI::App& command);

    const std::string& data_dir() const { return data_dir_; }
    bool json() const { return json_; }
    // Refuses a directory that a server is running on. This object must outlive the node.
    Result<std::unique_ptr<server::StoppedNode>> open();

  private:
    std::string data_dir_;
    std::string config_file_;
    std::string env_file_;
    bool json_ = false;
    OsFileSystem fs_;
    SystemClock clock_;
    SystemRandom random_;
};

// Sets what --help ends with: the examples, a line each, and the exit codes.
void add_offline_examples(CLI::App& command, std::string_view examples);

// How such a command ends: its output is flushed, its error reported by the exit codes of
// `insula serve`.
int offline_exit_code(const Result<bool>& sound);

}  // namespace insula::cli
