// The first members: an administrator of the platform and an owner of the default tenant, without
// whom nobody could let anybody in. Called from one thread.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "core/catalog/catalog.h"
#include "core/tenancy/directory.h"
#include "platform/runtime/clock.h"
#include "platform/runtime/random.h"

namespace insula::tenancy {

inline constexpr std::string_view kFirstAdministrator = "administrator";
inline constexpr std::string_view kFirstOwner = "owner";

// Keys that are shown once.
struct FirstKeys {
    std::optional<std::string> administrator;
    std::optional<std::string> owner;
};

// What is missing, not stored yet: the keys are to be shown before, or they are lost to whoever
// should have them.
struct FirstMembers {
    FirstKeys keys;
    std::vector<catalog::DirectoryEntry> entries;
};

// An administrator where the platform has no member (with the key whose hash an earlier release
// stored, if there is one), an owner where the default tenant has none.
Result<FirstMembers> find_first_members(catalog::Catalog& catalog, Directory& directory,
                                        const TenantId& default_tenant, Random& random,
                                        WallNanos now);
Status store_first_members(Directory& directory, const FirstMembers& members);

// Another key for the first administrator, in the place of all that he has: for a node that is not
// running, whose own was lost. He is an administrator again whatever was done to him.
Result<std::string> reset_administrator_key(Directory& directory, Random& random, WallNanos now);

}  // namespace insula::tenancy
