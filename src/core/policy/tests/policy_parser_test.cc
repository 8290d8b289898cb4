#include <gtest/gtest.h>

#include <fmt/format.h>

#include "core/policy/policy.h"
#include "core/policy/tests/policy_text.h"

namespace insula::policy {
namespace {

struct Refusal {
    std::string_view text;
    std::string_view message;    // a part of it
    std::string_view hint = "";  // a part of it
    PolicyKind kind = PolicyKind::identity;
};

void expect_refused(const Refusal& refusal) {
    const auto policy = Policy::parse(refusal.text, refusal.kind);
    ASSERT_FALSE(policy) << refusal.text;
    const Error& error = policy.error();
    EXPECT_EQ(error.code(), Code::invalid_argument) << error.describe();
    EXPECT_EQ(error.reason(), "invalid_policy") << error.describe();
    EXPECT_NE(error.message().find(refusal.message), std::string_view::npos)
        << error.message() << "\n  of " << refusal.text;
    EXPECT_NE(error.hint().find(refusal.hint), std::string_view::npos)
        << "the hint is: " << error.hint() << "\n  of " << refusal.text;
    if (refusal.hint.empty()) return;
    EXPECT_FALSE(error.hint().empty());
}

TEST(PolicyParser, ReadsEveryElement) {
    const Policy policy = parsed(R"({
        "Version": "2012-10-17", "Id": "reports",
        "Statement": [
            {"Sid": "Read", "Effect": "Allow", "Action": ["tables:Search", "tables:Get*"],
             "Resource": ["source/a", "arn:insula:tables:::source/b"],
             "Condition": {"Bool": {"aws:SecureTransport": true},
                           "NumericLessThan": {"s3:max-keys": [10, "20", 2.5]}}},
            {"Effect": "Deny", "NotAction": "*", "NotResource": "*"}]})");
    EXPECT_EQ(policy.id(), "reports");
    ASSERT_EQ(policy.statements().size(), 2u);
    const Statement& first = policy.statements()[0];
    EXPECT_EQ(first.sid, "Read");
    EXPECT_EQ(first.effect, Effect::allow);
    EXPECT_EQ(first.actions.patterns.size(), 2u);
    EXPECT_EQ(first.resources.patterns.size(), 2u);
    ASSERT_EQ(first.conditions.size(), 2u);
    EXPECT_EQ(first.conditions[1].written_key(), "s3:max-keys");
    const Statement& second = policy.statements()[1];
    EXPECT_EQ(second.effect, Effect::deny);
    EXPECT_TRUE(second.actions.negated);
    EXPECT_TRUE(second.resources.negated);
    EXPECT_TRUE(second.resources.patterns[0].everything);
}

TEST(PolicyParser, ReadsTheSameWithoutListsAroundOneThing) {
    const Policy policy = parsed(allow_text("tables:Search", "source/a"));
    ASSERT_EQ(policy.statements().size(), 1u);
    EXPECT_EQ(policy.statements()[0].actions.patterns.size(), 1u);
}

TEST(PolicyParser, ReadsPrincipalsByNamePathAndArn) {
    const Policy policy = parsed(R"({"Statement":[
        {"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"},
        {"Effect":"Allow","Principal":{"AWS":"*"},"Action":"*","Resource":"*"},
        {"Effect":"Allow","Principal":{"AWS":["alice","service-account/etl",
          "arn:insula:tenant:::user/bob"]},"Action":"*","Resource":"*"},
        {"Effect":"Deny","NotPrincipal":{"AWS":"alice"},"Action":"*","Resource":"*"}]})",
                                 PolicyKind::resource);
    EXPECT_TRUE(policy.statements()[0].principals.everybody);
    EXPECT_TRUE(policy.statements()[1].principals.everybody);
    EXPECT_EQ(policy.statements()[2].principals.names,
              (std::vector<std::string>{"user/alice", "service-account/etl", "user/bob"}));
    EXPECT_TRUE(policy.statements()[3].principals.negated);
}

