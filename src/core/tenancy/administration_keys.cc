// API keys.
#include <fmt/format.h>

#include <algorithm>

#include "core/tenancy/administration.h"
#include "core/tenancy/administration_checks.h"

namespace insula::tenancy {

using catalog::ChangeDirectory;
using catalog::EntryKind;

namespace {

bool has_expired(const ApiKey& key, WallNanos now) {
    return key.expires_at != 0 && key.expires_at <= now;
}

// As many as one change takes.
void remove_expired_keys(const TenantView& view, WallNanos now, ChangeDirectory& change) {
    for (const ApiKey* key : view.keys()) {
        if (change.remove.size() == catalog::kDirectoryEntriesMax / 2) return;
        if (!has_expired(*key, now)) continue;
        change.remove.push_back({view.tenant().id, EntryKind::api_key, key->id});
    }
}

// For one more key of the member that owns `key`.
Status check_room(const TenantView& view, const ApiKey& key, WallNanos now) {
    if (view.count(EntryKind::api_key) >= kKeysMax) {
        return fail(limit_reached("keys of one tenant", kKeysMax));
    }
    const auto alike = std::ranges::count_if(view.keys(), [&](const ApiKey* other) {
        return other->owner_kind == key.owner_kind && other->owner == key.owner &&
               !has_expired(*other, now);
    });
    if (static_cast<size_t>(alike) < kKeysOfMemberMax) return {};
    return fail(limit_reached("keys of one member", kKeysOfMemberMax));
}

}  // namespace

Result<NewKey> Administration::add_key(const Actor& actor, KeyOptions wanted) {
    RETURN_IF_ERROR(check_text("A key's label", wanted.label));
    const WallNanos now = clock_.wall_now();
    if (wanted.expires_at != 0 && wanted.expires_at <= now) {
        return fail(invalid_argument("invalid_expiry", "The key would have expired already."));
    }
    NewKey made = make_key(random_, now, std::move(wanted));
    const Status added = change(actor, [&](const TenantView& view) -> Change {
        const ApiKey& key = made.key;
        RETURN_IF_ERROR(member_to_act_for(actor, view, key.owner_kind, key.owner));
        ChangeDirectory change;
        remove_expired_keys(view, now, change);
        RETURN_IF_ERROR(check_room(view, key, now));
        change.put.push_back({entry_of(view.tenant().id, key)});
        return change;
    });
    RETURN_IF_ERROR(added);
    return made;
}

Result<NewKey> Administration::rotate_key(const Actor& actor, std::string_view id,
                                          std::chrono::seconds overlap) {
    if (overlap < std::chrono::seconds(0) || overlap > kKeyOverlapMax) {
        return fail(invalid_argument(
            "invalid_duration",
            fmt::format("The old key goes on for at most {} hours.", kKeyOverlapMax.count())));
    }
    const WallNanos now = clock_.wall_now();
    NewKey made;
    const Status rotated = change(actor, [&](const TenantView& view) -> Change {
        const ApiKey* old = view.key(id);
        if (old == nullptr) return fail(no_such_key(id));
        RETURN_IF_ERROR(member_to_act_for(actor, view, old->owner_kind, old->owner));
        made = make_key(random_, now,
                        {.owner_kind = old->owner_kind,
                         .owner = old->owner,
                         .label = old->label,
                         .expires_at = old->expires_at});
        ChangeDirectory change;
        if (overlap > std::chrono::seconds(0)) RETURN_IF_ERROR(check_room(view, *old, now));
        if (overlap == std::chrono::seconds(0)) {
            change.remove.push_back({view.tenant().id, EntryKind::api_key, old->id});
        } else {
            const WallNanos ends = now + std::chrono::nanoseconds(overlap).count();
            ApiKey ending = *old;
            ending.expires_at = ending.expires_at == 0 ? ends : std::min(ending.expires_at, ends);
            change.put.push_back(
                {entry_of(view.tenant().id, ending), view.revision(EntryKind::api_key, old->id)});
        }
        change.put.push_back({entry_of(view.tenant().id, made.key)});
        return change;
    });
    RETURN_IF_ERROR(rotated);
    return made;
}

Status Administration::remove_key(const Actor& actor, std::string_view id) {
    return change(actor, [&](const TenantView& view) -> Change {
        const ApiKey* key = view.key(id);
        if (key == nullptr) return fail(no_such_key(id));
        RETURN_IF_ERROR(member_to_act_for(actor, view, key->owner_kind, key->owner));
        ChangeDirectory change;
        change.remove.push_back({view.tenant().id, EntryKind::api_key, key->id});
        return change;
    });
}

}  // namespace insula::tenancy
