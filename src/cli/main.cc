#include <CLI/CLI.hpp>
#include <string>

#include "base/version.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/parse_failure.h"

namespace {

// The parser alone would say of a word that is no command that a command is missing. Empty where
// all words are known.
std::string find_unknown_command(const CLI::App& root, int argc, char** argv) {
    const CLI::App* app = &root;
    for (int i = 1; i < argc && argv[i][0] != '-'; ++i) {
        const auto commands = app->get_subcommands([](const CLI::App*) { return true; });
        if (commands.empty()) return {};
        std::string known;
        app = nullptr;
        for (const CLI::App* command : commands) {
            known.append(known.empty() ? "" : ", ").append(command->get_name());
            if (command->check_name(argv[i])) app = command;
        }
        if (app == nullptr) {
            return "There is no command \"" + std::string(argv[i]) + "\". Commands: " + known + ".";
        }
    }
    return {};
}

// "insula 0.1.0 (release)".
std::string version_text() {
    return "insula " + std::string(insula::version()) + " (" + std::string(insula::build_type()) +
           ")";
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App root("Insula: a multi-tenant data platform", "insula");
    root.require_subcommand(1);
    root.set_version_flag("--version", version_text());
    root.footer(
        "Examples:\n"
        "  insula serve --dev                              a server to try things with\n"
        "  insula write orders orders.ndjson               a file becomes rows\n"
        "  insula search orders --filter 'amount>=100'     rows as a table\n"
        "  insula search --help                            every command has examples\n"
        "\n"
        "Exit codes: 0 ok, 1 failure, 2 wrong arguments; `insula serve --help` has those of the "
        "server.");
    insula::cli::Action action;
    insula::cli::add_serve(root, action);
    insula::cli::add_config(root, action);
    insula::cli::add_cert(root, action);
    insula::cli::add_verify(root, action);
    insula::cli::add_journal(root, action);
    insula::cli::add_audit(root, action);
    insula::cli::add_administration(root, action);
    insula::cli::add_key_reset(root, action);
    insula::cli::add_source(root, action);
    insula::cli::add_write(root, action);
    insula::cli::add_search(root, action);
    insula::cli::add_aggregate(root, action);
    insula::cli::add_status(root, action);
    insula::cli::add_log_level(root, action);
    insula::cli::add_demo(root, action);
    if (const std::string unknown = find_unknown_command(root, argc, argv); !unknown.empty()) {
        return insula::cli::report_to_client(insula::cli::usage_error(unknown));
    }
    try {
        root.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        // Asked for: --help and --version.
        if (error.get_exit_code() == 0) return root.exit(error);
        return insula::cli::report_to_client(insula::cli::parse_failure(root, error));
    }
    return action();
}