TEST(PolicyParser, RefusesWhatIsNoPolicy) {
    const Refusal refusals[] = {
        {"[]", "The policy must be an object; it is an array."},
        {"{}", "The policy has no Statement."},
        {R"({"Statement":[]})", "Statement has no statement."},
        {R"({"Statement":"x"})", "Statement must be an object; it is a string."},
        {R"({"Statement":[1]})", "Statement[0] must be an object; it is an integer."},
        {R"({"Statment":[]})", "The policy has the unknown element \"Statment\".", "\"Statement\""},
        {R"({"Version":"2012-10-18","Statement":[]})", "Version is \"2012-10-18\"", "2012-10-17"},
        {R"({"Version":2012,"Statement":[]})", "Version must be a string; it is an integer."},
        {R"({"Id":7,"Statement":[]})", "Id must be a string"},
    };
    for (const Refusal& refusal : refusals) expect_refused(refusal);
}

TEST(PolicyParser, RefusesAnUnknownOrMissingElementOfAStatement) {
    const Refusal refusals[] = {
        {R"({"Statement":[{}]})", "Statement[0] has no Effect"},
        {R"({"Statement":{}})", "Statement has no Effect"},
        {R"({"Statement":[{"Effect":"Allow"}]})", "Statement[0] has neither Action nor NotAction."},
        {R"({"Statement":[{"Effect":"Allow","Action":"*"}]})",
         "Statement[0] has neither Resource nor NotResource."},
        {R"({"Statement":[{"Effect":"Allow","Action":"*","NotAction":"*","Resource":"*"}]})",
         "has both Action and NotAction"},
        {R"({"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","NotResource":"*"}]})",
         "has both Resource and NotResource"},
        {R"({"Statement":[{"Efect":"Allow"}]})", "has the unknown element \"Efect\"", "\"Effect\""},
        {R"({"Statement":[{"effect":"Allow"}]})", "the unknown element \"effect\"", "\"Effect\""},
        {R"({"Statement":[{"Frobnicate":1}]})", "unknown element \"Frobnicate\"", "Elements: Sid"},
        {R"({"Statement":[{"Effect":"allow","Action":"*","Resource":"*"}]})",
         "Statement[0].Effect is \"allow\"; it must be \"Allow\" or \"Deny\".", "\"Allow\""},
        {R"({"Statement":[{"Effect":"Dent"}]})", "Effect is \"Dent\"", "\"Deny\""},
        {R"({"Statement":[{"Sid":"a/b"}]})", "Statement[0].Sid may hold"},
        {R"({"Statement":[{"Sid":"A","Effect":"Allow","Action":"*","Resource":"*"},
                          {"Sid":"A","Effect":"Allow","Action":"*","Resource":"*"}]})",
         "Statement[1] has the Sid \"A\" of another one."},
    };
    for (const Refusal& refusal : refusals) expect_refused(refusal);
}

TEST(PolicyParser, RefusesAnActionThatStandsForNone) {
    const std::pair<std::string_view, Refusal> refusals[] = {
        {"tables", {"", "Statement.Action is \"tables\"; an action is written \"service:Verb\"."}},
        {"tabels:Write", {"", "names the unknown service \"tabels\"", "\"tables\""}},
        {"zzz:Write", {"", "names the unknown service \"zzz\"", "Services: tables"}},
        {"tab*:Write", {"", "unknown service \"tab*\""}},
        {"tables:Wrote", {"", "\"tables:Wrote\", which stands for no action", "\"tables:Write\""}},
        {"tables:X*", {"", "stands for no action of tables", "Actions: Write"}},
        {"tables:", {"", "has no verb"}},
        {"s3:", {"", "has no verb"}},
        {"", {"", "\"service:Verb\""}},
        {"s3:*aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa?*",
         {"", "'?' in a piece of more than 64 bytes"}},
    };
    for (const auto& [action, refusal] : refusals) {
        Refusal whole = refusal;
        const std::string text = allow_text(action, "*");
        whole.text = text;
        expect_refused(whole);
    }
    expect_refused({R"({"Statement":[{"Effect":"Allow","Action":[],"Resource":"*"}]})",
                    "Statement[0].Action is empty"});
    expect_refused({R"({"Statement":[{"Effect":"Allow","Action":["*",1],"Resource":"*"}]})",
                    "Statement[0].Action[1] must be a string; it is an integer."});
    expect_refused({R"({"Statement":[{"Effect":"Allow","Action":{},"Resource":"*"}]})",
                    "Statement[0].Action must be a string; it is an object."});
}

