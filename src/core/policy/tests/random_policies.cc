#include "core/policy/tests/random_policies.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace insula::policy {

namespace {

using Words = std::vector<std::string>;

const Words& actions_asked() {
    static const Words words{"tables:Search",     "tables:Write",   "tables:Aggregate",
                             "tenant:CreateUser", "s3:GetObject",   "s3:PutObject",
                             "node:GetHealth",    "graphs:Traverse"};
    return words;
}

const Words& action_patterns() {
    static const Words words{"tables:Search", "tables:Write", "tables:*",   "*",
                             "*:*",           "s3:GetObject", "s3:*Object", "s3:?etObject",
                             "tables:?*r*",   "tenant:*User", "tenant:*",   "node:*",
                             "graphs:*",      "tables:W?ite"};
    return words;
}

const Words& paths() {
    static const Words words{"source/a",      "source/b",   "source/ab", "source/a:b",
                             "home/alice/x",  "home/bob/x", "home/*/x",  "home//x",
                             "user/alice",    "日/é",       "a*",        "node",
                             "home/alice/éé", "b/k"};
    return words;
}

const Words& resource_patterns() {
    static const Words words{
        "*",
        "source/*",
        "source/a",
        "source/?",
        "*a*",
        "?/?",
        "*/??",
        "home/${aws:username}/*",
        "home/${aws:username, 'alice'}/*",
        "home/${aws:PrincipalTag/team}/?",
        "*${*}*",
        "arn:insula:tables:::source/*",
        "arn:insula:*:::*",
        "arn:*:*:*:*:*/?",
        "arn:aws:s3:::*",
        "arn:aws:s3:::source/?",
        "arn:aws:s3:::home/${aws:username}/*",
        "arn:insula:t*:::*:*",
        "arn:insula:tables:::s*e/a*",
    };
    return words;
}

struct KeyPool {
    std::string key;
    Words request;    // what requests have
    Words policy;     // what policies compare with, as JSON
    Words operators;  // without qualifier and IfExists
    bool multivalued = false;
};

const std::vector<KeyPool>& keys() {
    static const Words text_operators{
        "StringEquals",           "StringNotEquals",           "StringLike", "StringNotLike",
        "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "Null"};
    static const std::vector<KeyPool> pools{
        {"aws:username",
         {"alice", "bob", "*", "Alice", "?"},
         {R"("alice")", R"("bob")", R"("a*")", R"("?ob")", R"("ALICE")", R"("${*}")",
          R"("${aws:PrincipalTag/team}")", R"("*${?}")"},
         text_operators},
        {"s3:prefix",
         {"home/alice/x", "HOME/ALICE/X", "home/*/x", "home/bob/x", "", "é", "日本"},
         {R"("home/${aws:username}/x")", R"("home/${aws:username, 'bob'}/*")", R"("home/*")",
          R"("?")", R"("??")", R"("")", R"("HOME/${aws:username}/X")", R"("*/x")"},
         text_operators},
        {"aws:PrincipalTag/Team",
         {"alice", "a:b", "*"},
         {R"("alice")", R"("a:b")", R"("*")"},
         text_operators},
        {"aws:SourceIp",
         {"10.0.0.1", "10.128.0.1", "::ffff:10.0.0.1", "::ffff:a00:1", "2001:db8::1", "2001:db9::1",
          "11.0.0.1", "bad"},
         {R"("10.0.0.0/8")", R"("10.0.0.0/9")", R"("10.0.0.1")", R"("2001:db8::/32")", R"("::/0")",
          R"("0.0.0.0/0")", R"("::ffff:10.0.0.0/104")", R"("10.0.0.7/29")"},
         {"IpAddress", "NotIpAddress", "Null"}},
        {"s3:max-keys",
         {"1", "10", "10.0", "100", "ten", "-1"},
         {R"("10")", "10", "9.5", R"("1e1")", "100", "-1"},
         {"NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals",
          "NumericGreaterThan", "NumericGreaterThanEquals", "Null"}},
        {"aws:TokenIssueTime",
         {"2026-01-15T10:00:00Z", "2026-01-15T12:00:00+02:00", "1768471200", "2026-01-15",
          "2026-01-16T00:00:00Z", "never"},
         {R"("2026-01-15T10:00:00Z")", "1768471200", R"("2026-01-15")", R"("2026-01-16T00:00:00Z")",
          R"("2026-01-15T09:00:00-01:00")"},
         {"DateEquals", "DateNotEquals", "DateLessThan", "DateLessThanEquals", "DateGreaterThan",
          "DateGreaterThanEquals", "Null"}},
        {"aws:SecureTransport",
         {"true", "false", "TRUE"},
         {"true", "false", R"("True")"},
         {"Bool", "Null"}},
        {"aws:PrincipalArn",
         {"arn:insula:tenant:::user/alice", "arn:insula:tenant:::user/a:b",
          "arn:aws:iam::1:user/alice", "alice"},
         {R"("arn:insula:tenant:::user/*")", R"("arn:*:*:::user/alice")",
          R"("arn:insula:tenant:::user/${aws:username}")", R"("arn:aws:iam:*:?:user/alice")",
          R"("arn:*:*:*:*:*${aws:PrincipalTag/team}")"},
         {"ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike", "Null"}},
        {"s3:x-amz-acl", {"ab", "cd"}, {R"("YWI=")", R"("Y2Q=")"}, {"BinaryEquals"}},
        {"aws:TagKeys",
         {"a", "b", "A", "", "ab"},
         {R"("a")", R"("b")", R"("a*")", R"("?")", R"("B")"},
         text_operators,
         true},
    };
    return pools;
}

std::string in_quotes(const std::string& text) { return fmt::format("\"{}\"", text); }

}  // namespace

std::string RandomPolicies::any_case(std::string text) {
    if (percent(80)) return text;
    for (char& c : text) {
        if (c >= 'a' && c <= 'z' && percent(50)) c = static_cast<char>(c - 32);
    }
    return text;
}

std::string RandomPolicies::list(const Words& words) {
    const size_t count = 1 + below(3);
    if (count == 1 && percent(50)) return one_of(words);
    Words chosen;
    for (size_t i = 0; i < count; ++i) chosen.push_back(one_of(words));
    return fmt::format("[{}]", fmt::join(chosen, ","));
}

std::string RandomPolicies::principal(bool deny) {
    static const Words names{R"("alice")", R"("user/bob")", R"("service-account/etl")",
                             R"("arn:insula:tenant:::user/alice")", R"("*")"};
    const std::string element = deny && percent(30) ? "NotPrincipal" : "Principal";
    if (percent(30)) return fmt::format(R"("{}":"*",)", element);
    return fmt::format(R"("{}":{{"AWS":{}}},)", element, list(names));
}

std::string RandomPolicies::condition() {
    std::vector<std::pair<std::string, std::string>> blocks;
    for (size_t count = 1 + below(2); count > 0; --count) {
        const KeyPool& pool = keys()[below(keys().size())];
        std::string op = one_of(pool.operators);
        if (op != "Null") {
            if (pool.multivalued || percent(15)) {
                op.insert(0, percent(50) ? "ForAllValues:" : "ForAnyValue:");
            }
            if (percent(25)) op += "IfExists";
        }
        static const Words nulls{"true", "false", R"("True")"};
        const std::string values = list(op == "Null" ? nulls : pool.policy);
        const std::string entry = fmt::format("{}:{}", in_quotes(any_case(pool.key)), values);
        const auto same = [&](const auto& block) { return block.first == op; };
        if (std::ranges::none_of(blocks, same)) blocks.emplace_back(op, entry);
    }
    std::string text;
    for (const auto& [op, entry] : blocks) {
        text += fmt::format("{}{}:{{{}}}", text.empty() ? "" : ",", in_quotes(op), entry);
    }
    return fmt::format(R"(,"Condition":{{{}}})", text);
}

std::string RandomPolicies::statement(bool of_resource) {
    const bool deny = percent(30);
    Words actions;
    for (size_t count = 1 + below(3); count > 0; --count) {
        actions.push_back(in_quotes(any_case(one_of(action_patterns()))));
    }
    Words resources;
    for (size_t count = 1 + below(3); count > 0; --count) {
        resources.push_back(in_quotes(one_of(resource_patterns())));
    }
    // Beside actions of S3 alone the parser wants ARNs.
    if (std::ranges::all_of(actions, [](const std::string& one) {
            return one.starts_with("\"s3") || one.starts_with("\"S3");
        })) {
        actions.emplace_back(R"("tables:Search")");
    }
    const std::string not_action = percent(15) ? "Not" : "";
    const std::string not_resource = percent(20) ? "Not" : "";
    return fmt::format(R"({{{}"Effect":"{}","{}Action":[{}],"{}Resource":[{}]{}}})",
                       of_resource ? principal(deny) : "", deny ? "Deny" : "Allow", not_action,
                       fmt::join(actions, ","), not_resource, fmt::join(resources, ","),
                       percent(60) ? condition() : "");
}

RandomPolicies::Document RandomPolicies::policy() {
    const bool of_resource = percent(25);
    Words statements;
    for (size_t count = 1 + below(3); count > 0; --count) {
        statements.push_back(statement(of_resource));
    }
    const std::string version = percent(85)   ? R"("Version":"2012-10-17",)"
                                : percent(50) ? R"("Version":"2008-10-17",)"
                                              : "";
    return {.text = fmt::format(R"({{{}"Statement":[{}]}})", version, fmt::join(statements, ",")),
            .of_resource = of_resource};
}

reference::Request RandomPolicies::request() {
    static const Words principals{"user/alice", "user/bob", "service-account/etl", ""};
    reference::Request made;
    made.action = one_of(actions_asked());
    made.service = made.action.substr(0, made.action.find(':'));
    if (percent(10)) made.service = percent(50) ? "s3" : "unheard-of";
    made.action = any_case(made.action);
    made.path = one_of(paths());
    made.principal = one_of(principals);
    for (const KeyPool& pool : keys()) {
        std::string name = pool.key;
        std::ranges::transform(name, name.begin(), [](char c) {
            return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
        });
        if (percent(30)) continue;
        Words values{one_of(pool.request)};
        while (pool.multivalued && percent(50)) values.push_back(one_of(pool.request));
        made.context[name] = std::move(values);
    }
    return made;
}

}  // namespace insula::policy
