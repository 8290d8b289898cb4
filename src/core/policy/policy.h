// Policy: a document of the AWS IAM JSON policy language, parsed and compiled. Immutable;
// thread-safe. The language as it is read here: docs/reference/policies.md.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "core/policy/condition.h"
#include "core/policy/pattern.h"
#include "core/policy/text_template.h"

namespace insula::policy {

inline constexpr size_t kPolicyBytesMax = 20 * kKiB;
inline constexpr size_t kPolicyDepthMax = 8;  // arrays and objects; a policy has six
inline constexpr size_t kStatementsMax = 100;
inline constexpr size_t kActionsMax = 200;     // in one statement
inline constexpr size_t kResourcesMax = 200;   // in one statement
inline constexpr size_t kPrincipalsMax = 200;  // in one statement
inline constexpr size_t kConditionsMax = 50;   // in one statement
inline constexpr size_t kValuesMax = 200;      // of one condition
inline constexpr size_t kActionBytesMax = 128;
inline constexpr size_t kSidBytesMax = 128;
inline constexpr size_t kPolicyIdBytesMax = 256;

// Identity policies are attached to users, service accounts, roles and keys, and say nothing about
// principals; resource policies are attached to a resource, and each of their statements does.
enum class PolicyKind : uint8_t { identity, resource };

enum class Effect : uint8_t { allow, deny };
std::string_view effect_name(Effect effect);  // "Allow"

// Actions, in lower case.
struct ActionList {
    bool negated = false;  // NotAction
    std::vector<Pattern> patterns;
};

// "*", "source/orders*", "arn:insula:tables:::source/orders", "arn:aws:s3:::bucket/key".
struct ResourcePattern {
    bool everything = false;
    uint32_t services = 0;  // a bit for each of services()
    TextTemplate path;
};

struct ResourceList {
    bool negated = false;  // NotResource
    std::vector<ResourcePattern> patterns;
};

struct PrincipalList {
    bool negated = false;  // NotPrincipal
    bool everybody = false;
    std::vector<std::string> names;  // "user/alice"
};

struct Statement {
    Effect effect = Effect::deny;
    std::string sid;  // empty where it has none
    PrincipalList principals;
    ActionList actions;
    ResourceList resources;
    std::vector<Condition> conditions;
};

class Policy {
  public:
    // Errors name the place and what was meant: `invalid_policy` for what is no policy (or is one
    // of the other kind), and those of JsonValue::parse for what is no JSON.
    static Result<Policy> parse(std::string_view text, PolicyKind kind);

    PolicyKind kind() const { return kind_; }
    const std::string& id() const { return id_; }
    std::span<const Statement> statements() const { return statements_; }

  private:
    PolicyKind kind_ = PolicyKind::identity;
    std::string id_;
    std::vector<Statement> statements_;
};

// Longer ones match nothing, and so are denied.
inline constexpr size_t kPathBytesMax = 2048;

// What a resource is: the path within its service.
struct Resource {
    std::string_view service;  // "tables"
    std::string_view path;     // "source/orders"; of S3 "bucket/key"
};
// The one that an action's service has at this path.
Resource resource_of(std::string_view action, std::string_view path);
// "arn:insula:tables:::source/orders"
std::string resource_arn(const Resource& resource);
// The other way round; invalid_argument `invalid_resource` for what is none. The result refers to
// `arn`.
Result<Resource> parse_resource_arn(std::string_view arn);

// "arn:insula:tenant:::user/alice" for "user/alice".
std::string principal_arn(std::string_view principal);

}  // namespace insula::policy
