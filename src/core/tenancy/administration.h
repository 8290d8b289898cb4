// Administration: what is done to tenants, and to the members, keys, roles, policies and grants of
// one. Every operation of every protocol comes through here: it checks what is asked for, that
// nobody hands out more than he has, and carries it out in one change. May ask the catalog, and so
// block. Thread-safe.
//
// Errors, besides the catalog's: invalid_argument for what is asked for; not_found where the tenant
// has nothing of the name; already_exists; permission_denied `exceeds_own_rights`;
// failed_precondition `last_owner`, and `…_limit_reached` with the limit.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "core/audit/entry.h"
#include "core/tenancy/directory.h"
#include "core/tenancy/gate.h"
#include "core/tenancy/new_key.h"
#include "core/tenancy/simulation.h"
#include "core/tenancy/tenant_terms.h"
#include "core/tenancy/tokens.h"
#include "platform/runtime/clock.h"
#include "platform/runtime/random.h"

namespace insula::tenancy {

inline constexpr size_t kMembersMax = 10'000;  // of a tenant; users and service accounts
inline constexpr size_t kKeysMax = 10'000;     // of a tenant
inline constexpr size_t kKeysOfMemberMax = 10;
inline constexpr size_t kRolesOfTenantMax = 500;
inline constexpr size_t kPoliciesOfTenantMax = 500;
inline constexpr size_t kGrantsMax = 100;  // of a tenant, those that have expired too
inline constexpr size_t kPasswordBytesMin = 8;
inline constexpr size_t kPlansMax = 1000;
// Of tokens and members; all of a tenant's tokens can be revoked at any time.
inline constexpr size_t kRevocationsMax = 10'000;
inline constexpr std::chrono::hours kGrantMax{24};
inline constexpr std::chrono::hours kKeyOverlapMax{7 * 24};

struct NewTenant {
    std::optional<TenantId> id;  // absent: made here
    std::string slug;
    std::string name;   // empty: the slug
    std::string owner;  // a user that is added with it; empty: "owner"
    TenantProfile profile;
};
struct AddedTenant {
    catalog::Tenant tenant;
    std::string owner;
    std::string owner_secret;  // of a key, shown once
};
struct LimitChange {
    const LimitField* limit = nullptr;  // of limit_fields()
    std::optional<uint64_t> value;      // absent: the plan's, or the server's
};
struct TenantChanges {
    std::optional<std::string> slug;
    std::optional<std::string> name;
    std::optional<catalog::TenantStatus> status;  // active or suspended
    std::optional<std::string> plan;              // empty: none
    std::vector<LimitChange> limits;
    std::optional<std::vector<std::string>> regions;
    std::optional<std::string> data_residency;  // empty: anywhere
    std::optional<std::vector<std::string>> features;
    std::optional<IsolationLevel> isolation;
    std::optional<std::vector<std::string>> networks;
};

// The profile with those of the changes that concern it.
TenantProfile changed(TenantProfile profile, const TenantChanges& changes);

struct MemberChanges {
    std::optional<std::string> display_name;
    std::optional<std::string> email;
    std::optional<std::vector<std::string>> roles;
    std::optional<std::vector<std::string>> policies;
    std::optional<bool> disabled;
};

struct NewGrant {
    std::string role;
    std::string reason;
    std::chrono::seconds lasts{0};
};

struct NewToken {
    MemberKind owner_kind = MemberKind::user;
    std::string owner;
    std::vector<std::string> scopes;  // of scope_names(); empty: all that its member may do
    std::chrono::seconds lasts{0};
};
struct IssuedToken {
    std::string id;
    std::string token;  // shown once
    WallNanos expires_at = 0;
};

struct AdministrationOptions {
    TenantId default_tenant;           // of requests that name none; it cannot be removed
    std::vector<std::string> regions;  // where this server keeps data
};

class Administration {
  public:
    // All must outlive it.
    Administration(Directory& directory, Tokens& tokens, Clock& clock, Random& random,
                   AdministrationOptions options = {})
        : directory_(directory),
          tokens_(tokens),
          clock_(clock),
          random_(random),
          options_(std::move(options)) {}

    // The same for one request: each change that it makes is told in the audit log by `told`, to
    // which id, tenant, time and what is changed are added.
    Administration audited(audit::Entry told) const;

