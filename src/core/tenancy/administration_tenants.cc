// Tenants, and grants of their data to administrators of the platform.
#include <fmt/format.h>

#include <algorithm>

#include "core/tenancy/administration.h"
#include "core/tenancy/administration_checks.h"
#include "core/tenancy/built_in_roles.h"

namespace insula::tenancy {

using catalog::ChangeDirectory;
using catalog::EntryKind;
using catalog::Tenant;
using catalog::TenantStatus;

namespace {

constexpr size_t kSlugBytesMin = 3;
constexpr size_t kSlugBytesMax = 63;
constexpr std::string_view kDefaultOwner = "owner";

Member owner_member(std::string_view name, WallNanos now) {
    Member member;
    member.name = name;
    member.roles = {std::string(kOwnerRole)};
    member.created_at = now;
    return member;
}

}  // namespace

TenantProfile changed(TenantProfile profile, const TenantChanges& changes) {
    if (changes.plan) profile.plan = *changes.plan;
    for (const auto& [limit, value] : changes.limits) profile.limits.*limit->value = value;
    if (changes.regions) profile.regions = *changes.regions;
    if (changes.data_residency) profile.data_residency = *changes.data_residency;
    if (changes.features) profile.features = *changes.features;
    if (changes.isolation) profile.isolation = *changes.isolation;
    if (changes.networks) profile.networks = *changes.networks;
    return profile;
}

Status check_slug(std::string_view slug) {
    const auto letter_or_digit = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    };
    const auto allowed = [&](char c) { return letter_or_digit(c) || c == '-' || c == '_'; };
    const bool sized = slug.size() >= kSlugBytesMin && slug.size() <= kSlugBytesMax;
    if (sized && letter_or_digit(slug.front()) && std::ranges::all_of(slug, allowed) &&
        !TenantId::parse(slug)) {
        return {};
    }
    return fail(invalid_argument(
        "invalid_slug",
        fmt::format(
            "A tenant's slug has {} to {} small letters, digits, - and _, and begins with a "
            "letter or a digit.",
            kSlugBytesMin, kSlugBytesMax)));
}

Result<Tenant> Administration::tenant(std::string_view name) const {
    auto found = directory_.find(name);
    if (!found) return fail(no_such_tenant());
    return *std::move(found);
}

Tenant Administration::new_row(NewTenant wanted) const {
    Tenant row;
    row.id = wanted.id ? *wanted.id : random_.uuid();
    row.slug = std::move(wanted.slug);
    row.name = wanted.name.empty() ? row.slug : std::move(wanted.name);
    row.created_at = clock_.wall_now();
    row.profile = write_profile(wanted.profile);
    return row;
}

Result<AddedTenant> Administration::add_tenant(NewTenant wanted) {
    RETURN_IF_ERROR(check_slug(wanted.slug));
    RETURN_IF_ERROR(check_text("A tenant's name", wanted.name));
    const std::string owner = wanted.owner.empty() ? std::string(kDefaultOwner) : wanted.owner;
    RETURN_IF_ERROR(check_name("The name of a user", owner));
    RETURN_IF_ERROR(check_limits(wanted.profile.limits));
    RETURN_IF_ERROR(check_terms(wanted.profile, options_.regions));
    const std::string plan = wanted.profile.plan;
    if (wanted.id == TenantId()) {
        return fail(invalid_argument("malformed_tenant_id", "The nil UUID is no tenant's."));
    }
    if (directory_.tenants().size() >= kTenantsMax) {
        return fail(limit_reached("tenants", kTenantsMax));
    }
    const WallNanos now = clock_.wall_now();
    const Tenant row = new_row(std::move(wanted));
    const NewKey key =
        make_key(random_, now,
                 {.owner_kind = MemberKind::user, .owner = owner, .label = "made with the tenant"});
    const Status added = carry_out(TenantId(), [&](const TenantView& platform) -> Change {
        if (!plan.empty() && platform.plan(plan) == nullptr) return fail(no_such_plan(plan));
        ChangeDirectory change;
        change.add_tenant = row;
        change.put.push_back({entry_of(row.id, owner_member(owner, now))});
        change.put.push_back({entry_of(row.id, key.key)});
        return change;
    });
    RETURN_IF_ERROR(added);
    ASSIGN_OR_RETURN(Tenant stored, tenant(row.slug));
    return AddedTenant{std::move(stored), owner, key.secret};
}

