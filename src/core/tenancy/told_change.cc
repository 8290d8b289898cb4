#include "core/tenancy/told_change.h"

#include <fmt/format.h>

namespace insula::tenancy {

namespace {

using catalog::EntryKind;

std::string_view kind_name(EntryKind kind) {
    switch (kind) {
        case EntryKind::user:
            return "user";
        case EntryKind::service_account:
            return "service-account";
        case EntryKind::api_key:
            return "key";
        case EntryKind::role:
            return "role";
        case EntryKind::policy:
            return "policy";
        case EntryKind::sealing_key:
            return "sealing-key";
        case EntryKind::signing_key:
            return "signing-key";
        case EntryKind::revocation:
            return "revocation";
        case EntryKind::grant:
            return "grant";
        case EntryKind::plan:
            return "plan";
    }
    return "entry";
}

std::string_view status_name(catalog::TenantStatus status) {
    switch (status) {
        case catalog::TenantStatus::active:
            return "active";
        case catalog::TenantStatus::suspended:
            return "suspended";
        case catalog::TenantStatus::removing:
            return "removing";
    }
    return "unknown";
}

}  // namespace

std::vector<std::string> describe_change(const catalog::ChangeDirectory& change) {
    std::vector<std::string> said;
    if (change.add_tenant) said.push_back(fmt::format("add tenant/{}", change.add_tenant->slug));
    if (change.update_tenant) {
        said.push_back(fmt::format("put tenant/{}: {}", change.update_tenant->slug,
                                   status_name(change.update_tenant->status)));
    }
    for (const catalog::PutEntry& put : change.put) {
        said.push_back(fmt::format("{} {}/{}", put.replaces == 0 ? "add" : "put",
                                   kind_name(put.entry.kind), put.entry.name));
    }
    for (const catalog::EntryName& removed : change.remove) {
        said.push_back(fmt::format("remove {}/{}", kind_name(removed.kind), removed.name));
    }
    if (change.remove_tenant) {
        said.push_back(fmt::format("remove tenant/{}", change.remove_tenant->to_string()));
    }
    return said;
}

audit::Entry told_change(audit::Entry entry, const TenantId& changed,
                         const catalog::ChangeDirectory& change) {
    const TenantId& whose = change.add_tenant ? change.add_tenant->id : changed;
    entry.tenant.reset();
    if (whose != TenantId()) entry.tenant = whose;
    entry.changes = describe_change(change);
    return entry;
}

}  // namespace insula::tenancy
