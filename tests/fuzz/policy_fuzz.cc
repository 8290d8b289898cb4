// Policies, from their text to decisions on a few requests.
#include <algorithm>
#include <array>
#include <string>

#include "core/policy/evaluate.h"
#include "core/policy/explain.h"
#include "core/policy/policy.h"
#include "core/policy/request_attributes.h"
#include "fuzz_target.h"

namespace insula::policy {
namespace {

struct Asked {
    std::string_view action;
    Resource resource;
    std::string_view principal;
    bool attributes;
};

constexpr std::array kAsked{
    Asked{"tables:Search", {"tables", "source/a"}, "user/alice", true},
    Asked{"s3:GetObject", {"s3", "bucket/é/**?"}, "", true},
    Asked{"tenant:CreateUser", {"tenant", "user/bob"}, "service-account/etl", false},
    Asked{"s3:PutObject", {"unheard-of", ""}, "user/bob", false},
};

void check_refusal(const Error& error) {
    const bool clients =
        error.code() == Code::invalid_argument || error.code() == Code::payload_too_large;
    INSULA_FUZZ_EXPECT(clients, error.describe());
    INSULA_FUZZ_EXPECT(!error.message().empty(), "an error says what is wrong");
    const bool ours = error.reason() == "invalid_policy";
    INSULA_FUZZ_EXPECT(!ours || error.message().size() < 1024, "it does not repeat the policy");
}

void fill(RequestAttributes& context) {
    context.set(Key::source_ip, "::ffff:10.0.0.1");
    context.set(Key::username, "alice*?${}");
    context.set(Key::principal_arn, "arn:insula:tenant:::user/a:b");
    context.set(Key::prefix, "\xff\x80home/");
    context.set(Key::max_keys, "-1e300");
    context.set(Key::token_issue_time, "2026-01-15T10:00:00Z");
    context.set_secure_transport(true);
    context.add_tag(Key::request_tag, "project", "");
    context.add_tag(Key::request_tag, "owner", "x");
    context.add_tag(Key::principal_tag, "team", "é");
}

// The decision that follows from which statements apply.
Reason expected(const Explanation& explanation) {
    const auto has = [&](Effect effect) {
        return std::ranges::any_of(explanation.statements, [&](const auto& one) {
            return one.effect == effect && one.applies();
        });
    };
    if (has(Effect::deny)) return Reason::explicit_deny;
    return has(Effect::allow) ? Reason::allowed : Reason::no_statement_matched;
}

void decide(const Policy& policy, const Asked& asked) {
    RequestAttributes context(1'768'471'200'000'000'000);
    if (asked.attributes) fill(context);
    const AttachedPolicy attached{.name = "p", .policy = &policy};
    const Request request{.action = asked.action,
                          .resource = asked.resource,
                          .principal = asked.principal,
                          .context = context};
    const Explanation explanation = explain({&attached, 1}, request);
    const Decision& decision = explanation.decision;
    INSULA_FUZZ_EXPECT(decision.reason == expected(explanation), describe(decision));
    INSULA_FUZZ_EXPECT(decision.allowed == (decision.reason == Reason::allowed),
                       describe(decision));
    if (decision.reason != Reason::no_statement_matched) {
        const StatementExplanation& deciding = explanation.statements.at(decision.statement);
        INSULA_FUZZ_EXPECT(deciding.applies(), "the deciding statement applies");
        INSULA_FUZZ_EXPECT((deciding.effect == Effect::allow) == decision.allowed,
                           "its effect is the decision");
    }
    for (const StatementExplanation& one : explanation.statements) {
        INSULA_FUZZ_EXPECT(!one.describe(request).empty(), "there is something to say");
    }
}

}  // namespace

INSULA_FUZZ_TARGET(policy, input) {
    for (const PolicyKind kind : {PolicyKind::identity, PolicyKind::resource}) {
        const auto policy = Policy::parse(as_text(input), kind);
        if (!policy) {
            check_refusal(policy.error());
            continue;
        }
        for (const Asked& asked : kAsked) decide(*policy, asked);
    }
}

}  // namespace insula::policy
