#include "core/policy/evaluate.h"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include <array>
#include <chrono>

#include "core/policy/context_table.h"
#include "core/policy/explain.h"
#include "core/policy/request_attributes.h"
#include "core/policy/tests/policy_text.h"

namespace insula::policy {
namespace {

struct Asked {
    std::string_view action;
    std::string_view path;
    std::string_view principal = "user/alice";
};

Decision decide(const Policy& policy, const Asked& asked, const Context& context) {
    const AttachedPolicy attached{.name = "p", .policy = &policy};
    return evaluate({&attached, 1}, {.action = asked.action,
                                     .resource = resource_of(asked.action, asked.path),
                                     .principal = asked.principal,
                                     .context = context});
}

Decision decide(const Policy& policy, const Asked& asked) {
    const ContextTable context;
    return decide(policy, asked, context);
}

TEST(Evaluate, NothingIsAllowedByDefault) {
    const ContextTable context;
    const Decision decision = evaluate({}, {.action = "tables:Search",
                                            .resource = {.service = "tables", .path = "source/a"},
                                            .principal = "user/alice",
                                            .context = context});
    EXPECT_FALSE(decision.allowed);
    EXPECT_EQ(decision.reason, Reason::no_statement_matched);
    EXPECT_EQ(describe(decision), "No statement allows it.");
}

TEST(Evaluate, ADenyWinsWhereverItStands) {
    const Policy allow = parsed(allow_text("*", "*", R"(,"Sid":"All")"));
    const Policy deny = parsed(
        R"({"Statement":[{"Effect":"Allow","Action":"tables:*","Resource":"*"},
                         {"Effect":"Deny","Action":"tables:Write","Resource":"source/locked*"}]})");
    const ContextTable context;
    const auto decide_both = [&](bool deny_first, std::string_view path) {
        const AttachedPolicy one{.name = "allow", .policy = &allow};
        const AttachedPolicy other{.name = "deny", .policy = &deny};
        const std::array attached{deny_first ? other : one, deny_first ? one : other};
        return evaluate(attached, {.action = "tables:Write",
                                   .resource = {.service = "tables", .path = path},
                                   .principal = "user/alice",
                                   .context = context});
    };
    for (const bool deny_first : {false, true}) {
        const Decision denied = decide_both(deny_first, "source/locked-1");
        EXPECT_FALSE(denied.allowed);
        EXPECT_EQ(denied.reason, Reason::explicit_deny);
        EXPECT_EQ(denied.policy, "deny");
        EXPECT_EQ(denied.statement, 1u);
        EXPECT_EQ(describe(denied), "Statement[1] of the policy \"deny\" denies it.");
        EXPECT_TRUE(decide_both(deny_first, "source/open").allowed);
    }
    const Decision allowed = decide_both(false, "source/open");
    EXPECT_EQ(allowed.policy, "allow") << "the first that allows decides";
    EXPECT_EQ(describe(allowed), "The statement \"All\" of the policy \"allow\" allows it.");
}

TEST(Evaluate, ActionsHaveNoCaseAndWildcards) {
    const Policy policy = parsed(allow_text("Tables:*e?rch", "*"));
    EXPECT_TRUE(decide(policy, {"tables:Search", "source/a"}).allowed);
    EXPECT_TRUE(decide(policy, {"TABLES:SEARCH", "source/a"}).allowed);
    EXPECT_FALSE(decide(policy, {"tables:Write", "source/a"}).allowed);
    const std::string long_action = "s3:" + std::string(1000, 'X');
    EXPECT_TRUE(decide(parsed(allow_text("s3:xxx*", "*")), {long_action, "b/k"}).allowed);
}

TEST(Evaluate, NotActionIsEveryOtherAction) {
    const Policy policy = parsed(
        R"({"Statement":{"Effect":"Allow","NotAction":["tables:Write","tenant:*"],
                         "Resource":"*"}})");
    EXPECT_TRUE(decide(policy, {"tables:Search", "source/a"}).allowed);
    EXPECT_FALSE(decide(policy, {"tables:Write", "source/a"}).allowed);
    EXPECT_FALSE(decide(policy, {"tenant:CreateUser", "user/a"}).allowed);
}

