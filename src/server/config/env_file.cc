#include "server/config/env_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <expected>
#include <map>

namespace insula::config {
namespace {

constexpr std::string_view kBlanks = " \t\r";

std::string_view trim(std::string_view text) {
    const size_t begin = text.find_first_not_of(kBlanks);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

bool is_name(std::string_view text) {
    const auto allowed = [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
               c == '_';
    };
    const bool begins_with_digit = !text.empty() && text[0] >= '0' && text[0] <= '9';
    return !text.empty() && !begins_with_digit && std::all_of(text.begin(), text.end(), allowed);
}

// What is wrong, or the value.
using Parsed = std::expected<std::string, std::string_view>;

Parsed parse_double_quoted(std::string_view text) {
    std::string value;
    for (size_t at = 1; at < text.size(); ++at) {
        const char c = text[at];
        if (c == '"') {
            const std::string_view rest = trim(text.substr(at + 1));
            if (rest.empty() || rest.starts_with('#')) return value;
            return std::unexpected("something follows the closing quote");
        }
        if (c != '\\') {
            value.push_back(c);
            continue;
        }
        if (++at == text.size()) break;
        switch (text[at]) {
            case '"':
            case '\\':
            case '$':
                value.push_back(text[at]);
                break;
            case 'n':
                value.push_back('\n');
                break;
            case 't':
                value.push_back('\t');
                break;
            default:
                return std::unexpected(R"(only \" \\ \$ \n and \t may follow a backslash)");
        }
    }
    return std::unexpected("the closing quote is missing");
}

Parsed parse_value_text(std::string_view text) {
    if (text.starts_with('"')) return parse_double_quoted(text);
    if (text.starts_with('\'')) {
        const size_t end = text.find('\'', 1);
        if (end == std::string_view::npos) return std::unexpected("the closing quote is missing");
        const std::string_view rest = trim(text.substr(end + 1));
        if (!rest.empty() && !rest.starts_with('#')) {
            return std::unexpected("something follows the closing quote");
        }
        return std::string(text.substr(1, end - 1));
    }
    if (text.starts_with('#')) return std::string();
    for (size_t at = 1; at < text.size(); ++at) {
        if (text[at] == '#' && (text[at - 1] == ' ' || text[at - 1] == '\t')) {
            return std::string(trim(text.substr(0, at)));
        }
    }
    return std::string(text);
}

}  // namespace

EnvFile parse_env_file(std::string_view path, std::string_view content) {
    EnvFile file;
    std::map<std::string, size_t, std::less<>> seen;
    if (content.starts_with("\xef\xbb\xbf")) content.remove_prefix(3);  // a byte order mark
    for (size_t number = 1; !content.empty(); ++number) {
        const size_t end = std::min(content.find('\n'), content.size());
        std::string_view line = trim(content.substr(0, end));
        content.remove_prefix(std::min(end + 1, content.size()));
        if (line.empty() || line.starts_with('#')) continue;
        const auto problem = [&](std::string_view what) {
            file.problems.push_back(fmt::format("{}:{}: {}", path, number, what));
        };
        if (line.starts_with("export ")) line = trim(line.substr(7));
        const size_t equals = line.find('=');
        if (equals == std::string_view::npos) {
            problem("a line is NAME=value; the = is missing");
            continue;
        }
        const std::string_view name = trim(line.substr(0, equals));
        if (!is_name(name)) {
            problem("what stands before = is no name of letters, digits and _");
            continue;
        }
        Parsed value = parse_value_text(trim(line.substr(equals + 1)));
        if (!value) {
            problem(fmt::format("{}: {}", name, value.error()));
            continue;
        }
        if (const auto [first, added] = seen.emplace(name, number); !added) {
            problem(fmt::format("{} is set twice, first in line {}", name, first->second));
            continue;
        }
        file.lines.push_back({std::string(name), *std::move(value), number});
    }
    return file;
}

}  // namespace insula::config
