// The flags by which every command that needs the server's settings takes them.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "server/config/config.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the library's own name
class App;
}

namespace insula::cli {

class SettingFlags {
  public:
    // Adds --config, --env-file, --data-dir, --host, --port-offset, --cert-file, --key-file,
    // --insecure, --dev, --api and --log-level. This object must outlive the parse.
    void add_to(CLI::App& command);
    // Reads the files and the environment. Call after the parse.
    Result<config::LoadedConfig> load() const;

  private:
    Result<config::Sources> sources() const;

    std::string config_file_;
    std::string env_file_;
    std::string data_dir_;
    std::string host_;
    std::string port_offset_;
    std::string cert_file_;
    std::string key_file_;
    std::string api_;
    std::string log_level_;
    bool insecure_ = false;
    bool dev_ = false;
};

// Of the files, each of which may be empty, and the environment.
Result<config::LoadedConfig> load_settings(const std::string& config_file,
                                           const std::string& env_file);

}  // namespace insula::cli