TEST(PolicyParser, AcceptsActionsOfAnyCaseAndAnyVerbOfS3) {
    for (const char* action : {"TABLES:wRITE", "s3:GetObject", "s3:AnythingNew", "*", "*:*",
                               "tables:*", "tables:?rite", "graphs:Traverse"}) {
        parsed(allow_text(action, "*"));
    }
}

TEST(PolicyParser, RefusesAResourceThatStandsForNone) {
    const std::pair<std::string_view, Refusal> refusals[] = {
        {"", {"", "Statement.Resource is empty"}},
        {"arn:aws:s3", {"", "must be an ARN with six parts"}},
        {"arn:aws:s3:::", {"", "ends before its path"}},
        {"arn:aws:ec2:::instance/x", {"", "names no service", "arn:aws:s3:::"}},
        {"arn:aws:tables:::source/x", {"", "names no service"}},
        {"arn:aws:s3:us-east-1::b/k", {"", "names a region or an account"}},
        {"arn:aws:s3::123456789012:b/k", {"", "names a region or an account"}},
        {"arn:aws:${aws:username}:::b/k", {"", "has a variable before the fifth colon"}},
        {"source/${aws:usernam}", {"", "has the variable ${aws:usernam}", "aws:username"}},
        {"source/${aws:username", {"", "has \"${\" without \"}\""}},
        {"source/${aws:TagKeys}", {"", "a key with several values is no variable"}},
        {"source/${aws:username, anonymous}", {"", "does not stand in single quotes"}},
    };
    for (const auto& [resource, refusal] : refusals) {
        Refusal whole = refusal;
        const std::string text = allow_text("*", resource);
        whole.text = text;
        expect_refused(whole);
    }
    const std::string short_s3 = allow_text("s3:GetObject", "bucket/*");
    expect_refused({short_s3, "Statement has a Resource without \"arn:\""});
}

TEST(PolicyParser, RefusesAPrincipalThatIsNone) {
    const auto with = [](std::string_view principal) {
        return fmt::format(R"({{"Statement":[{{"Effect":"Allow","Principal":{},"Action":"*",)"
                           R"("Resource":"*"}}]}})",
                           principal);
    };
    const std::pair<std::string_view, std::string_view> refusals[] = {
        {R"("alice")", "Statement[0].Principal must be \"*\" or {\"AWS\": …}."},
        {R"({})", "names nobody"},
        {R"({"Service":"s3.amazonaws.com"})", "has \"Service\""},
        {R"({"AWS":[]})", "Principal.AWS is empty"},
        {R"({"AWS":"ali*"})", "is \"ali*\"; a principal is \"*\""},
        {R"({"AWS":"arn:aws:iam::123456789012:root"})", "no principal of Insula"},
        {R"({"AWS":["alice",""]})", "Principal.AWS[1] is empty"},
    };
    for (const auto& [principal, message] : refusals) {
        const std::string text = with(principal);
        expect_refused({.text = text, .message = message, .kind = PolicyKind::resource});
    }
    const std::string good = with(R"("*")");
    expect_refused({good, "has a principal, which only policies of resources have"});
    const std::string without = allow_text("*", "*");
    expect_refused({.text = without,
                    .message = "has neither Principal nor NotPrincipal",
                    .kind = PolicyKind::resource});
    expect_refused({.text = R"({"Statement":[{"Effect":"Allow","NotPrincipal":{"AWS":"alice"},
                                "Action":"*","Resource":"*"}]})",
                    .message = "has NotPrincipal with \"Allow\"",
                    .kind = PolicyKind::resource});
}

