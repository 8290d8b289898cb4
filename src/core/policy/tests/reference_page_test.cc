// docs/reference/policies.md holds what it says: its examples are read and decide their requests,
// and its lists have every word of the vocabulary.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "core/policy/builtin_roles.h"
#include "core/policy/context_table.h"
#include "core/policy/evaluate.h"
#include "core/policy/tests/policy_text.h"
#include "core/policy/vocabulary.h"

namespace insula::policy {
namespace {

namespace files = std::filesystem;

std::vector<std::string> page_lines() {
    files::path at = files::canonical("/proc/self/exe");
    while (at.has_relative_path() && !files::exists(at / "src/LAYERS")) at = at.parent_path();
    std::ifstream file(at / "docs/reference/policies.md");
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
}

// What stands between backticks.
std::vector<std::string> in_backticks(std::string_view line) {
    std::vector<std::string> found;
    while (true) {
        const size_t open = line.find('`');
        if (open == std::string_view::npos) return found;
        const size_t close = line.find('`', open + 1);
        if (close == std::string_view::npos) return found;
        found.emplace_back(line.substr(open + 1, close - open - 1));
        line.remove_prefix(close + 1);
    }
}

// "- `tables:Search` on `source/a` with `key=value`, …: allowed by `Sid`"
void check_request(const Policy& policy, const std::string& line) {
    const size_t colon = line.rfind(": ");
    ASSERT_NE(colon, std::string::npos) << line;
    const auto asked = in_backticks(line.substr(0, colon));
    ASSERT_GE(asked.size(), 2u) << line;
    ContextTable context;
    std::string principal;
    for (size_t i = 2; i < asked.size(); ++i) {
        const size_t equals = asked[i].find('=');
        const std::string key = asked[i].substr(0, equals);
        const std::string value = asked[i].substr(equals + 1);
        if (key == "principal") {
            principal = value;
        } else {
            ASSERT_TRUE(context.add(key, value)) << line;
        }
    }
    const AttachedPolicy attached{.name = "example", .policy = &policy};
    const Decision decision = evaluate({&attached, 1}, {.action = asked[0],
                                                        .resource = resource_of(asked[0], asked[1]),
                                                        .principal = principal,
                                                        .context = context});
    const std::map<Reason, std::string> words{
        {Reason::allowed, fmt::format("allowed by `{}`", decision.sid)},
        {Reason::explicit_deny, fmt::format("denied by `{}`", decision.sid)},
        {Reason::no_statement_matched, "not allowed"}};
    EXPECT_EQ(line.substr(colon + 2), words.at(decision.reason)) << line;
}

TEST(PoliciesPage, ItsExamplesDecideAsItSays) {
    const auto lines = page_lines();
    int examples = 0;
    int requests = 0;
    Policy policy;
    for (size_t i = 0; i < lines.size(); ++i) {
        if (lines[i] == "```json") {
            std::string text;
            for (++i; i < lines.size() && lines[i] != "```"; ++i) text += lines[i] + "\n";
            const bool of_resource = text.find("Principal\"") != std::string::npos;
            policy = parsed(text, of_resource ? PolicyKind::resource : PolicyKind::identity);
            ++examples;
        } else if (lines[i].starts_with("- `")) {
            check_request(policy, lines[i]);
            ++requests;
        }
    }
    EXPECT_EQ(examples, 5);
    EXPECT_EQ(requests, 23);
}

TEST(PoliciesPage, NamesEveryWord) {
    std::string page;
    for (const std::string& line : page_lines()) page += line + "\n";
    const auto named = [&](std::string_view word) {
        return page.find(fmt::format("`{}`", word)) != std::string::npos;
    };
    for (const Service& service : services()) {
        EXPECT_TRUE(named(service.name)) << service.name;
        for (const std::string_view verb : service.verbs) EXPECT_TRUE(named(verb)) << verb;
    }
    for (const KeyInfo& info : condition_keys()) {
        const std::string word = std::string(info.name) + (info.family() ? "name" : "");
        EXPECT_TRUE(named(word)) << word;
        const bool several =
            page.find(fmt::format("`{}` (several values)", word)) != std::string::npos;
        EXPECT_EQ(several, info.multivalued) << word;
    }
    for (const BuiltinRole& role : builtin_roles()) EXPECT_TRUE(named(role.name)) << role.name;
}

}  // namespace
}  // namespace insula::policy
