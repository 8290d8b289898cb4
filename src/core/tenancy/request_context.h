// RequestContext: who asks, for which tenant, until when. Made by the Gate from a credential,
// passed by reference to everything that a request does. Immutable but for the cancel token.
#pragma once

#include <string>

#include "base/ids.h"
#include "platform/runtime/deadline.h"

namespace insula::tenancy {

struct RequestContext {
    std::string request_id;
    std::string principal;  // "administrator", "developer"
    TenantId tenant;
    std::string tenant_slug;
    std::string remote_address;
    Deadline deadline = Deadline::never();
    CancelToken cancel;
};

}  // namespace insula::tenancy
