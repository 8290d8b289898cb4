// insula config print|check|reference: the settings, without a server.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/settings.h"
#include "server/config/render.h"

namespace insula::cli {

namespace {

int print_settings(const SettingFlags& flags, const std::string& output) {
    const auto loaded = flags.load();
    if (!loaded) return report(loaded.error());
    fmt::print("{}", config::print(*loaded,
                                   output == "json" ? config::Format::json : config::Format::yaml));
    return 0;
}

int check_settings(const SettingFlags& flags) {
    const auto loaded = flags.load();
    fmt::print("{}\n", config::check_report(loaded));
    return loaded ? 0 : static_cast<int>(ExitCode::configuration);
}

int print_page(const std::string& page) {
    if (page == "env") {
        fmt::print("{}", config::example_env());
    } else if (page == "yaml") {
        fmt::print("{}", config::example_yaml());
    } else {
        fmt::print("{}", config::reference());
    }
    return 0;
}

}  // namespace

void add_config(CLI::App& root, Action& action) {
    CLI::App* command = root.add_subcommand("config", "Show and check settings");
    command->require_subcommand(1);
    command->footer(
        "Examples:\n"
        "  insula config check --config config.yaml         what is wrong with it\n"
        "  insula config print --config config.yaml         every setting and where it comes from\n"
        "  insula config reference                          what there is to set\n"
        "\n"
        "Exit codes: 0 ok, 2 wrong arguments, 3 configuration.");
    auto flags = std::make_shared<SettingFlags>();
    auto choice = std::make_shared<std::string>();

    CLI::App* print =
        command->add_subcommand("print", "Every setting, its value and where it came from");
    flags->add_to(*print);
    print->add_option("--output", *choice, "yaml or json")
        ->check(CLI::IsMember({"yaml", "json"}))
        ->type_name("FORMAT");
    print->callback([=, &action] { action = [=] { return print_settings(*flags, *choice); }; });

    CLI::App* check = command->add_subcommand("check", "Report problems without starting a server");
    flags->add_to(*check);
    check->callback([=, &action] { action = [=] { return check_settings(*flags); }; });

    CLI::App* reference = command->add_subcommand("reference", "The page of all settings");
    reference->add_option("--page", *choice, "reference (Markdown), env or yaml (example files)")
        ->check(CLI::IsMember({"reference", "env", "yaml"}))
        ->type_name("PAGE");
    reference->callback([=, &action] { action = [=] { return print_page(*choice); }; });
}

}  // namespace insula::cli