TEST(Evaluate, ResourcesAreMatchedWithinTheirService) {
    const auto allowed = [](std::string_view resource, const Asked& asked) {
        return decide(parsed(allow_text("*", resource)), asked).allowed;
    };
    const Asked source{"tables:Search", "source/orders"};
    const Asked object{"s3:GetObject", "source/orders"};
    for (const char* resource :
         {"*", "source/orders", "source/*", "*orders", "arn:insula:tables:::source/orders",
          "arn:insula:*:::source/*", "arn:*:tables:*:*:source/orders"}) {
        EXPECT_TRUE(allowed(resource, source)) << resource;
    }
    for (const char* resource :
         {"source/order", "Source/orders", "orders", "arn:insula:graphs:::source/orders",
          "arn:aws:s3:::source/orders", "arn:aws:*:::source/orders"}) {
        EXPECT_FALSE(allowed(resource, source)) << resource;
    }
    EXPECT_TRUE(allowed("arn:aws:s3:::source/*", object));
    EXPECT_TRUE(allowed("*", object));
    EXPECT_FALSE(allowed("source/*", object)) << "short forms are Insula's own services";
    EXPECT_FALSE(allowed("arn:insula:*:::source/*", object));
    EXPECT_TRUE(allowed("source/a:b", {"tables:Search", "source/a:b"}));
    EXPECT_FALSE(allowed("source/*", {"unknown:Verb", "source/a"}));
}

TEST(Evaluate, AResourceTooLongToCompareIsDenied) {
    const Policy policy = parsed(allow_text("*", "*"));
    const Policy other =
        parsed(R"({"Statement":{"Effect":"Allow","Action":"*","NotResource":"source/b"}})");
    const std::string most(kPathBytesMax, 'a');
    const std::string more = most + "a";
    for (const Policy* one : {&policy, &other}) {
        EXPECT_TRUE(decide(*one, {"s3:GetObject", most}).allowed);
        EXPECT_FALSE(decide(*one, {"s3:GetObject", more}).allowed);
    }
}

TEST(Evaluate, NotResourceIsEveryOtherResource) {
    const Policy policy = parsed(R"({"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"*",
         "NotResource":["source/secret*","source/${aws:username}"]}]})");
    ContextTable alice;
    ASSERT_TRUE(alice.add("aws:username", "alice"));
    EXPECT_TRUE(decide(policy, {"tables:Search", "source/a"}, alice).allowed);
    EXPECT_FALSE(decide(policy, {"tables:Search", "source/secret-1"}, alice).allowed);
    EXPECT_FALSE(decide(policy, {"tables:Search", "source/alice"}, alice).allowed);
    EXPECT_FALSE(decide(policy, {"tables:Search", "source/a"}).allowed)
        << "who it is may be who is left out";
    const Policy deny = parsed(R"({"Version":"2012-10-17","Statement":[
        {"Effect":"Deny","Action":"*","NotResource":"source/${aws:username}"}]})");
    EXPECT_EQ(decide(deny, {"tables:Search", "source/a"}).reason, Reason::explicit_deny);
    EXPECT_EQ(decide(deny, {"tables:Search", "source/alice"}, alice).reason,
              Reason::no_statement_matched);
}

TEST(Evaluate, VariablesInResourcesStandForOneValue) {
    const Policy policy = parsed(
        R"({"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*",
            "Resource":"arn:aws:s3:::home/${aws:username}/*"}})");
    ContextTable alice;
    ASSERT_TRUE(alice.add("aws:username", "alice"));
    ContextTable star;
    ASSERT_TRUE(star.add("aws:username", "*"));
    EXPECT_TRUE(decide(policy, {"s3:GetObject", "home/alice/x"}, alice).allowed);
    EXPECT_FALSE(decide(policy, {"s3:GetObject", "home/bob/x"}, alice).allowed);
    EXPECT_FALSE(decide(policy, {"s3:GetObject", "home/bob/x"}, star).allowed);
    EXPECT_FALSE(decide(policy, {"s3:GetObject", "home//x"}).allowed);
    const Policy old = parsed(
        R"({"Statement":{"Effect":"Allow","Action":"s3:*",
            "Resource":"arn:aws:s3:::home/${aws:username}/*"}})");
    EXPECT_FALSE(decide(old, {"s3:GetObject", "home/alice/x"}, alice).allowed);
    EXPECT_TRUE(decide(old, {"s3:GetObject", "home/${aws:username}/x"}, alice).allowed);
}