    // By id or slug: not_found `tenant_not_found`.
    Result<catalog::Tenant> tenant(std::string_view name) const;
    std::vector<catalog::Tenant> tenants() const { return directory_.tenants(); }
    Result<AddedTenant> add_tenant(NewTenant wanted);
    Result<catalog::Tenant> update_tenant(std::string_view name, const TenantChanges& changes);
    // From its return on nobody acts for the tenant. Its sources are removed next, and then
    // finish_removal() forgets it; both are repeated at the next start. failed_precondition
    // `default_tenant_stays`.
    Result<catalog::Tenant> begin_removal(std::string_view name);
    Status finish_removal(const TenantId& id);
    // Another owner's key for a tenant whose owners have lost theirs.
    Result<AddedTenant> reset_owner(std::string_view name);
    Result<Grant> add_grant(const Actor& administrator, std::string_view tenant,
                            const NewGrant& wanted);

    // Its own, and what it may use all in all.
    TenantProfile profile(const TenantId& tenant) const { return directory_.profile(tenant); }
    LimitsPtr limits(const TenantId& tenant) const { return directory_.limits(tenant); }

    // By name.
    Result<std::vector<Plan>> plans();
    Result<Plan> put_plan(Plan plan);
    // failed_precondition `plan_in_use`.
    Status remove_plan(std::string_view name);

    // What the actor's tenant has.
    Result<TenantViewPtr> view(const Actor& actor);
    Result<Member> add_member(const Actor& actor, MemberKind kind, std::string_view name,
                              const MemberChanges& wanted);
    Result<Member> update_member(const Actor& actor, MemberKind kind, std::string_view name,
                                 const MemberChanges& changes);
    // invalid_argument `password_too_short`, `password_too_long`. Ends the user's tokens that were
    // issued before. Takes as long as a login.
    Status set_password(const Actor& actor, std::string_view user, std::string_view password);
    // With its keys.
    Status remove_member(const Actor& actor, MemberKind kind, std::string_view name);

    Result<NewKey> add_key(const Actor& actor, KeyOptions wanted);
    // A new key of the same owner; the old one goes after `overlap`.
    Result<NewKey> rotate_key(const Actor& actor, std::string_view id,
                              std::chrono::seconds overlap);
    Status remove_key(const Actor& actor, std::string_view id);

    Result<IssuedToken> issue_token(const Actor& actor, const NewToken& wanted);
    // From its return on: one token, whether there ever was one of the id or not; all that were
    // issued to a member; all that were issued at all. What is issued later counts.
    Status revoke_token(const Actor& actor, std::string_view id);
    Status revoke_tokens(const Actor& actor, MemberKind kind, std::string_view owner);
    Status revoke_all_tokens(const Actor& actor);

    Result<Role> put_role(const Actor& actor, Role role);
    Status remove_role(const Actor& actor, std::string_view name);
    Result<PolicyDocument> put_policy(const Actor& actor, PolicyDocument policy);
    Status remove_policy(const Actor& actor, std::string_view name);
    // What would become of a request of a member's.
    Result<Simulation> simulate(const Actor& actor, const SimulatedRequest& wanted);
    Status remove_grant(const Actor& actor, std::string_view id);

  private:
    using Change = Result<catalog::ChangeDirectory>;
    Status change(const Actor& actor, const std::function<Change(const TenantView&)>& make);
    Status carry_out(const TenantId& id, const Directory::MakeChange& make);
    Result<Member> changed(const Actor& actor, const TenantView& view, Member member,
                           const MemberChanges& changes) const;
    catalog::Tenant new_row(NewTenant wanted) const;
    // Absent: up to now, and what clocks may be ahead.
    Status revoke(const Actor& actor, std::string name, Rank rank,
                  std::optional<int64_t> issued_until = std::nullopt);

    Directory& directory_;
    Tokens& tokens_;
    Clock& clock_;
    Random& random_;
    const AdministrationOptions options_;
    std::optional<audit::Entry> told_;
};

// 3 to 63 small letters, digits, '-' and '_', the first a letter or digit: invalid_argument
// `invalid_slug`.
Status check_slug(std::string_view slug);

}  // namespace insula::tenancy