TEST(PolicyParser, RefusesAConditionThatCannotBeRead) {
    const std::pair<std::string_view, Refusal> refusals[] = {
        {R"([])", {"", "Statement.Condition must be an object of operators; it is an array."}},
        {R"({"IpAdress":{"aws:SourceIp":"10.0.0.0/8"}})",
         {"", "Condition has the unknown operator \"IpAdress\".", "\"IpAddress\""}},
        {R"({"ForAllValue:StringLike":{"aws:TagKeys":"a"}})",
         {"", "unknown operator", "\"ForAllValues:StringLike\""}},
        {R"({"ForAnyValue:StringLikeIfExist":{"aws:TagKeys":"a"}})",
         {"", "unknown operator", "\"ForAnyValue:StringLikeIfExists\""}},
        {R"({"stringequals":{"aws:username":"a"}})", {"", "unknown operator", "StringEquals"}},
        {R"({"NullIfExists":{"aws:username":"true"}})", {"", "takes neither IfExists"}},
        {R"({"ForAllValues:Null":{"aws:TagKeys":"true"}})", {"", "takes neither IfExists"}},
        {R"({"StringEquals":"x"})", {"", "Condition.StringEquals must be an object"}},
        {R"({"StringEquals":{}})", {"", "Condition.StringEquals names no key."}},
        {R"({"StringEquals":{"aws:SorceIp":"x"}})",
         {"", "Condition.StringEquals names the unknown key \"aws:SorceIp\".", "aws:SourceIp"}},
        {R"({"StringEquals":{"insula:Zzzzzzzzzzzzzz":"x"}})",
         {"", "names the unknown key", "Keys: insula:TenantId"}},
        {R"({"StringEquals":{"zzz":"x"}})", {"", "unknown key \"zzz\"", "Keys begin with"}},
        {R"({"StringEquals":{"aws:RequestTag/":"x"}})", {"", "unknown key \"aws:RequestTag/\""}},
        {R"({"StringEquals":{"aws:TagKeys":"x"}})", {"", "say \"ForAllValues:StringEquals\""}},
        {R"({"StringEquals":{"aws:username":"x","AWS:UserName":"y"}})", {"", "stands twice"}},
        {R"({"StringEquals":{"aws:username":[]}})", {"", "StringEquals.aws:username is empty"}},
        {R"({"StringEquals":{"aws:username":null}})", {"", "must be a string, a number"}},
        {R"({"StringEquals":{"aws:username":["a",["b"]]}})", {"", "aws:username[1] must be"}},
        {R"({"NumericEquals":{"s3:max-keys":"ten"}})",
         {"", "Condition.NumericEquals.s3:max-keys must be a number."}},
        {R"({"NumericEquals":{"s3:max-keys":"NaN"}})", {"", "must be a number"}},
        {R"({"NumericEquals":{"s3:max-keys":true}})", {"", "must be a number"}},
        {R"({"DateEquals":{"aws:CurrentTime":"tomorrow"}})", {"", "must be a date"}},
        {R"({"DateEquals":{"aws:CurrentTime":"2026-13-01"}})", {"", "must be a date"}},
        {R"({"Bool":{"aws:SecureTransport":"yes"}})", {"", "must be \"true\" or \"false\""}},
        {R"({"Null":{"aws:username":"maybe"}})", {"", "must be \"true\" or \"false\""}},
        {R"({"IpAddress":{"aws:SourceIp":["10.0.0.0/8","10.0.0.0/33"]}})",
         {"", "Condition.IpAddress.aws:SourceIp[1] must be an address or range"}},
        {R"({"IpAddress":{"aws:SourceIp":"10.0.0.256"}})", {"", "must be an address or range"}},
        {R"({"BinaryEquals":{"aws:username":"a b"}})", {"", "must be base64"}},
        {R"({"ArnLike":{"aws:PrincipalArn":"user/alice"}})", {"", "an ARN with six parts"}},
    };
    for (const auto& [condition, refusal] : refusals) {
        Refusal whole = refusal;
        const std::string text = condition_text(condition);
        whole.text = text;
        expect_refused(whole);
    }
}

TEST(PolicyParser, RefusesWhatIsNoJsonAndDuplicateKeys) {
    const std::pair<std::string_view, std::string_view> refusals[] = {
        {R"({"Statement":[)", "malformed_json"},
        {R"({"Statement":[],"Statement":[]})", "duplicate_key"},
        {R"({"Statement":[{"Effect":"Allow","Effect":"Deny"}]})", "duplicate_key"},
        {R"([[[[[[[[[[]]]]]]]]]])", "too_deep"},
        {"{\"Id\":\"\xff\"}", "invalid_utf8"},
    };
    for (const auto& [text, reason] : refusals) {
        const auto policy = Policy::parse(text, PolicyKind::identity);
        ASSERT_FALSE(policy) << text;
        EXPECT_EQ(policy.error().reason(), reason) << text;
    }
}

std::string repeated(std::string_view item, size_t count) {
    std::string text;
    for (size_t i = 0; i < count; ++i) {
        if (i > 0) text += ',';
        text += item;
    }
    return text;
}

