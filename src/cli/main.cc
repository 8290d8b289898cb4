#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/exit_code.h"

int main(int argc, char** argv) {
    CLI::App root("Insula: a multi-tenant data platform", "insula");
    root.require_subcommand(1);
    root.set_version_flag("--version", "insula 0.1.0");
    insula::cli::Action action;
    insula::cli::add_serve(root, action);
    insula::cli::add_config(root, action);
    try {
        root.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        const int code = root.exit(error);
        return code == 0 ? 0 : static_cast<int>(insula::cli::ExitCode::usage);
    }
    return action();
}
