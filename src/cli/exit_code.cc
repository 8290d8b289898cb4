#include "cli/exit_code.h"

#include <cstdio>
#include <string>

namespace insula::cli {

ExitCode exit_code_of(const Error& error) {
    const std::string_view reason = error.reason();
    if (reason == "invalid_configuration") return ExitCode::configuration;
    if (reason.starts_with("port_") || reason == "bad_listen_address") return ExitCode::port;
    if (reason.starts_with("data_directory_")) return ExitCode::data_directory;
    if (error.code() == Code::storage_exhausted) return ExitCode::disk;
    if (error.code() == Code::data_loss) return ExitCode::damage;
    return ExitCode::failure;
}

int report(const Error& error) {
    std::string line = "insula: " + std::string(error.message());
    // Whoever sits at the terminal operates the server, and may see what tenants may not.
    if (!error.detail().empty()) line.append(" (").append(error.detail()).append(")");
    if (!error.hint().empty()) line.append(" ").append(error.hint());
    std::fprintf(stderr, "%s\n", line.c_str());
    return static_cast<int>(exit_code_of(error));
}

}  // namespace insula::cli
