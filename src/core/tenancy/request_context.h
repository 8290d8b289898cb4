// RequestContext: who asks, for which tenant, until when. Made by the Gate from a credential,
// passed by reference to everything that a request does. Immutable but for the cancel token.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "core/catalog/types.h"
#include "platform/runtime/deadline.h"

namespace insula::tenancy {

// Whether the request may do this: permission_denied `not_permitted`.
using Authorise = std::function<Status(std::string_view action, std::string_view resource)>;
inline Status deny_all(std::string_view, std::string_view) {
    return fail(internal_error("a request whose rights nobody has found out"));
}

// What the audit log is to say of a change that the request makes: stored with it, so that there is
// none without the other. To be asked after the change was authorised.
using Tell = std::function<std::vector<catalog::AuditRecord>(std::string_view action)>;
inline std::vector<catalog::AuditRecord> tell_nothing(std::string_view) { return {}; }

struct RequestContext {
    std::string request_id;
    std::string principal;    // "user/ann", "developer"
    std::string_view action;  // what the request is for
    // For what is only known on the way, such as the sources that a body names.
    Authorise authorise = deny_all;
    Tell tell = tell_nothing;
    TenantId tenant;
    std::string tenant_slug;
    std::string remote_address;
    Deadline deadline = Deadline::never();
    CancelToken cancel;
};

}  // namespace insula::tenancy
