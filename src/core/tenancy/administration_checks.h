// What the operations of administration have in common: how they refuse, and what they check.
// Internal to this folder. Pure functions.
#pragma once

#include <string_view>

#include "base/error.h"
#include "base/result.h"
#include "core/catalog/catalog.h"
#include "core/tenancy/gate.h"
#include "core/tenancy/identity.h"
#include "core/tenancy/rank.h"
#include "core/tenancy/tenant_view.h"

namespace insula::tenancy {

catalog::EntryKind entry_kind(MemberKind kind);
std::string_view noun(MemberKind kind);  // "service account"

Error no_such_member(MemberKind kind, std::string_view name);
Error no_such_key(std::string_view id);
Error no_such_role(std::string_view name);
Error no_such_policy(std::string_view name);
Error no_such_grant(std::string_view id);
Error no_such_tenant();
Error no_such_plan(std::string_view name);
Error exists(std::string_view what, std::string_view name);
Error limit_reached(std::string_view what, size_t limit);

// invalid_argument `invalid_text`; `what` begins the message: "A key's label".
Status check_text(std::string_view what, std::string_view text);
// permission_denied `exceeds_own_rights` unless the actor reaches as far as `rank`, and at least as
// far as an administrator of the tenant.
Status check_reaches(const Actor& actor, Rank rank);

// The member for which the actor makes or ends credentials: himself, or one whose rights reach no
// further than his. A token with scopes is not its member himself: it has less than he has.
Result<const Member*> member_to_act_for(const Actor& actor, const TenantView& view, MemberKind kind,
                                        std::string_view name);

// Adds the removal of all keys of `member`.
void remove_keys_of(const TenantView& view, const Member& member, catalog::ChangeDirectory& change);

}  // namespace insula::tenancy
