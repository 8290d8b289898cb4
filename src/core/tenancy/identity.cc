#include "core/tenancy/identity.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/tenancy/stored_fields.h"

namespace insula::tenancy {

using catalog::DirectoryEntry;
using catalog::EntryKind;

// The kind of a key's owner as text, so that it is a field like the others.
struct StoredApiKey {
    ApiKey key;
    std::string owner_kind;
};

// The same of a tenant's isolation; empty: strict.
struct StoredProfile {
    TenantProfile profile;
    std::string isolation_level;
};

// Found by their argument, so not in a namespace without a name.
template <class Visit>
static void fields(Member& member, Visit& visit) {
    visit("display_name", member.display_name);
    visit("email", member.email);
    visit("password_hash", member.password_hash);
    visit("roles", member.roles);
    visit("policies", member.policies);
    visit("disabled", member.disabled);
    visit("created_at", member.created_at);
}
template <class Visit>
static void fields(StoredApiKey& stored, Visit& visit) {
    visit("hint", stored.key.hint);
    visit("label", stored.key.label);
    visit("owner_kind", stored.owner_kind);
    visit("owner", stored.key.owner);
    visit("created_at", stored.key.created_at);
    visit("expires_at", stored.key.expires_at);
}
template <class Visit>
static void fields(Role& role, Visit& visit) {
    visit("description", role.description);
    visit("policies", role.policies);
    visit("created_at", role.created_at);
}
template <class Visit>
static void fields(PolicyDocument& policy, Visit& visit) {
    visit("description", policy.description);
    visit("document", policy.document);
    visit("created_at", policy.created_at);
}
template <class Visit>
static void fields(Grant& grant, Visit& visit) {
    visit("administrator", grant.administrator);
    visit("role", grant.role);
    visit("reason", grant.reason);
    visit("created_at", grant.created_at);
    visit("expires_at", grant.expires_at);
}
template <class Visit>
static void fields(Revocation& revocation, Visit& visit) {
    visit("issued_until", revocation.issued_until);
    visit("forget_at", revocation.forget_at);
}
template <class Visit>
static void fields(StoredSigningKey& key, Visit& visit) {
    visit("public_key", key.public_key);
    visit("wrapped", key.wrapped);
    visit("created_at", key.created_at);
    visit("retired_at", key.retired_at);
}
template <class Visit>
static void limit_values(Limits& limits, Visit& visit) {
    for (const LimitField& field : limit_fields()) visit(field.name, limits.*field.value);
}
template <class Visit>
static void fields(Plan& plan, Visit& visit) {
    visit("description", plan.description);
    visit("created_at", plan.created_at);
    limit_values(plan.limits, visit);
}
template <class Visit>
static void fields(StoredProfile& stored, Visit& visit) {
    visit("plan", stored.profile.plan);
    limit_values(stored.profile.limits, visit);
    visit("regions", stored.profile.regions);
    visit("data_residency", stored.profile.data_residency);
    visit("features", stored.profile.features);
    visit("isolation_level", stored.isolation_level);
    visit("networks", stored.profile.networks);
}

namespace {

constexpr std::string_view kUser = "user";
constexpr std::string_view kServiceAccount = "service-account";
constexpr std::string_view kStrict = "strict";
constexpr std::string_view kNetwork = "network";

template <class Value>
DirectoryEntry entry(const TenantId& tenant, EntryKind kind, std::string name, const Value& value) {
    return {.tenant = tenant,
            .kind = kind,
            .name = std::move(name),
            .lookup = {},
            .value = write_fields(value)};
}

// A value that the entry's name names.
template <class Value>
Result<Value> named(const DirectoryEntry& entry, std::string Value::* name) {
    Value value;
    value.*name = entry.name;
    return read_fields(entry.value, std::move(value));
}

}  // namespace

std::string_view member_kind_name(MemberKind kind) {
    return kind == MemberKind::user ? kUser : kServiceAccount;
}

std::string principal_name(MemberKind kind, std::string_view name) {
    return fmt::format("{}/{}", member_kind_name(kind), name);
}

DirectoryEntry entry_of(const TenantId& tenant, const Member& member) {
    return entry(tenant,
                 member.kind == MemberKind::user ? EntryKind::user : EntryKind::service_account,
                 member.name, member);
}
DirectoryEntry entry_of(const TenantId& tenant, const ApiKey& key) {
    DirectoryEntry stored = entry(tenant, EntryKind::api_key, key.id,
                                  StoredApiKey{key, std::string(member_kind_name(key.owner_kind))});
    stored.lookup = key.hash;
    return stored;
}
DirectoryEntry entry_of(const TenantId& tenant, const Role& role) {
    return entry(tenant, EntryKind::role, role.name, role);
}
DirectoryEntry entry_of(const TenantId& tenant, const PolicyDocument& policy) {
    return entry(tenant, EntryKind::policy, policy.name, policy);
}
DirectoryEntry entry_of(const TenantId& tenant, const Grant& grant) {
    return entry(tenant, EntryKind::grant, grant.id, grant);
}

DirectoryEntry entry_of(const TenantId& tenant, const Revocation& revocation) {
    return entry(tenant, EntryKind::revocation, revocation.name, revocation);
}
DirectoryEntry entry_of(const StoredSigningKey& key) {
    return entry(TenantId(), EntryKind::signing_key, key.id, key);
}
DirectoryEntry entry_of(const Plan& plan) {
    return entry(TenantId(), EntryKind::plan, plan.name, plan);
}

std::string revocation_of_token(std::string_view id) { return fmt::format("token/{}", id); }
std::string revocation_of_subject(std::string_view subject) {
    return fmt::format("subject/{}", subject);
}

std::string_view isolation_level_name(IsolationLevel level) {
    return level == IsolationLevel::strict ? kStrict : kNetwork;
}

std::optional<IsolationLevel> find_isolation_level(std::string_view name) {
    if (name == kStrict) return IsolationLevel::strict;
    if (name == kNetwork) return IsolationLevel::network;
    return std::nullopt;
}

std::string write_profile(const TenantProfile& profile) {
    StoredProfile stored{profile, {}};
    if (profile.isolation != IsolationLevel::strict) {
        stored.isolation_level = isolation_level_name(profile.isolation);
    }
    return write_fields(stored);
}

// A row of the first releases has none.
Result<TenantProfile> read_profile(std::string_view text) {
    if (text.empty()) return TenantProfile();
    ASSIGN_OR_RETURN(StoredProfile stored, read_fields<StoredProfile>(text));
    if (!stored.isolation_level.empty()) {
        const auto level = find_isolation_level(stored.isolation_level);
        if (!level) return fail(data_loss("a tenant's isolation is of no known level"));
        stored.profile.isolation = *level;
    }
    return std::move(stored.profile);
}

Result<Member> member_of(const DirectoryEntry& entry) {
    Member member;
    member.kind = entry.kind == EntryKind::user ? MemberKind::user : MemberKind::service_account;
    member.name = entry.name;
    return read_fields(entry.value, std::move(member));
}

Result<ApiKey> api_key_of(const DirectoryEntry& entry) {
    StoredApiKey stored;
    stored.key.id = entry.name;
    stored.key.hash = entry.lookup;
    ASSIGN_OR_RETURN(stored, read_fields(entry.value, std::move(stored)));
    if (stored.owner_kind != kUser && stored.owner_kind != kServiceAccount) {
        return fail(data_loss("a key's owner is of no known kind"));
    }
    stored.key.owner_kind =
        stored.owner_kind == kUser ? MemberKind::user : MemberKind::service_account;
    return std::move(stored.key);
}

Result<Role> role_of(const DirectoryEntry& entry) { return named<Role>(entry, &Role::name); }
Result<PolicyDocument> policy_of(const DirectoryEntry& entry) {
    return named<PolicyDocument>(entry, &PolicyDocument::name);
}
Result<Grant> grant_of(const DirectoryEntry& entry) { return named<Grant>(entry, &Grant::id); }
Result<Revocation> revocation_of(const DirectoryEntry& entry) {
    return named<Revocation>(entry, &Revocation::name);
}
Result<StoredSigningKey> signing_key_of(const DirectoryEntry& entry) {
    return named<StoredSigningKey>(entry, &StoredSigningKey::id);
}
Result<Plan> plan_of(const DirectoryEntry& entry) { return named<Plan>(entry, &Plan::name); }

Status check_name(std::string_view what, std::string_view name) {
    const auto alphanumeric = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    };
    const auto allowed = [&](char c) {
        return alphanumeric(c) || std::string_view("._-@+").contains(c);
    };
    if (!name.empty() && name.size() <= kNameBytesMax && alphanumeric(name.front()) &&
        std::ranges::all_of(name, allowed)) {
        return {};
    }
    return fail(invalid_argument(
        "invalid_name", fmt::format("{} has 1 to {} letters, digits and . _ - @ +, and begins with "
                                    "a letter or a digit.",
                                    what, kNameBytesMax)));
}

}  // namespace insula::tenancy