TEST(Evaluate, StatementsOfResourcePoliciesAreAboutTheirPrincipals) {
    const Policy policy = parsed(R"({"Statement":[
        {"Effect":"Allow","Principal":{"AWS":["alice","service-account/etl"]},
         "Action":"s3:GetObject","Resource":"*"},
        {"Effect":"Allow","Principal":"*","Action":"s3:ListBucket","Resource":"*"},
        {"Effect":"Deny","NotPrincipal":{"AWS":"alice"},"Action":"s3:PutObject","Resource":"*"}]})",
                                 PolicyKind::resource);
    const auto reason = [&](std::string_view action, std::string_view principal) {
        return decide(policy, {action, "b/k", principal}).reason;
    };
    EXPECT_EQ(reason("s3:GetObject", "user/alice"), Reason::allowed);
    EXPECT_EQ(reason("s3:GetObject", "service-account/etl"), Reason::allowed);
    EXPECT_EQ(reason("s3:GetObject", "service-account/alice"), Reason::no_statement_matched);
    EXPECT_EQ(reason("s3:GetObject", ""), Reason::no_statement_matched);
    EXPECT_EQ(reason("s3:ListBucket", ""), Reason::allowed);
    EXPECT_EQ(reason("s3:PutObject", "user/alice"), Reason::no_statement_matched);
    EXPECT_EQ(reason("s3:PutObject", "user/bob"), Reason::explicit_deny);
    EXPECT_EQ(reason("s3:PutObject", ""), Reason::explicit_deny);
}

// As other systems' users have it, to the letter.
TEST(Evaluate, APolicyOfS3WorksUnedited) {
    const Policy policy = parsed(R"({
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Action": [
        "s3:GetObject",
        "s3:PutObject"
      ],
      "Resource": "arn:aws:s3:::my-bucket/restricted-prefix/*",
      "Condition": {
        "IpAddress": {
          "aws:SourceIp": "10.0.0.0/8"
        }
      }
    }
  ]
})");
    const auto allowed = [&](std::string_view action, std::string_view path,
                             std::string_view address) {
        RequestAttributes context(0);
        context.set(Key::source_ip, address);
        return decide(policy, {action, path}, context).allowed;
    };
    EXPECT_TRUE(allowed("s3:GetObject", "my-bucket/restricted-prefix/a/b", "10.1.2.3"));
    EXPECT_TRUE(allowed("s3:PutObject", "my-bucket/restricted-prefix/a", "::ffff:10.1.2.3"));
    EXPECT_FALSE(allowed("s3:DeleteObject", "my-bucket/restricted-prefix/a", "10.1.2.3"));
    EXPECT_FALSE(allowed("s3:GetObject", "my-bucket/other/a", "10.1.2.3"));
    EXPECT_FALSE(allowed("s3:GetObject", "other/restricted-prefix/a", "10.1.2.3"));
    EXPECT_FALSE(allowed("s3:GetObject", "my-bucket/restricted-prefix/a", "11.1.2.3"));
}

TEST(Evaluate, ResourcesHaveOneName) {
    EXPECT_EQ(resource_arn({.service = "tables", .path = "source/orders"}),
              "arn:insula:tables:::source/orders");
    EXPECT_EQ(resource_arn({.service = "s3", .path = "b/k:1"}), "arn:aws:s3:::b/k:1");
    EXPECT_EQ(principal_arn("user/alice"), "arn:insula:tenant:::user/alice");
    const auto read = parse_resource_arn("arn:aws:s3:::b/k:1");
    ASSERT_TRUE(read);
    EXPECT_EQ(read->service, "s3");
    EXPECT_EQ(read->path, "b/k:1");
    for (const char* bad :
         {"source/a", "arn:insula:tables:::", "arn:aws:tables:::source/a", "arn:insula:x:::a",
          "arn:aws:s3:eu::b", "arn:aws:s3::1:b", "ARN:aws:s3:::b", "arn:aws:s3:b"}) {
        const auto refused = parse_resource_arn(bad);
        ASSERT_FALSE(refused) << bad;
        EXPECT_EQ(refused.error().reason(), "invalid_resource");
    }
}

