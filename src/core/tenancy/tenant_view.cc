#include "core/tenancy/tenant_view.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/tenancy/built_in_roles.h"

namespace insula::tenancy {

using catalog::DirectoryEntry;
using catalog::EntryKind;
using policy::AttachedPolicy;

namespace {

template <class Values>
auto pointers(const Values& values) {
    std::vector<const typename Values::mapped_type*> all;
    all.reserve(values.size());
    for (const auto& [name, value] : values) all.push_back(&value);
    return all;
}

template <class Values>
const typename Values::mapped_type* find_in(const Values& values, std::string_view name) {
    const auto found = values.find(name);
    return found == values.end() ? nullptr : &found->second;
}

}  // namespace

Result<std::shared_ptr<const TenantView>> TenantView::make(
    catalog::Tenant tenant, std::span<const DirectoryEntry> entries) {
    std::shared_ptr<TenantView> view(new TenantView(std::move(tenant)));
    for (const DirectoryEntry& entry : entries) RETURN_IF_ERROR(view->add(entry));
    for (auto& [name, held] : view->members_) view->resolve_rights(held);
    for (const auto& [id, key] : view->keys_) view->keys_by_hash_.emplace(key.hash, &key);
    return view;
}

Status TenantView::add(const DirectoryEntry& entry) {
    revisions_.emplace(Name(entry.kind, entry.name), entry.revision);
    switch (entry.kind) {
        case EntryKind::user:
        case EntryKind::service_account: {
            ASSIGN_OR_RETURN(Member member, member_of(entry));
            members_[{member.kind, member.name}].member = std::move(member);
            return {};
        }
        case EntryKind::api_key: {
            ASSIGN_OR_RETURN(keys_[entry.name], api_key_of(entry));
            return {};
        }
        case EntryKind::role: {
            ASSIGN_OR_RETURN(roles_[entry.name], role_of(entry));
            return {};
        }
        case EntryKind::policy:
            return add_policy(entry);
        case EntryKind::grant: {
            ASSIGN_OR_RETURN(grants_[entry.name], grant_of(entry));
            return {};
        }
        case EntryKind::plan: {
            ASSIGN_OR_RETURN(plans_[entry.name], plan_of(entry));
            return {};
        }
        case EntryKind::revocation: {
            ASSIGN_OR_RETURN(revocations_[entry.name], revocation_of(entry));
            return {};
        }
        case EntryKind::signing_key: {
            ASSIGN_OR_RETURN(signing_keys_[entry.name], signing_key_of(entry));
            return {};
        }
        case EntryKind::sealing_key:
            return {};  // of others, who read them themselves
    }
    return {};
}

// One that this release cannot read might deny what would be allowed without it.
Status TenantView::add_policy(const DirectoryEntry& entry) {
    ASSIGN_OR_RETURN(PolicyDocument stored, policy_of(entry));
    auto compiled = policy::Policy::parse(stored.document, policy::PolicyKind::identity);
    if (!compiled) {
        return fail(data_loss(fmt::format("the stored policy {} cannot be read: {}", entry.name,
                                          compiled.error().message())));
    }
    policies_.insert_or_assign(entry.name, CompiledPolicy{std::move(stored), *std::move(compiled)});
    return {};
}

void TenantView::attach_policy(std::string_view name, std::vector<AttachedPolicy>& rights) const {
    const auto found = policies_.find(name);
    // Members and roles lose a policy with it.
    if (found == policies_.end()) return;
    const auto same = [&](const AttachedPolicy& held) {
        return held.policy == &found->second.policy;
    };
    if (std::ranges::any_of(rights, same)) return;
    rights.push_back({found->first, &found->second.policy});
}

void TenantView::attach_role(std::string_view name, std::vector<AttachedPolicy>& rights) const {
    if (const BuiltInRole* role = find_built_in_role(name, is_platform())) {
        rights.push_back({role->name, role->policy});
        return;
    }
    const Role* role = this->role(name);
    if (role == nullptr) return;
    for (const std::string& policy : role->policies) attach_policy(policy, rights);
}

void TenantView::resolve_rights(HeldMember& held) const {
    for (const std::string& role : held.member.roles) attach_role(role, held.rights);
    for (const std::string& policy : held.member.policies) attach_policy(policy, held.rights);
}

const Member* TenantView::member(MemberKind kind, std::string_view name) const {
    const auto found = members_.find({kind, std::string(name)});
    return found == members_.end() ? nullptr : &found->second.member;
}
const Member* TenantView::member_of_principal(std::string_view principal) const {
    for (const MemberKind kind : {MemberKind::user, MemberKind::service_account}) {
        const std::string_view begin = member_kind_name(kind);
        if (!principal.starts_with(begin) || principal.size() <= begin.size()) continue;
        if (principal[begin.size()] == '/') return member(kind, principal.substr(begin.size() + 1));
    }
    return nullptr;
}

const ApiKey* TenantView::key(std::string_view id) const { return find_in(keys_, id); }
const ApiKey* TenantView::key_by_hash(std::string_view hash) const {
    const auto found = keys_by_hash_.find(hash);
    return found == keys_by_hash_.end() ? nullptr : found->second;
}
const Role* TenantView::role(std::string_view name) const { return find_in(roles_, name); }
const PolicyDocument* TenantView::policy(std::string_view name) const {
    const CompiledPolicy* found = find_in(policies_, name);
    return found == nullptr ? nullptr : &found->stored;
}
const Grant* TenantView::grant(std::string_view id) const { return find_in(grants_, id); }
const Plan* TenantView::plan(std::string_view name) const { return find_in(plans_, name); }

std::vector<const Member*> TenantView::members(MemberKind kind) const {
    std::vector<const Member*> all;
    for (const auto& [name, held] : members_) {
        if (name.first == kind) all.push_back(&held.member);
    }
    return all;
}
std::vector<const ApiKey*> TenantView::keys() const { return pointers(keys_); }
std::vector<const Role*> TenantView::roles() const { return pointers(roles_); }
std::vector<const PolicyDocument*> TenantView::policies() const {
    std::vector<const PolicyDocument*> all;
    for (const auto& [name, compiled] : policies_) all.push_back(&compiled.stored);
    return all;
}
std::vector<const Grant*> TenantView::grants() const { return pointers(grants_); }
std::vector<const Revocation*> TenantView::revocations() const { return pointers(revocations_); }
std::vector<const Plan*> TenantView::plans() const { return pointers(plans_); }
std::vector<const StoredSigningKey*> TenantView::signing_keys() const {
    return pointers(signing_keys_);
}

int64_t TenantView::tokens_count_from(std::string_view subject) const {
    int64_t from = 0;
    for (const std::string& name : {std::string(kAllTokens), revocation_of_subject(subject)}) {
        const Revocation* revocation = find_in(revocations_, name);
        if (revocation != nullptr) from = std::max(from, revocation->issued_until + 1);
    }
    return from;
}

bool TenantView::has_revoked(const TokenClaims& token) const {
    if (revocations_.empty()) return false;
    const auto concerns = [&](const std::string& name) {
        const Revocation* revocation = find_in(revocations_, name);
        return revocation != nullptr && token.issued_at <= revocation->issued_until;
    };
    return concerns(std::string(kAllTokens)) || concerns(revocation_of_token(token.id)) ||
           concerns(revocation_of_subject(token.subject));
}

std::span<const AttachedPolicy> TenantView::rights(const Member& member) const {
    return members_.at({member.kind, member.name}).rights;
}

uint64_t TenantView::revision(EntryKind kind, std::string_view name) const {
    const auto found = revisions_.find(Name(kind, name));
    return found == revisions_.end() ? 0 : found->second;
}

size_t TenantView::count(EntryKind kind) const {
    return static_cast<size_t>(std::ranges::count_if(
        revisions_, [&](const auto& held) { return held.first.first == kind; }));
}

}  // namespace insula::tenancy
