// What is asked of a request before its handler runs: nothing that it says is left unread, nothing
// stands twice where only one can count, and no page of a browser is obeyed by a developer's
// server.
#pragma once

#include <string_view>

#include "base/result.h"
#include "frontends/rest/cors.h"
#include "frontends/rest/routes.h"
#include "platform/net/http.h"

namespace insula::rest {

// invalid_argument `unknown_parameter` and `duplicate_parameter`, by Route::parameters.
Status check_parameters(const Route& route, const net::RequestHead& request);

// invalid_argument `duplicate_header` where a header that decides what happens stands twice.
Status check_headers(const net::RequestHead& request);

// unsupported_media `unsupported_content_type` where the body is not declared as JSON. Browsers
// send other types, and none, across origins without asking; JSON they do not.
Status check_json_content_type(const net::RequestHead& request);

// For servers in development mode, which ask for no credential: permission_denied
// `host_not_allowed` for a Host, and `origin_not_allowed` for an Origin, that is not this machine.
// Origins that `cors` names are let in.
Status check_local(const net::RequestHead& request, const Cors& cors);

}  // namespace insula::rest