Result<Tenant> Administration::update_tenant(std::string_view name, const TenantChanges& changes) {
    if (changes.slug) RETURN_IF_ERROR(check_slug(*changes.slug));
    if (changes.name) RETURN_IF_ERROR(check_text("A tenant's name", *changes.name));
    ASSIGN_OR_RETURN(const Tenant before, tenant(name));
    const Status updated = carry_out(before.id, [&](const TenantView& view) -> Change {
        if (view.tenant().status == TenantStatus::removing) return fail(no_such_tenant());
        ChangeDirectory change;
        change.update_tenant = view.tenant();
        if (changes.slug) change.update_tenant->slug = *changes.slug;
        if (changes.name) change.update_tenant->name = *changes.name;
        if (changes.status) change.update_tenant->status = *changes.status;
        const TenantProfile profile = tenancy::changed(directory_.profile(before.id), changes);
        RETURN_IF_ERROR(check_limits(profile.limits));
        RETURN_IF_ERROR(check_terms(profile, options_.regions));
        if (changes.plan && !changes.plan->empty() && !directory_.has_plan(*changes.plan)) {
            return fail(no_such_plan(*changes.plan));
        }
        change.update_tenant->profile = write_profile(profile);
        return change;
    });
    RETURN_IF_ERROR(updated);
    return tenant(before.id.to_string());
}

Result<Tenant> Administration::begin_removal(std::string_view name) {
    ASSIGN_OR_RETURN(Tenant before, tenant(name));
    if (before.id == options_.default_tenant) {
        return fail(Error(Code::failed_precondition, "default_tenant_stays",
                          "This is the server's default tenant, which the next start would make "
                          "again.")
                        .with_hint("Delete its sources instead, or start the server with another "
                                   "default tenant (tenant.id)."));
    }
    if (before.status != TenantStatus::removing) {
        const Status begun = carry_out(before.id, [](const TenantView& view) -> Change {
            ChangeDirectory change;
            change.update_tenant = view.tenant();
            change.update_tenant->status = TenantStatus::removing;
            return change;
        });
        RETURN_IF_ERROR(begun);
    }
    return before;
}

Status Administration::finish_removal(const TenantId& id) {
    return carry_out(id, [&](const TenantView&) -> Change {
        ChangeDirectory change;
        change.remove_tenant = id;
        return change;
    });
}

Result<AddedTenant> Administration::reset_owner(std::string_view name) {
    ASSIGN_OR_RETURN(const Tenant row, tenant(name));
    const WallNanos now = clock_.wall_now();
    const NewKey key = make_key(random_, now,
                                {.owner_kind = MemberKind::user,
                                 .owner = std::string(kDefaultOwner),
                                 .label = "made by a reset of the owner"});
    const Status reset = carry_out(row.id, [&](const TenantView& view) -> Change {
        const Member* present = view.member(MemberKind::user, kDefaultOwner);
        Member owner = owner_member(kDefaultOwner, present ? present->created_at : now);
        ChangeDirectory change;
        if (present != nullptr) remove_keys_of(view, *present, change);
        change.put.push_back(
            {entry_of(row.id, owner), view.revision(EntryKind::user, kDefaultOwner)});
        change.put.push_back({entry_of(row.id, key.key)});
        return change;
    });
    RETURN_IF_ERROR(reset);
    return AddedTenant{row, std::string(kDefaultOwner), key.secret};
}

Result<Grant> Administration::add_grant(const Actor& administrator, std::string_view tenant_name,
                                        const NewGrant& wanted) {
    if (find_built_in_role(wanted.role, false) == nullptr) {
        return fail(no_such_role(wanted.role));
    }
    RETURN_IF_ERROR(check_text("The reason of a grant", wanted.reason));
    if (wanted.reason.empty()) {
        return fail(
            invalid_argument("invalid_text", "A grant has a reason, which the tenant reads."));
    }
    if (wanted.lasts <= std::chrono::seconds(0) || wanted.lasts > kGrantMax) {
        return fail(invalid_argument(
            "invalid_duration", fmt::format("A grant lasts at most {} hours.", kGrantMax.count())));
    }
    ASSIGN_OR_RETURN(const Tenant row, tenant(tenant_name));
    const WallNanos now = clock_.wall_now();
    Grant grant{.id = make_id(random_, "grant_"),
                .administrator = administrator.member_principal(),
                .role = wanted.role,
                .reason = wanted.reason,
                .created_at = now,
                .expires_at = now + std::chrono::nanoseconds(wanted.lasts).count()};
    const Status added = carry_out(row.id, [&](const TenantView& view) -> Change {
        ChangeDirectory change;
        size_t kept = view.grants().size();
        for (const Grant* old : view.grants()) {
            if (kept < kGrantsMax || old->expires_at > now) continue;
            change.remove.push_back({row.id, EntryKind::grant, old->id});
            --kept;
        }
        if (kept >= kGrantsMax) return fail(limit_reached("grants", kGrantsMax));
        change.put.push_back({entry_of(row.id, grant)});
        return change;
    });
    RETURN_IF_ERROR(added);
    return grant;
}

Status Administration::remove_grant(const Actor& actor, std::string_view id) {
    return change(actor, [&](const TenantView& view) -> Change {
        if (view.grant(id) == nullptr) return fail(no_such_grant(id));
        ChangeDirectory change;
        change.remove.push_back({view.tenant().id, EntryKind::grant, std::string(id)});
        return change;
    });
}

}  // namespace insula::tenancy
