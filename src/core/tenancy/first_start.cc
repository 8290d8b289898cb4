#include "core/tenancy/first_start.h"

#include <fmt/format.h>

#include "core/audit/catalog_record.h"
#include "core/tenancy/new_key.h"
#include "core/tenancy/rank.h"
#include "core/tenancy/told_change.h"
#include "platform/crypto/hash.h"

namespace insula::tenancy {

using catalog::ChangeDirectory;
using catalog::EntryKind;

namespace {

// Where releases before there were members kept the hash of the only key, in hexadecimal.
constexpr std::string_view kLegacyKeyHash = "administrator_key_sha256";
// Whoever may run programs on the server's data directory.
constexpr std::string_view kOperator = "operator";

bool has_members(const TenantView& view) {
    return view.count(EntryKind::user) + view.count(EntryKind::service_account) > 0;
}

Member first_member(std::string_view name, std::string_view role, WallNanos now) {
    return {.kind = MemberKind::user,
            .name = std::string(name),
            .display_name = {},
            .email = {},
            .password_hash = {},
            .roles = {std::string(role)},
            .policies = {},
            .disabled = false,
            .created_at = now};
}

KeyOptions first_key_of(std::string_view name) {
    return {.owner_kind = MemberKind::user,
            .owner = std::string(name),
            .label = "made at the first start",
            .expires_at = 0};
}

// Absent where no earlier release has stored one.
Result<std::optional<std::string>> legacy_hash(catalog::Catalog& catalog) {
    ASSIGN_OR_RETURN(const auto stored, catalog.setting(kLegacyKeyHash));
    if (!stored) return std::nullopt;
    const auto bytes = crypto::hex_decode(*stored);
    if (!bytes) return fail(data_loss("the stored hash of the administrator's key is damaged"));
    return std::string(as_text(*bytes));
}

Status add_administrator(catalog::Catalog& catalog, Random& random, WallNanos now,
                         FirstMembers& members) {
    members.entries.push_back(
        entry_of(TenantId(), first_member(kFirstAdministrator, kPlatformRole, now)));
    ASSIGN_OR_RETURN(auto hash, legacy_hash(catalog));
    const KeyOptions options = first_key_of(kFirstAdministrator);
    if (hash) {
        members.entries.push_back(
            entry_of(TenantId(), key_of_hash(random, now, options, *std::move(hash))));
        return {};
    }
    NewKey made = make_key(random, now, options);
    members.entries.push_back(entry_of(TenantId(), made.key));
    members.keys.administrator = std::move(made.secret);
    return {};
}

}  // namespace

Result<FirstMembers> find_first_members(catalog::Catalog& catalog, Directory& directory,
                                        const TenantId& default_tenant, Random& random,
                                        WallNanos now) {
    FirstMembers members;
    ASSIGN_OR_RETURN(const TenantViewPtr platform, directory.view(TenantId()));
    if (!has_members(*platform)) {
        RETURN_IF_ERROR(add_administrator(catalog, random, now, members));
    }
    ASSIGN_OR_RETURN(const TenantViewPtr tenant, directory.view(default_tenant));
    if (!has_members(*tenant)) {
        members.entries.push_back(
            entry_of(default_tenant, first_member(kFirstOwner, kOwnerRole, now)));
        NewKey made = make_key(random, now, first_key_of(kFirstOwner));
        members.entries.push_back(entry_of(default_tenant, made.key));
        members.keys.owner = std::move(made.secret);
    }
    return members;
}

Status store_first_members(Directory& directory, const FirstMembers& members) {
    if (members.entries.empty()) return {};
    return directory.change(TenantId(), [&](const TenantView&) -> Result<ChangeDirectory> {
        ChangeDirectory change;
        for (const catalog::DirectoryEntry& entry : members.entries) {
            change.put.push_back({entry, 0});
        }
        return change;
    });
}

Result<std::string> reset_administrator_key(Directory& directory, Random& random, WallNanos now) {
    KeyOptions options = first_key_of(kFirstAdministrator);
    options.label = "made by key reset";
    const NewKey made = make_key(random, now, std::move(options));
    const Status stored =
        directory.change(TenantId(), [&](const TenantView& platform) -> Result<ChangeDirectory> {
            Member member = first_member(kFirstAdministrator, kPlatformRole, now);
            if (const Member* held = platform.member(member.kind, member.name)) {
                member = *held;
                member.disabled = false;
                member.roles = {std::string(kPlatformRole)};
            }
            ChangeDirectory change;
            change.put.push_back({entry_of(TenantId(), member),
                                  platform.revision(EntryKind::user, kFirstAdministrator)});
            for (const ApiKey* key : platform.keys()) {
                if (key->owner_kind != member.kind || key->owner != member.name) continue;
                change.remove.push_back({TenantId(), EntryKind::api_key, key->id});
            }
            change.put.push_back({entry_of(TenantId(), made.key), 0});
            audit::Entry told;
            told.actor = kOperator;
            told.action = "node:ResetAdministratorKey";
            told.resource = fmt::format("user/{}", kFirstAdministrator);
            told.decision = audit::kAllowed;
            told = told_change(std::move(told), TenantId(), change);
            told.id = audit::new_entry_id(random);
            told.time = now;
            change.audit.push_back(audit::catalog_record(told));
            return change;
        });
    RETURN_IF_ERROR(stored);
    return made.secret;
}

}  // namespace insula::tenancy
