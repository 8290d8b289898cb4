// TenantView: a tenant with its directory, as of one moment: who its members are, which keys they
// carry, and what their roles and policies allow. Immutable, so that a request keeps the one that
// it began with; thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "base/string_hash.h"
#include "core/catalog/types.h"
#include "core/policy/evaluate.h"
#include "core/tenancy/identity.h"
#include "core/tenancy/token.h"

namespace insula::tenancy {

class TenantView {
  public:
    // With what the catalog holds. The platform's own has the nil id.
    static Result<std::shared_ptr<const TenantView>> make(
        catalog::Tenant tenant, std::span<const catalog::DirectoryEntry> entries);
    TenantView(const TenantView&) = delete;
    TenantView& operator=(const TenantView&) = delete;

    const catalog::Tenant& tenant() const { return tenant_; }
    bool is_platform() const { return tenant_.id == TenantId(); }

    // nullptr: there is none.
    const Member* member(MemberKind kind, std::string_view name) const;
    const Member* member_of_principal(std::string_view principal) const;  // "user/ann"
    const ApiKey* key(std::string_view id) const;
    const ApiKey* key_by_hash(std::string_view hash) const;
    const Role* role(std::string_view name) const;
    const PolicyDocument* policy(std::string_view name) const;
    const Grant* grant(std::string_view id) const;
    // Whether a token, of this tenant, counts no longer though its time is not over.
    bool has_revoked(const TokenClaims& token) const;
    // The first second of issue, since 1970, of which no revocation of the subject's tokens, or of
    // all, says anything.
    int64_t tokens_count_from(std::string_view subject) const;
    // Of the platform's view.
    const Plan* plan(std::string_view name) const;

    // Each by name.
    std::vector<const Member*> members(MemberKind kind) const;
    std::vector<const ApiKey*> keys() const;
    std::vector<const Role*> roles() const;
    std::vector<const PolicyDocument*> policies() const;
    std::vector<const Grant*> grants() const;
    std::vector<const Revocation*> revocations() const;
    std::vector<const Plan*> plans() const;
    std::vector<const StoredSigningKey*> signing_keys() const;

    // What a member may do: the policies of its roles, and its own. `member` is one of this view.
    std::span<const policy::AttachedPolicy> rights(const Member& member) const;
    // The revision of an entry as it is here, for a change of it; 0: there is none.
    uint64_t revision(catalog::EntryKind kind, std::string_view name) const;
    // How many entries of a kind there are.
    size_t count(catalog::EntryKind kind) const;

  private:
    using Name = std::pair<catalog::EntryKind, std::string>;
    struct CompiledPolicy {
        PolicyDocument stored;
        policy::Policy policy;
    };
    struct HeldMember {
        Member member;
        std::vector<policy::AttachedPolicy> rights;
    };
    using MemberName = std::pair<MemberKind, std::string>;

    explicit TenantView(catalog::Tenant tenant) : tenant_(std::move(tenant)) {}
    Status add(const catalog::DirectoryEntry& entry);
    Status add_policy(const catalog::DirectoryEntry& entry);
    void resolve_rights(HeldMember& held) const;
    void attach_role(std::string_view name, std::vector<policy::AttachedPolicy>& rights) const;
    void attach_policy(std::string_view name, std::vector<policy::AttachedPolicy>& rights) const;

    const catalog::Tenant tenant_;
    std::map<Name, uint64_t> revisions_;
    std::map<MemberName, HeldMember> members_;
    std::map<std::string, ApiKey, std::less<>> keys_;
    std::unordered_map<std::string, const ApiKey*, StringHash, std::equal_to<>> keys_by_hash_;
    std::map<std::string, Role, std::less<>> roles_;
    std::map<std::string, CompiledPolicy, std::less<>> policies_;
    std::map<std::string, Grant, std::less<>> grants_;
    std::map<std::string, Revocation, std::less<>> revocations_;
    std::map<std::string, Plan, std::less<>> plans_;
    std::map<std::string, StoredSigningKey, std::less<>> signing_keys_;
};

using TenantViewPtr = std::shared_ptr<const TenantView>;

}  // namespace insula::tenancy
