#include "cli/exit_code.h"

#include <cstdio>
#include <string>
#include <utility>

#include "cli/display_text.h"

namespace insula::cli {

namespace {

constexpr std::string_view kInvalidArguments = "invalid_arguments";

}  // namespace

ExitCode exit_code_of(const Error& error) {
    const std::string_view reason = error.reason();
    if (reason == kInvalidArguments) return ExitCode::usage;
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

int report_to_client(const Error& error) {
    const bool usage = error.reason() == kInvalidArguments;
    std::string line(error.message());
    if (!error.hint().empty()) line.append(" ").append(error.hint());
    if (!usage) {
        line.append(" (").append(error.reason());
        if (!error.detail().empty()) line.append(", ").append(error.detail());
        line.append(")");
    }
    // A server's message may quote data, and data must not steer the terminal.
    std::fprintf(stderr, "insula: %s\n", printable(line).c_str());
    return static_cast<int>(usage ? ExitCode::usage : ExitCode::failure);
}

Error usage_error(std::string message) {
    return invalid_argument(kInvalidArguments, std::move(message));
}

}  // namespace insula::cli
