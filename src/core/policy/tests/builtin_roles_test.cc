#include "core/policy/builtin_roles.h"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include <map>

#include "core/policy/context_table.h"
#include "core/policy/evaluate.h"
#include "core/policy/vocabulary.h"

namespace insula::policy {
namespace {

bool may(const Policy& role, std::string_view action, std::string_view path) {
    const ContextTable context;
    const AttachedPolicy attached{.name = "role", .policy = &role};
    return evaluate({&attached, 1}, {.action = action,
                                     .resource = resource_of(action, path),
                                     .principal = "user/alice",
                                     .context = context})
        .allowed;
}

Policy role(std::string_view name) {
    const BuiltinRole* found = find_builtin_role(name);
    EXPECT_NE(found, nullptr) << name;
    auto policy = parse_role(*found);
    EXPECT_TRUE(policy) << (policy ? "" : policy.error().describe());
    return *std::move(policy);
}

struct Row {
    std::string_view action;
    std::string_view path;
    std::string_view roles;  // the initials of those that may
};

TEST(BuiltinRoles, MayWhatTheirDescriptionsSay) {
    const Row rows[] = {
        {"tables:Search", "source/a", "oawr"},
        {"tables:Aggregate", "source/a", "oawr"},
        {"tables:GetSourceStats", "source/a", "oawr"},
        {"tables:GetTenantStats", "tenant", "oawr"},
        {"tables:ListSources", "source/*", "oawr"},
        {"tables:Write", "source/a", "oaw"},
        {"tables:CreateSource", "source/a", "oaw"},
        {"tables:DeleteSource", "source/a", "oa"},
        {"s3:GetObject", "bucket/key", "oawr"},
        {"s3:ListBucket", "bucket", "oawr"},
        {"s3:PutObject", "bucket/key", "oaw"},
        {"s3:DeleteObject", "bucket/key", "oaw"},
        {"s3:PutBucketPolicy", "bucket", "oa"},
        {"s3:DeleteBucket", "bucket", "oa"},
        {"s3:BypassGovernanceRetention", "bucket/key", "oa"},
        {"s3:PutObjectRetention", "bucket/key", "oa"},
        {"graphs:Traverse", "graph", "oawr"},
        {"graphs:WriteEdge", "graph", "oaw"},
        {"relational:SelectRows", "table/a", "oawr"},
        {"relational:InsertRows", "table/a", "oaw"},
        {"relational:CreateTable", "table/a", "oa"},
        {"tenant:CreateUser", "user/bob", "oa"},
        {"tenant:PutPolicy", "policy/p", "oa"},
        {"tenant:SearchAudit", "audit", "oau"},
        {"tenant:ExportAudit", "audit", "oau"},
        {"tenant:VerifyAudit", "audit", "oau"},
        {"tenant:GetUsage", "usage", "oau"},
        {"tenant:GetQuota", "quota", "oawru"},
        {"tenant:TransferOwnership", "tenant", "o"},
        {"tenant:RemoveTenant", "tenant", "o"},
        {"node:GetHealth", "node", ""},
        {"node:RemoveTenant", "tenant/a", ""},
    };
    const std::map<char, std::string_view> names{
        {'o', "owner"}, {'a', "admin"}, {'w', "writer"}, {'r', "reader"}, {'u', "auditor"}};
    EXPECT_EQ(builtin_roles().size(), names.size());
    for (const auto& [initial, name] : names) {
        const Policy policy = role(name);
        for (const Row& row : rows) {
            EXPECT_EQ(may(policy, row.action, row.path),
                      row.roles.find(initial) != std::string_view::npos)
                << name << ": " << row.action << " on " << row.path;
        }
    }
}

// What is added to the vocabulary falls to owner and admin alone, until a role names it.
TEST(BuiltinRoles, OnlyThePlatformHasActionsOfTheNode) {
    for (const BuiltinRole& builtin : builtin_roles()) {
        const Policy policy = role(builtin.name);
        for (const Service& service : services()) {
            for (const std::string_view verb : service.verbs) {
                const std::string action = fmt::format("{}:{}", service.name, verb);
                const bool administers = builtin.name == "owner" || builtin.name == "admin";
                if (service.name == "node") {
                    EXPECT_FALSE(may(policy, action, "x")) << builtin.name << " " << action;
                } else if (builtin.name == "owner") {
                    EXPECT_TRUE(may(policy, action, "x")) << action;
                } else if (!administers && service.name == "tenant") {
                    const bool reads =
                        verb.starts_with("Get") || verb.ends_with("Audit") || verb == "CheckQuota";
                    if (!reads) EXPECT_FALSE(may(policy, action, "x")) << builtin.name << action;
                }
            }
        }
    }
}

// `admin` has all but what it names, so that a service which is not the tenant's must be named
// there.
TEST(BuiltinRoles, ANewServiceIsGivenToRolesOrKeptFromThem) {
    std::vector<std::string_view> names;
    for (const Service& service : services()) names.push_back(service.name);
    EXPECT_EQ(names, (std::vector<std::string_view>{"tables", "s3", "graphs", "relational",
                                                    "tenant", "node"}));
}

TEST(BuiltinRoles, AnUnknownOneIsNone) { EXPECT_EQ(find_builtin_role("root"), nullptr); }

TEST(Vocabulary, KnowsItsWords) {
    EXPECT_TRUE(is_action("tables:Write"));
    EXPECT_TRUE(is_action("TABLES:write"));
    EXPECT_TRUE(is_action("s3:AnyThing"));
    EXPECT_FALSE(is_action("tables:Wrote"));
    EXPECT_FALSE(is_action("tables"));
    EXPECT_FALSE(is_action("s3:"));
    EXPECT_FALSE(is_action("ec2:RunInstances"));
    for (const KeyInfo& info : condition_keys()) {
        const std::string name = std::string(info.name) + (info.family() ? "Tag" : "");
        const auto found = find_key(name);
        ASSERT_TRUE(found) << name;
        EXPECT_EQ(found->key, info.key) << name;
        EXPECT_EQ(found->tag, info.family() ? "tag" : "");
    }
    EXPECT_FALSE(find_key("aws:RequestTag/"));
    EXPECT_FALSE(find_key("aws:RequestTag"));
    EXPECT_FALSE(find_key(""));
}

}  // namespace
}  // namespace insula::policy
