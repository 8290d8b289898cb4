#include "cli/parse_failure.h"

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>

#include "cli/exit_code.h"

namespace insula::cli {

namespace {

// "insula source add", as far as it was understood.
std::string command_of(const CLI::App& root) {
    std::string name = root.get_name();
    const CLI::App* app = &root;
    for (auto chosen = app->get_subcommands(); !chosen.empty(); chosen = app->get_subcommands()) {
        app = chosen.front();
        name.append(" ").append(app->get_name());
    }
    return name;
}

std::string unexpected(const CLI::App& root) {
    std::string list;
    for (const std::string& argument : root.remaining(true)) {
        list.append(list.empty() ? "\"" : ", \"").append(argument).append("\"");
    }
    return command_of(root) + " does not take " + list;
}

// "--limit" and "abc" of "Could not convert: --limit = abc".
std::string not_convertible(std::string_view said) {
    constexpr std::string_view kBegin = "Could not convert: ";
    constexpr std::string_view kBetween = " = ";
    if (!said.starts_with(kBegin)) return std::string(said);
    said.remove_prefix(kBegin.size());
    const size_t between = said.find(kBetween);
    if (between == std::string_view::npos) return std::string(said) + " cannot be read";
    return std::string(said.substr(0, between)) + " cannot be \"" +
           std::string(said.substr(between + kBetween.size())) + "\"";
}

// "--limit" of "--limit: 1 required N missing".
std::string value_missing(std::string_view said) {
    const size_t colon = said.find(": ");
    if (colon == std::string_view::npos || !said.ends_with(" missing")) return std::string(said);
    return std::string(said.substr(0, colon)) + " needs a value";
}

std::string message_of(const CLI::App& root, const CLI::ParseError& failure) {
    std::string said = failure.what();
    switch (static_cast<CLI::ExitCodes>(failure.get_exit_code())) {
        case CLI::ExitCodes::ExtrasError:
            return unexpected(root);
        case CLI::ExitCodes::ConversionError:
            return not_convertible(said);
        case CLI::ExitCodes::ArgumentMismatch:
            return value_missing(said);
        default:
            return said;
    }
}

}  // namespace

Error parse_failure(const CLI::App& root, const CLI::ParseError& failure) {
    return usage_error(message_of(root, failure))
        .with_hint("`" + command_of(root) + " --help` shows what it takes.");
}

}  // namespace insula::cli
