#include "cli/settings.h"

#include <CLI/CLI.hpp>

#include "cli/option_checks.h"

namespace insula::cli {

void SettingFlags::add_to(CLI::App& command) {
    command.add_option("--config", config_file_, "YAML file with settings")
        ->check(refuse_empty)
        ->type_name("FILE");
    command.add_option("--env-file", env_file_, "file with lines NAME=value")
        ->check(refuse_empty)
        ->type_name("FILE");
    command.add_option("--data-dir", data_dir_, "directory that holds all data (default ./data)")
        ->check(refuse_empty)
        ->type_name("DIR");
    command
        .add_option("--host", host_,
                    "address to listen on (default 127.0.0.1); beyond this machine it needs a "
                    "certificate or --insecure")
        ->check(refuse_empty)
        ->type_name("ADDRESS");
    command.add_option("--cert-file", cert_file_, "certificate in PEM: serve TLS")
        ->check(refuse_empty)
        ->type_name("FILE");
    command.add_option("--key-file", key_file_, "its private key")
        ->check(refuse_empty)
        ->type_name("FILE");
    command.add_flag("--insecure", insecure_,
                     "serve plain HTTP to other machines: all can be read and changed on its way");
    command.add_option("--port-offset", port_offset_, "added to every port, 0 to 15484")
        ->check(refuse_empty)
        ->type_name("N");
    command.add_option("--api", api_, "interfaces to serve: rest, grpc or both")
        ->check(refuse_empty)
        ->type_name("API");
    command.add_option("--log-level", log_level_, "info, or by module: info,tables=debug")
        ->check(refuse_empty)
        ->type_name("LEVEL");
    command.add_flag("--dev", dev_,
                     "for development: requests without a credential act as the default tenant");
}

namespace {

Result<config::Sources> read_sources(const std::string& config_file, const std::string& env_file) {
    config::Sources sources;
    sources.environment = config::process_environment();
    sources.machine = detect_machine();
    if (!config_file.empty()) {
        ASSIGN_OR_RETURN(sources.yaml, config::read_text_file(config_file));
    }
    if (!env_file.empty()) {
        ASSIGN_OR_RETURN(sources.env_file, config::read_text_file(env_file));
    }
    return sources;
}

}  // namespace

Result<config::Sources> SettingFlags::sources() const {
    ASSIGN_OR_RETURN(config::Sources sources, read_sources(config_file_, env_file_));
    // None that was given is empty.
    const auto flag = [&](std::string key, const std::string& value, std::string written) {
        if (!value.empty()) sources.flags.push_back({std::move(key), value, std::move(written)});
    };
    flag("server.data_dir", data_dir_, "--data-dir");
    flag("server.host", host_, "--host");
    flag("server.tls.enabled", cert_file_.empty() ? "" : "true", "--cert-file");
    flag("server.tls.cert_file", cert_file_, "--cert-file");
    flag("server.tls.key_file", key_file_, "--key-file");
    flag("server.insecure", insecure_ ? "true" : "", "--insecure");
    flag("server.port_offset", port_offset_, "--port-offset");
    flag("server.api", api_, "--api");
    flag("monitoring.log_level", log_level_, "--log-level");
    flag("server.dev", dev_ ? "true" : "", "--dev");
    return sources;
}

Result<config::LoadedConfig> SettingFlags::load() const {
    ASSIGN_OR_RETURN(const config::Sources read, sources());
    return config::load(read);
}

Result<config::LoadedConfig> load_settings(const std::string& config_file,
                                           const std::string& env_file) {
    ASSIGN_OR_RETURN(const config::Sources read, read_sources(config_file, env_file));
    return config::load(read);
}

}  // namespace insula::cli