TEST(PolicyParser, HoldsEveryLimit) {
    const std::string bytes(kPolicyBytesMax + 1, ' ');
    const auto too_large = Policy::parse(bytes, PolicyKind::identity);
    ASSERT_FALSE(too_large);
    EXPECT_EQ(too_large.error().code(), Code::payload_too_large);

    constexpr std::string_view kStatement = R"({"Effect":"Allow","Action":"*","Resource":"*"})";
    const auto statements = [&](size_t count) {
        return fmt::format(R"({{"Statement":[{}]}})", repeated(kStatement, count));
    };
    parsed(statements(kStatementsMax));
    expect_refused({statements(kStatementsMax + 1), "Statement has 101 statements; at most 100"});

    const auto actions = [](size_t count) {
        return fmt::format(R"({{"Statement":{{"Effect":"Allow","Action":[{}],"Resource":"*"}}}})",
                           repeated("\"*\"", count));
    };
    parsed(actions(kActionsMax));
    expect_refused({actions(kActionsMax + 1), "Statement.Action has 201 items; at most 200"});

    const auto values = [](size_t count) {
        return condition_text(
            fmt::format(R"({{"StringEquals":{{"aws:username":[{}]}}}})", repeated("\"a\"", count)));
    };
    parsed(values(kValuesMax));
    expect_refused({values(kValuesMax + 1), "aws:username has 201 items; at most 200"});

    const auto resource = [](size_t size) { return allow_text("*", std::string(size, 'a')); };
    parsed(resource(kTextBytesMax));
    expect_refused({resource(kTextBytesMax + 1), "Statement.Resource has 2049 bytes"});

    const auto keys = [](size_t count) {
        std::string text;
        for (size_t i = 0; i < count; ++i) {
            text += fmt::format("{}\"aws:RequestTag/{}\":\"a\"", i > 0 ? "," : "", i);
        }
        return condition_text(fmt::format(R"({{"StringEquals":{{{}}}}})", text));
    };
    parsed(keys(kConditionsMax));
    expect_refused({keys(kConditionsMax + 1), "is one condition too many"});

    std::string variables;
    for (size_t i = 0; i < kVariablesMax; ++i) variables += "${aws:username}";
    parsed(allow_text("*", variables));
    const std::string more = allow_text("*", variables + "${aws:username}");
    expect_refused({more, "has more than 16 variables"});
}

TEST(PolicyParser, VariablesAreTextBeforeTheVersionThatHasThem) {
    for (const char* version : {R"("Version":"2008-10-17",)", ""}) {
        const std::string text = fmt::format(
            R"({{{}"Statement":{{"Effect":"Allow","Action":"*","Resource":"source/${{x"}}}})",
            version);
        const Policy policy = parsed(text);
        EXPECT_FALSE(policy.statements()[0].resources.patterns[0].path.has_variables());
    }
}

TEST(PolicyParser, ShowsOnlyTheBeginningOfALongText) {
    const std::string text(5000, 'y');
    const std::string tag = "aws:RequestTag/" + std::string(kTagBytesMax, 'y');
    const std::string refusals[] = {
        allow_text(text.substr(0, kActionBytesMax - 2) + ":Z", "*"),
        allow_text("*", "*", fmt::format(R"(,"{}":1)", text)),
        allow_text("*", "${" + text.substr(0, 2000) + "}"),
        allow_text("*", "arn:" + text.substr(0, 2000) + ":::::"),
        fmt::format(R"({{"Version":"{}","Statement":[]}})", text.substr(0, kTextBytesMax)),
        fmt::format(R"({{"{}":[]}})", text),
        condition_text(fmt::format(R"({{"{}":{{}}}})", text)),
        condition_text(fmt::format(R"({{"StringEquals":{{"{}":1}}}})", text)),
        condition_text(fmt::format(R"({{"StringEquals":{{"{}y":1}}}})", tag)),
        condition_text(fmt::format(R"({{"StringEquals":{{"{}":[]}}}})", tag)),
    };
    for (const std::string& refusal : refusals) {
        const auto policy = Policy::parse(refusal, PolicyKind::identity);
        ASSERT_FALSE(policy) << refusal;
        EXPECT_LT(policy.error().message().size(), 700u) << policy.error().message();
    }
    parsed(condition_text(fmt::format(R"({{"StringEquals":{{"{}":1}}}})", tag)));
}

}  // namespace
}  // namespace insula::policy
