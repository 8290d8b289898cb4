// What an entry of the audit log says of a change of directories. Internal to this folder. Pure.
#pragma once

#include <string>
#include <vector>

#include "core/audit/entry.h"
#include "core/catalog/catalog.h"

namespace insula::tenancy {

// "add tenant/acme", "put user/bob", "remove api_key/key_1": names alone, nothing that is secret.
std::vector<std::string> describe_change(const catalog::ChangeDirectory& change);

// `entry` with what the change is, and whose it is: `changed` is the nil id for the platform's own
// directory and for a new tenant.
audit::Entry told_change(audit::Entry entry, const TenantId& changed,
                         const catalog::ChangeDirectory& change);

}  // namespace insula::tenancy