TEST(Explain, SaysOfEachStatementWhatDidNotApply) {
    const Policy policy = parsed(R"({"Version":"2012-10-17","Statement":[
        {"Sid":"Office","Effect":"Allow","Action":"tables:Search","Resource":"source/*",
         "Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"},
                      "StringNotLike":{"aws:UserAgent":"*bot*"},
                      "Bool":{"aws:SecureTransport":"true"}}},
        {"Effect":"Deny","Action":"tables:Write","Resource":"source/b"},
        {"Effect":"Allow","Action":"tables:*","Resource":"source/${aws:username}"},
        {"Effect":"Allow","Action":"*","Resource":"*"}]})");
    ContextTable context;
    ASSERT_TRUE(context.add("aws:SourceIp", "11.0.0.1"));
    ASSERT_TRUE(context.add("aws:UserAgent", "a bot"));
    const AttachedPolicy attached{.name = "mine", .policy = &policy};
    const Request request{.action = "tables:Search",
                          .resource = {.service = "tables", .path = "source/a"},
                          .principal = "user/alice",
                          .context = context};
    const Explanation explanation = explain({&attached, 1}, request);
    EXPECT_TRUE(explanation.decision.allowed);
    EXPECT_EQ(explanation.decision.statement, 3u);
    ASSERT_EQ(explanation.statements.size(), 4u);
    EXPECT_EQ(explanation.statements[0].describe(request),
              "Statement[0] \"Office\" of \"mine\" (Allow) does not apply: "
              "its Condition IpAddress on aws:SourceIp does not hold: the request has "
              "\"11.0.0.1\"; its Condition StringNotLike on aws:UserAgent does not hold: it "
              "excludes \"a bot\"; its Condition Bool on aws:SecureTransport does not hold: the "
              "request has no such key.");
    EXPECT_EQ(explanation.statements[1].describe(request),
              "Statement[1] of \"mine\" (Deny) does not apply: it is not about tables:Search; it "
              "is not about arn:insula:tables:::source/a.");
    EXPECT_EQ(explanation.statements[2].describe(request),
              "Statement[2] of \"mine\" (Allow) does not apply: the request has nothing for a "
              "variable in its Resource.");
    EXPECT_EQ(explanation.statements[3].describe(request),
              "Statement[3] of \"mine\" (Allow) applies.");
    EXPECT_FALSE(explanation.statements[0].applies());
    EXPECT_TRUE(explanation.statements[3].applies());
}

TEST(RequestAttributes, ComputesWhatItIsAskedFor) {
    RequestAttributes context(1'768'471'200'500'000'000);
    context.set(Key::username, "alice");
    context.set_secure_transport(false);
    context.add_tag(Key::request_tag, "Project", "blue");
    context.add_tag(Key::request_tag, "owner", "al");
    context.add_tag(Key::principal_tag, "team", "x");
    const auto values = [&](std::string_view key) {
        const auto found = context.values(*find_key(key));
        return std::vector<std::string_view>(found.begin(), found.end());
    };
    using Views = std::vector<std::string_view>;
    EXPECT_EQ(values("aws:CurrentTime"), Views{"2026-01-15T10:00:00Z"});
    EXPECT_EQ(values("aws:EpochTime"), Views{"1768471200"});
    EXPECT_EQ(values("aws:username"), Views{"alice"});
    EXPECT_EQ(values("aws:SecureTransport"), Views{"false"});
    EXPECT_EQ(values("aws:RequestTag/project"), Views{"blue"});
    EXPECT_EQ(values("aws:RequestTag/team"), Views{});
    EXPECT_EQ(values("aws:PrincipalTag/Team"), Views{"x"});
    EXPECT_EQ(values("aws:TagKeys"), (Views{"Project", "owner"}));
    EXPECT_EQ(values("s3:RequestObjectTagKeys"), Views{});
    EXPECT_EQ(values("aws:SourceIp"), Views{});
    const RequestAttributes before(-500'000'000);
    EXPECT_EQ(before.values(*find_key("aws:EpochTime"))[0], "-1");
}

