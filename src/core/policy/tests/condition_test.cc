// What each operator makes of a request's values, of several, and of none. Sources: AWS IAM User
// Guide, "Condition operators", "Single-valued vs. multivalued context keys", "Variables and tags".
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <initializer_list>

#include "core/policy/context_table.h"
#include "core/policy/evaluate.h"
#include "core/policy/tests/policy_text.h"

namespace insula::policy {
namespace {

using Values = std::initializer_list<std::pair<std::string_view, std::string_view>>;

// Whether a statement with this condition applies.
bool applies(std::string_view condition, Values values, std::string_view effect = "Allow") {
    const Policy policy = parsed(condition_text(condition, effect));
    ContextTable context;
    for (const auto& [key, value] : values) {
        EXPECT_TRUE(context.add(key, std::string(value))) << key;
    }
    const AttachedPolicy attached{.name = "p", .policy = &policy};
    const Request request{.action = "tables:Search",
                          .resource = {.service = "tables", .path = "source/a"},
                          .principal = "user/alice",
                          .context = context};
    return evaluate({&attached, 1}, request).reason != Reason::no_statement_matched;
}

// One operator on one key: what holds for a value, and for none.
struct OperatorCase {
    std::string_view op;
    std::string_view key;
    std::string_view policy;  // JSON
    std::string_view value;   // the request's
    bool holds;
};

void expect_all(std::initializer_list<OperatorCase> cases) {
    for (const OperatorCase& one : cases) {
        const auto with = [&](std::string_view prefix, std::string_view suffix) {
            return fmt::format(R"({{"{}{}{}":{{"{}":{}}}}})", prefix, one.op, suffix, one.key,
                               one.policy);
        };
        const std::string shown = fmt::format("{} {} of {}", one.op, one.policy, one.value);
        const Values value{{one.key, one.value}};
        EXPECT_EQ(applies(with("", ""), value), one.holds) << shown;
        EXPECT_EQ(applies(with("", "IfExists"), value), one.holds) << shown << " if it exists";
        EXPECT_EQ(applies(with("ForAllValues:", ""), value), one.holds) << shown << " for all";
        EXPECT_EQ(applies(with("ForAnyValue:", ""), value), one.holds) << shown << " for any";
        const bool negated = one.op.find("Not") != std::string_view::npos;
        EXPECT_EQ(applies(with("", ""), {}), negated) << one.op << " of a missing key";
        EXPECT_TRUE(applies(with("", "IfExists"), {})) << one.op << "IfExists of a missing key";
        EXPECT_TRUE(applies(with("ForAllValues:", ""), {})) << one.op << " for all of none";
        EXPECT_FALSE(applies(with("ForAnyValue:", ""), {})) << one.op << " for any of none";
        EXPECT_FALSE(applies(with("ForAnyValue:", "IfExists"), {})) << one.op << ", both";
    }
}

TEST(Condition, StringEquals) {
    expect_all({
        {"StringEquals", "aws:username", R"("alice")", "alice", true},
        {"StringEquals", "aws:username", R"("alice")", "Alice", false},
        {"StringEquals", "aws:username", R"(["bob","alice"])", "alice", true},
        {"StringEquals", "aws:username", R"(["bob","alice"])", "carol", false},
        {"StringEquals", "aws:username", R"("al*")", "alice", false},
        {"StringEquals", "aws:username", R"("al*")", "al*", true},
        {"StringEquals", "aws:username", R"(7)", "7", true},
        {"StringNotEquals", "aws:username", R"("alice")", "alice", false},
        {"StringNotEquals", "aws:username", R"("alice")", "bob", true},
        {"StringNotEquals", "aws:username", R"(["bob","alice"])", "alice", false},
        {"StringNotEquals", "aws:username", R"(["bob","alice"])", "carol", true},
        {"StringEqualsIgnoreCase", "aws:username", R"("aLice")", "AliCe", true},
        {"StringEqualsIgnoreCase", "aws:username", R"("alice")", "alicf", false},
        {"StringEqualsIgnoreCase", "aws:username", R"("al*")", "alice", false},
        {"StringNotEqualsIgnoreCase", "aws:username", R"("aLice")", "AliCe", false},
        {"StringNotEqualsIgnoreCase", "aws:username", R"("aLice")", "bob", true},
    });
}

TEST(Condition, StringLike) {
    expect_all({
        {"StringLike", "s3:prefix", R"("home/*")", "home/", true},
        {"StringLike", "s3:prefix", R"("home/*")", "home/a/b", true},
        {"StringLike", "s3:prefix", R"("home/*")", "Home/a", false},
        {"StringLike", "s3:prefix", R"("h?me")", "home", true},
        {"StringLike", "s3:prefix", R"(["x","h?m*"])", "homer", true},
        {"StringLike", "s3:prefix", R"("a${*}")", "a*", true},
        {"StringLike", "s3:prefix", R"("a${*}")", "ab", false},
        {"StringLike", "s3:prefix", R"("a${?}${$}")", "a?$", true},
        {"StringNotLike", "s3:prefix", R"("home/*")", "home/a", false},
        {"StringNotLike", "s3:prefix", R"(["home/*","x"])", "x", false},
        {"StringNotLike", "s3:prefix", R"(["home/*","x"])", "y", true},
    });
}

TEST(Condition, Numeric) {
    expect_all({
        {"NumericEquals", "s3:max-keys", R"("10")", "10", true},
        {"NumericEquals", "s3:max-keys", R"("10.0")", "10", true},
        {"NumericEquals", "s3:max-keys", R"(1e1)", "10", true},
        {"NumericEquals", "s3:max-keys", R"([9,11])", "10", false},
        {"NumericEquals", "s3:max-keys", R"("10")", "ten", false},
        {"NumericNotEquals", "s3:max-keys", R"([9,10])", "10", false},
        {"NumericNotEquals", "s3:max-keys", R"([9,11])", "10", true},
        {"NumericNotEquals", "s3:max-keys", R"("10")", "ten", true},
        {"NumericLessThan", "s3:max-keys", R"(10)", "10", false},
        {"NumericLessThan", "s3:max-keys", R"(10)", "9.5", true},
        {"NumericLessThan", "s3:max-keys", R"(10)", "-11", true},
        {"NumericLessThanEquals", "s3:max-keys", R"(10)", "10", true},
        {"NumericLessThanEquals", "s3:max-keys", R"(10)", "10.5", false},
        {"NumericGreaterThan", "s3:max-keys", R"(10)", "10", false},
        {"NumericGreaterThan", "s3:max-keys", R"([100,10])", "11", true},
        {"NumericGreaterThanEquals", "s3:max-keys", R"(10)", "10", true},
        {"NumericGreaterThanEquals", "s3:max-keys", R"(10)", "9", false},
        {"NumericGreaterThanEquals", "s3:max-keys", R"(10)", "11x", false},
    });
}

TEST(Condition, Date) {
    constexpr std::string_view kKey = "aws:TokenIssueTime";
    expect_all({
        {"DateEquals", kKey, R"("2026-01-15T10:00:00Z")", "2026-01-15T12:00:00+02:00", true},
        {"DateEquals", kKey, R"("2026-01-15T10:00Z")", "2026-01-15T10:00:00.000Z", true},
        {"DateEquals", kKey, R"("2026-01-15")", "2026-01-15T00:00:00Z", true},
        {"DateEquals", kKey, R"("2026-01")", "2026-01-01T00:00:00Z", true},
        {"DateEquals", kKey, R"(1768471200)", "2026-01-15T10:00:00Z", true},
        {"DateEquals", kKey, R"("2026-01-15T10:00:00Z")", "1768471200", true},
        {"DateEquals", kKey, R"("2026-01-15T10:00:00Z")", "2026-01-15T10:00:00.001Z", false},
        {"DateEquals", kKey, R"("2026-01-15T10:00:00Z")", "no date", false},
        {"DateNotEquals", kKey, R"("2026-01-15")", "2026-01-15", false},
        {"DateNotEquals", kKey, R"("2026-01-15")", "2026-01-16", true},
        {"DateLessThan", kKey, R"("2026-01-15")", "2026-01-15", false},
        {"DateLessThan", kKey, R"("2026-01-15")", "2026-01-14T23:59:59.999999999Z", true},
        {"DateLessThanEquals", kKey, R"("2026-01-15")", "2026-01-15", true},
        {"DateLessThanEquals", kKey, R"("2026-01-15")", "2026-01-16", false},
        {"DateGreaterThan", kKey, R"("2026-01-15")", "2026-01-15", false},
        {"DateGreaterThan", kKey, R"("2026-01-15")", "2026-01-15T00:00:01Z", true},
        {"DateGreaterThanEquals", kKey, R"("2026-01-15")", "2026-01-15", true},
        {"DateGreaterThanEquals", kKey, R"("2026-01-15")", "2026-01-14", false},
    });
}

TEST(Condition, Bool) {
    expect_all({
        {"Bool", "aws:SecureTransport", R"("true")", "true", true},
        {"Bool", "aws:SecureTransport", R"(true)", "True", true},
        {"Bool", "aws:SecureTransport", R"("FALSE")", "true", false},
        {"Bool", "aws:SecureTransport", R"(["true","false"])", "false", true},
        {"Bool", "aws:SecureTransport", R"("false")", "no", false},
    });
}

TEST(Condition, IpAddress) {
    constexpr std::string_view kKey = "aws:SourceIp";
    expect_all({
        {"IpAddress", kKey, R"("10.0.0.0/8")", "10.255.0.1", true},
        {"IpAddress", kKey, R"("10.0.0.0/8")", "11.0.0.1", false},
        {"IpAddress", kKey, R"("10.1.2.3/8")", "10.9.9.9", true},
        {"IpAddress", kKey, R"("203.0.113.7")", "203.0.113.7", true},
        {"IpAddress", kKey, R"("203.0.113.7")", "203.0.113.8", false},
        {"IpAddress", kKey, R"("203.0.113.8/29")", "203.0.113.15", true},
        {"IpAddress", kKey, R"("203.0.113.8/29")", "203.0.113.16", false},
        {"IpAddress", kKey, R"("0.0.0.0/0")", "8.8.8.8", true},
        {"IpAddress", kKey, R"("0.0.0.0/0")", "2001:db8::1", false},
        {"IpAddress", kKey, R"("::/0")", "8.8.8.8", false},
        {"IpAddress", kKey, R"("2001:DB8:1234:5678::/64")", "2001:db8:1234:5678:9::1", true},
        {"IpAddress", kKey, R"("2001:DB8:1234:5678::/64")", "2001:db8:1234:5679::1", false},
        {"IpAddress", kKey, R"(["203.0.113.0/24","2001:db8::/32"])", "2001:db8::7", true},
        {"IpAddress", kKey, R"("10.0.0.0/8")", "::ffff:10.1.2.3", true},
        {"IpAddress", kKey, R"("10.0.0.0/8")", "::ffff:a01:203", true},
        {"IpAddress", kKey, R"("::ffff:10.0.0.0/104")", "10.1.2.3", true},
        {"IpAddress", kKey, R"("::ffff:10.0.0.0/104")", "::ffff:11.1.2.3", false},
        {"IpAddress", kKey, R"("10.0.0.0/8")", "10.0.0.1:443", false},
        {"IpAddress", kKey, R"("10.0.0.0/8")", "010.0.0.1", false},
        {"NotIpAddress", kKey, R"("10.0.0.0/8")", "10.0.0.1", false},
        {"NotIpAddress", kKey, R"("10.0.0.0/8")", "::ffff:10.0.0.1", false},
        {"NotIpAddress", kKey, R"("10.0.0.0/8")", "11.0.0.1", true},
        {"NotIpAddress", kKey, R"(["10.0.0.0/8","11.0.0.0/8"])", "11.0.0.1", false},
        {"NotIpAddress", kKey, R"("10.0.0.0/8")", "nowhere", true},
    });
}

TEST(Condition, BinaryEquals) {
    expect_all({
        {"BinaryEquals", "s3:x-amz-acl", R"("QmluYXJ5VmFsdWVJbkJhc2U2NA==")", "BinaryValueInBase64",
         true},
        {"BinaryEquals", "s3:x-amz-acl", R"("QmluYXJ5VmFsdWVJbkJhc2U2NA==")",
         "QmluYXJ5VmFsdWVJbkJhc2U2NA==", false},
        {"BinaryEquals", "s3:x-amz-acl", R"(["YQ==","YWI="])", "ab", true},
    });
}

TEST(Condition, Arn) {
    constexpr std::string_view kKey = "aws:PrincipalArn";
    for (const std::string_view op : {"ArnEquals", "ArnLike"}) {
        expect_all({
            {op, kKey, R"("arn:insula:tenant:::user/alice")", "arn:insula:tenant:::user/alice",
             true},
            {op, kKey, R"("arn:insula:tenant:::user/*")", "arn:insula:tenant:::user/alice", true},
            {op, kKey, R"("arn:*:tenant:::user/?lice")", "arn:insula:tenant:::user/alice", true},
            {op, kKey, R"("arn:insula:tenant:::user/*")", "arn:insula:tenant:::role/a", false},
            {op, kKey, R"("arn:insula:tenant:::user/*")", "user/alice", false},
            // A wildcard stays within its part; as text this would match.
            {op, kKey, R"("arn:aws:some:*:1112:finance/*")",
             "arn:aws:some:us-east-2:9999:store/abc:1112:finance/x", false},
            {op, kKey, R"("arn:aws:some:*:9999:*finance/*")",
             "arn:aws:some:us-east-2:9999:store/abc:1112:finance/x", true},
        });
    }
    for (const std::string_view op : {"ArnNotEquals", "ArnNotLike"}) {
        expect_all({
            {op, kKey, R"("arn:insula:tenant:::user/*")", "arn:insula:tenant:::user/alice", false},
            {op, kKey, R"("arn:insula:tenant:::user/*")", "arn:insula:tenant:::role/a", true},
            {op, kKey, R"("arn:insula:tenant:::user/*")", "user/alice", true},
        });
    }
}

TEST(Condition, NullAsksWhetherThereIsAKey) {
    const Values none{};
    const Values some{{"aws:username", "a"}};
    const Values tags{{"aws:TagKeys", "a"}};
    EXPECT_TRUE(applies(R"({"Null":{"aws:username":"true"}})", none));
    EXPECT_FALSE(applies(R"({"Null":{"aws:username":"true"}})", some));
    EXPECT_FALSE(applies(R"({"Null":{"aws:username":"false"}})", none));
    EXPECT_TRUE(applies(R"({"Null":{"aws:username":false}})", some));
    EXPECT_TRUE(applies(R"({"Null":{"aws:username":["true","false"]}})", none));
    EXPECT_TRUE(applies(R"({"Null":{"aws:username":["true","false"]}})", some));
    EXPECT_TRUE(applies(R"({"Null":{"aws:TagKeys":"false"}})", tags));
    EXPECT_TRUE(applies(R"({"Null":{"aws:TagKeys":"true"}})", none));
    // So that Null keeps out what ForAllValues lets through.
    EXPECT_FALSE(applies(R"({"Null":{"aws:TagKeys":"false"}})", {{"aws:TagKeys", ""}}));
    EXPECT_TRUE(applies(R"({"Null":{"s3:prefix":"true"}})", {{"s3:prefix", ""}}));
}

struct SetCase {
    std::string_view op;
    Values tags;
    bool holds;
};

// The policy names DataClass and Owner, as in the tables of
// iam.cloudcopilot.io/resources/operators, which were made with AWS itself.
TEST(Condition, SetsOfValues) {
    constexpr std::string_view kKey = "aws:TagKeys";
    const Values none{};
    const Values both{{kKey, "DataClass"}, {kKey, "Owner"}};
    const Values one_of_them{{kKey, "DataClass"}, {kKey, "Dept"}};
    const Values another{{kKey, "Dept"}};
    const Values empty{{kKey, ""}};
    const SetCase cases[] = {
        {"ForAllValues:StringEquals", none, true},
        {"ForAllValues:StringEquals", both, true},
        {"ForAllValues:StringEquals", one_of_them, false},
        {"ForAllValues:StringEquals", another, false},
        {"ForAllValues:StringEquals", empty, true},
        {"ForAnyValue:StringEquals", none, false},
        {"ForAnyValue:StringEquals", both, true},
        {"ForAnyValue:StringEquals", one_of_them, true},
        {"ForAnyValue:StringEquals", another, false},
        {"ForAnyValue:StringEquals", empty, false},
        {"ForAllValues:StringNotEquals", none, true},
        {"ForAllValues:StringNotEquals", both, false},
        {"ForAllValues:StringNotEquals", one_of_them, false},
        {"ForAllValues:StringNotEquals", another, true},
        {"ForAllValues:StringNotEquals", empty, true},
        {"ForAnyValue:StringNotEquals", none, false},
        {"ForAnyValue:StringNotEquals", both, false},
        {"ForAnyValue:StringNotEquals", one_of_them, true},
        {"ForAnyValue:StringNotEquals", another, true},
        {"ForAnyValue:StringNotEquals", empty, false},
        {"ForAllValues:StringEqualsIfExists", none, true},
        {"ForAnyValue:StringEqualsIfExists", none, false},
        {"ForAnyValue:StringNotEqualsIfExists", none, false},
        {"ForAllValues:StringLike", both, true},
        {"ForAnyValue:StringNotLike", both, false},
    };
    for (const SetCase& one : cases) {
        const std::string condition =
            fmt::format(R"({{"{}":{{"aws:TagKeys":["DataClass","Owner"]}}}})", one.op);
        std::string shown;
        for (const auto& [key, value] : one.tags) shown += fmt::format(" \"{}\"", value);
        EXPECT_EQ(applies(condition, one.tags), one.holds) << one.op << " of" << shown;
        EXPECT_EQ(applies(condition, one.tags, "Deny"), one.holds) << one.op << " of" << shown;
    }
}

TEST(Condition, OperatorsAndKeysAreAllAskedFor) {
    constexpr std::string_view kCondition =
        R"({"StringEquals":{"aws:username":"a","s3:prefix":"p"},
            "Bool":{"aws:SecureTransport":true}})";
    EXPECT_TRUE(applies(
        kCondition, {{"aws:username", "a"}, {"s3:prefix", "p"}, {"aws:SecureTransport", "true"}}));
    EXPECT_FALSE(applies(
        kCondition, {{"aws:username", "a"}, {"s3:prefix", "q"}, {"aws:SecureTransport", "true"}}));
    EXPECT_FALSE(applies(
        kCondition, {{"aws:username", "a"}, {"s3:prefix", "p"}, {"aws:SecureTransport", "false"}}));
    EXPECT_TRUE(applies("{}", {}));
}

TEST(Condition, KeysHaveNoCase) {
    EXPECT_TRUE(applies(R"({"StringEquals":{"AWS:UserName":"a"}})", {{"aws:username", "a"}}));
    EXPECT_TRUE(applies(R"({"StringEquals":{"aws:requesttag/PROJECT":"a"}})",
                        {{"aws:RequestTag/project", "a"}}));
    EXPECT_FALSE(applies(R"({"StringEquals":{"aws:RequestTag/other":"a"}})",
                         {{"aws:RequestTag/project", "a"}}));
}

TEST(Condition, VariablesStandForTheirValues) {
    constexpr std::string_view kUser =
        R"({"ArnLike":{"aws:PrincipalArn":"arn:*:tenant:::user/${aws:username}"}})";
    constexpr std::string_view kLike = R"({"StringLike":{"s3:prefix":"home/${aws:username}/*"}})";
    EXPECT_TRUE(applies(kLike, {{"aws:username", "al"}, {"s3:prefix", "home/al/x"}}));
    EXPECT_FALSE(applies(kLike, {{"aws:username", "al"}, {"s3:prefix", "home/bo/x"}}));
    EXPECT_FALSE(applies(kLike, {{"aws:username", "*"}, {"s3:prefix", "home/bo/x"}}))
        << "a wildcard in a value is text";
    EXPECT_TRUE(applies(kLike, {{"aws:username", "*"}, {"s3:prefix", "home/*/x"}}));
    EXPECT_FALSE(applies(kLike, {{"s3:prefix", "home//x"}})) << "nobody has no home";
    EXPECT_TRUE(applies(R"({"StringEqualsIgnoreCase":{"s3:prefix":"HOME/${aws:username}"}})",
                        {{"aws:username", "Al"}, {"s3:prefix", "home/aL"}}));
    EXPECT_TRUE(applies(
        kUser, {{"aws:username", "a:b"}, {"aws:PrincipalArn", "arn:insula:tenant:::user/a:b"}}));
    EXPECT_FALSE(applies(R"({"ArnEquals":{"aws:PrincipalArn":"arn:${aws:username}:x:::y"}})",
                         {{"aws:username", "a:b"}, {"aws:PrincipalArn", "arn:a:b:x:::y"}}))
        << "a colon in a value begins no part";
}

TEST(Condition, VariablesHaveDefaults) {
    constexpr std::string_view kCondition =
        R"({"StringEquals":{"s3:prefix":"${aws:username, 'anonymous'}"}})";
    EXPECT_TRUE(applies(kCondition, {{"s3:prefix", "anonymous"}}));
    EXPECT_TRUE(applies(kCondition, {{"s3:prefix", "al"}, {"aws:username", "al"}}));
    EXPECT_FALSE(applies(kCondition, {{"s3:prefix", "anonymous"}, {"aws:username", "al"}}));
    EXPECT_TRUE(
        applies(R"({"StringLike":{"s3:prefix":"${aws:username,''}"}})", {{"s3:prefix", ""}}));
}

TEST(Condition, AVariableOfALongValueIsUnresolved) {
    constexpr std::string_view kCondition =
        R"({"StringLike":{"s3:prefix":"${aws:UserAgent, 'x'}*"}})";
    const std::string most(kVariableBytesMax, 'a');
    const std::string more = most + "a";
    EXPECT_TRUE(applies(kCondition, {{"s3:prefix", most}, {"aws:UserAgent", most}}));
    EXPECT_FALSE(applies(kCondition, {{"s3:prefix", more}, {"aws:UserAgent", more}}));
    EXPECT_FALSE(applies(kCondition, {{"s3:prefix", "x"}, {"aws:UserAgent", more}}))
        << "the default is for requests without the key";
}

TEST(Condition, AValueTooLongToCompareFailsSafe) {
    const std::string most(kValueBytesMax, 'a');
    const std::string more = most + "a";
    for (const char* condition :
         {R"({"StringLike":{"aws:UserAgent":"a*"}})", R"({"StringNotLike":{"aws:UserAgent":"b*"}})",
          R"({"ForAllValues:StringLike":{"aws:UserAgent":"a*"}})",
          R"({"ForAnyValue:StringNotLike":{"aws:UserAgent":"b*"}})"}) {
        EXPECT_TRUE(applies(condition, {{"aws:UserAgent", most}}, "Allow")) << condition;
        EXPECT_FALSE(applies(condition, {{"aws:UserAgent", more}}, "Allow")) << condition;
    }
    for (const char* condition : {R"({"StringLike":{"aws:UserAgent":"b*"}})",
                                  R"({"StringNotLike":{"aws:UserAgent":"a*"}})"}) {
        EXPECT_FALSE(applies(condition, {{"aws:UserAgent", most}}, "Deny")) << condition;
        EXPECT_TRUE(applies(condition, {{"aws:UserAgent", more}}, "Deny")) << condition;
    }
}

// An unknown value may be the very one that is left out: it never widens an Allow, and never
// narrows a Deny.
TEST(Condition, AnUnresolvedVariableFailsSafe) {
    constexpr std::string_view kNegated =
        R"({"StringNotEquals":{"s3:prefix":["x","${aws:username}"]}})";
    EXPECT_FALSE(applies(kNegated, {{"s3:prefix", "p"}}, "Allow"));
    EXPECT_TRUE(applies(kNegated, {{"s3:prefix", "p"}}, "Deny"));
    EXPECT_FALSE(applies(kNegated, {{"s3:prefix", "x"}}, "Deny"));
    EXPECT_TRUE(applies(kNegated, {{"s3:prefix", "p"}, {"aws:username", "a"}}, "Allow"));
    constexpr std::string_view kPositive =
        R"({"StringEquals":{"s3:prefix":["x","${aws:username}"]}})";
    EXPECT_TRUE(applies(kPositive, {{"s3:prefix", "x"}}, "Allow"));
    EXPECT_FALSE(applies(kPositive, {{"s3:prefix", "p"}}, "Deny"));
}

}  // namespace
}  // namespace insula::policy
