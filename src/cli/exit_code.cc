#include "cli/exit_code.h"

#include <cstdio>
#include <string>
#include <utility>

#include "cli/display_text.h"

namespace insula::cli {

namespace {

constexpr std::string_view kInvalidArguments = "invalid_arguments";

// "message hint", with a stop between them; "message (detail). hint" where there is one.
std::string joined(std::string_view message, std::string_view detail, std::string_view hint) {
    std::string line(message);
    if (!detail.empty()) {
        if (line.ends_with('.')) line.pop_back();
        line.append(" (").append(detail).append(")");
    }
    const bool ended =
        !line.empty() && std::string_view(".!?:").find(line.back()) != std::string_view::npos;
    if (!ended) line.push_back('.');
    if (!hint.empty()) line.append(" ").append(hint);
    return line;
}

}  // namespace

ExitCode exit_code_of(const Error& error) {
    const std::string_view reason = error.reason();
    if (reason == kInvalidArguments) return ExitCode::usage;
    if (reason == "invalid_configuration" || reason == "unreadable_file") {
        return ExitCode::configuration;
    }
    if (reason.starts_with("port_") || reason == "bad_listen_address") return ExitCode::port;
    if (reason.starts_with("data_directory_")) return ExitCode::data_directory;
    if (error.code() == Code::storage_exhausted) return ExitCode::disk;
    if (error.code() == Code::data_loss) return ExitCode::damage;
    return ExitCode::failure;
}

int report(const Error& error) {
    // Whoever sits at the terminal operates the server, and may see what tenants may not.
    std::fprintf(stderr, "insula: %s\n",
                 joined(error.message(), error.detail(), error.hint()).c_str());
    return static_cast<int>(exit_code_of(error));
}

int report_to_client(const Error& error) {
    const bool usage = error.reason() == kInvalidArguments;
    std::string line = joined(error.message(), {}, error.hint());
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