TEST(ContextTable, RefusesUnknownKeysAndSecondValues) {
    ContextTable context;
    EXPECT_TRUE(context.add("aws:TagKeys", "a"));
    EXPECT_TRUE(context.add("aws:tagkeys", "b"));
    EXPECT_EQ(context.values(*find_key("aws:TagKeys")).size(), 2u);
    EXPECT_TRUE(context.add("aws:username", "a"));
    const auto second = context.add("AWS:username", "b");
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().reason(), "invalid_context");
    const auto unknown = context.add("aws:user", "b");
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().reason(), "invalid_context");
}

// The most that a policy of 20 KiB can ask for: each value a search through a long text.
TEST(Evaluate, PrintsWhatAHostilePolicyCosts) {
    const auto hostile = [](std::string_view value, size_t statements) {
        const size_t values =
            std::min(kValuesMax, (kPolicyBytesMax / statements - 200) / (value.size() + 3));
        std::string list;
        for (size_t i = 0; i < values; ++i) list += fmt::format("{}\"{}\"", i ? "," : "", value);
        std::string text;
        for (size_t i = 0; i < statements; ++i) {
            text += fmt::format(R"({}{{"Effect":"Deny","Action":"*","Resource":"*",)"
                                R"("Condition":{{"StringLike":{{"aws:UserAgent":[{}]}}}}}})",
                                i ? "," : "", list);
        }
        return parsed(fmt::format(R"({{"Version":"2012-10-17","Statement":[{}]}})", text));
    };
    const std::string agent(kValueBytesMax, 'a');
    const std::string prefix(kVariableBytesMax, 'a');
    RequestAttributes context(0);
    context.set(Key::user_agent, agent);
    context.set(Key::prefix, prefix);
    struct Kind {
        std::string_view what;
        std::string_view value;
    };
    const Kind kinds[] = {{"without '?'", "*aab*"},
                          {"with '?'", "*aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa?b*"},
                          {"with variables", "*?${s3:prefix}?${s3:prefix}?b*"}};
    for (const Kind& kind : kinds) {
        const Policy policy = hostile(kind.value, 10);
        const auto begin = std::chrono::steady_clock::now();
        EXPECT_EQ(decide(policy, {"tables:Search", "source/a"}, context).reason,
                  Reason::no_statement_matched);
        const std::chrono::duration<double, std::milli> took =
            std::chrono::steady_clock::now() - begin;
        fmt::print("a hostile policy {}: {:.1f} ms\n", kind.what, took.count());
    }
}

// Prints what a decision costs; it proves nothing about it.
TEST(Evaluate, PrintsWhatADecisionCosts) {
    const Policy role = parsed(R"({"Version":"2012-10-17","Statement":[
        {"Sid":"Read","Effect":"Allow","Action":["tables:Search","tables:Aggregate","tables:Get*",
         "tables:List*"],"Resource":"source/*"},
        {"Sid":"Write","Effect":"Allow","Action":["tables:Write","tables:CreateSource"],
         "Resource":["source/orders*","source/events-*"]},
        {"Sid":"Objects","Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],
         "Resource":"arn:aws:s3:::reports/*"},
        {"Sid":"Usage","Effect":"Allow","Action":"tenant:GetUsage","Resource":"*"},
        {"Sid":"Office","Effect":"Deny","Action":"*","Resource":"*",
         "Condition":{"NotIpAddress":{"aws:SourceIp":["10.0.0.0/8","2001:db8::/32"]}}}]})");
    const AttachedPolicy attached{.name = "role", .policy = &role};
    RequestAttributes context(0);
    context.set(Key::source_ip, "10.1.2.3");
    const Request request{.action = "tables:Write",
                          .resource = {.service = "tables", .path = "source/events-2026"},
                          .principal = "user/alice",
                          .context = context};
    constexpr int kRounds = 100'000;
    int allowed = 0;
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < kRounds; ++i) {
        allowed += evaluate({&attached, 1}, request).allowed ? 1 : 0;
    }
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
    EXPECT_EQ(allowed, kRounds);
    fmt::print("a decision over five statements: {:.0f} ns\n", took.count() / kRounds);
}

}  // namespace
}  // namespace insula::policy
