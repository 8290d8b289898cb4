// What a tenant's directory holds, as values: members (users and service accounts), their keys,
// roles, policies, and grants; what the platform's holds besides: plans; and as the entries that
// the catalog keeps. Plain values.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "core/catalog/types.h"
#include "core/tenancy/limits.h"

namespace insula::tenancy {

inline constexpr size_t kNameBytesMax = 64;   // of members, roles and policies
inline constexpr size_t kTextBytesMax = 256;  // of what is for people
inline constexpr size_t kRolesMax = 32;       // of a member; also policies of a member or a role

// Who acts. People have passwords; programs have keys alone.
enum class MemberKind : uint8_t { user, service_account };
std::string_view member_kind_name(MemberKind kind);  // "user", "service-account"

struct Member {
    MemberKind kind = MemberKind::user;
    std::string name;  // unique among the tenant's members of this kind
    std::string display_name;
    std::string email;
    std::string password_hash;          // empty: none
    std::vector<std::string> roles;     // built-in ones, or the tenant's own
    std::vector<std::string> policies;  // the tenant's own
    bool disabled = false;
    WallNanos created_at = 0;
    bool operator==(const Member&) const = default;
};

// A secret that a program carries. It may do what its member may.
struct ApiKey {
    std::string id;    // "key_" and 12 hexadecimal digits
    std::string hash;  // SHA-256 of the key: 32 bytes
    std::string hint;  // how the key begins, so that it can be told from others
    std::string label;
    MemberKind owner_kind = MemberKind::user;
    std::string owner;
    WallNanos created_at = 0;
    WallNanos expires_at = 0;  // 0: never
    bool operator==(const ApiKey&) const = default;
};

struct Role {
    std::string name;
    std::string description;
    std::vector<std::string> policies;  // the tenant's own
    WallNanos created_at = 0;
    bool operator==(const Role&) const = default;
};

struct PolicyDocument {
    std::string name;
    std::string description;
    std::string document;  // the policy as it was sent
    WallNanos created_at = 0;
    bool operator==(const PolicyDocument&) const = default;
};

// Lets an administrator of the platform act in the tenant as one with `role` would.
struct Grant {
    std::string id;             // "grant_" and 12 hexadecimal digits
    std::string administrator;  // a member of the platform: "user/ann"
    std::string role;           // built in
    std::string reason;
    WallNanos created_at = 0;
    WallNanos expires_at = 0;
    bool operator==(const Grant&) const = default;
};

// That tokens issued up to then no longer count: one, all of a member, or all of the tenant.
struct Revocation {
    std::string name;          // "token/ID", "subject/user/ann", "all"
    int64_t issued_until = 0;  // seconds since 1970
    int64_t forget_at = 0;     // no token that it concerns is left then
    bool operator==(const Revocation&) const = default;
};
inline constexpr std::string_view kAllTokens = "all";
std::string revocation_of_token(std::string_view id);
std::string revocation_of_subject(std::string_view subject);

// A key that signs tokens, of the platform. Its private half is wrapped under the root key.
struct StoredSigningKey {
    std::string id;
    std::string public_key;  // base64url
    std::string wrapped;     // base64url
    WallNanos created_at = 0;
    WallNanos retired_at = 0;  // 0: in use
    bool operator==(const StoredSigningKey&) const = default;
};

// Limits that several tenants have, unless they have their own.
struct Plan {
    std::string name;
    std::string description;
    Limits limits;
    WallNanos created_at = 0;
    bool operator==(const Plan&) const = default;
};

// How far a tenant is kept from the others. All have an engine instance of their own.
enum class IsolationLevel : uint8_t {
    strict,
    network,  // strict, and only from networks that are listed
};
std::string_view isolation_level_name(IsolationLevel level);
std::optional<IsolationLevel> find_isolation_level(std::string_view name);

// What a tenant's row says of it beside its names.
struct TenantProfile {
    std::string plan;  // empty: none
    Limits limits;     // its own
    // Where its data may stand, in the words of the server's own list of regions; empty: anywhere.
    std::vector<std::string> regions;
    std::string data_residency;
    std::vector<std::string> features;  // none has landed
    IsolationLevel isolation = IsolationLevel::strict;
    // Of isolation "network": where requests may come from, as in "10.0.0.0/8".
    std::vector<std::string> networks;
    bool operator==(const TenantProfile&) const = default;
};
std::string write_profile(const TenantProfile& profile);
// data_loss for one that no release has written.
Result<TenantProfile> read_profile(std::string_view text);

// "user/ann", "service-account/loader": how members are named in policies, logs and audit.
std::string principal_name(MemberKind kind, std::string_view name);

catalog::DirectoryEntry entry_of(const TenantId& tenant, const Member& member);
catalog::DirectoryEntry entry_of(const TenantId& tenant, const ApiKey& key);
catalog::DirectoryEntry entry_of(const TenantId& tenant, const Role& role);
catalog::DirectoryEntry entry_of(const TenantId& tenant, const PolicyDocument& policy);
catalog::DirectoryEntry entry_of(const TenantId& tenant, const Grant& grant);
catalog::DirectoryEntry entry_of(const TenantId& tenant, const Revocation& revocation);
catalog::DirectoryEntry entry_of(const StoredSigningKey& key);
catalog::DirectoryEntry entry_of(const Plan& plan);

// data_loss for a value that no release has written.
Result<Member> member_of(const catalog::DirectoryEntry& entry);
Result<ApiKey> api_key_of(const catalog::DirectoryEntry& entry);
Result<Role> role_of(const catalog::DirectoryEntry& entry);
Result<PolicyDocument> policy_of(const catalog::DirectoryEntry& entry);
Result<Grant> grant_of(const catalog::DirectoryEntry& entry);
Result<Revocation> revocation_of(const catalog::DirectoryEntry& entry);
Result<StoredSigningKey> signing_key_of(const catalog::DirectoryEntry& entry);
Result<Plan> plan_of(const catalog::DirectoryEntry& entry);

// 1 to 64 letters, digits and . _ - @ +, the first a letter or digit: invalid_argument
// `invalid_name` otherwise. `what` begins the message: "The name of a user".
Status check_name(std::string_view what, std::string_view name);

}  // namespace insula::tenancy
