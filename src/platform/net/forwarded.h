// Who a request is from where proxies stand between. Each proxy adds, at the right end, the address
// that it was called from; so the list is read from there, past the proxies that are trusted, and
// the first other address counts. What stands left of it the client may have made up: of
// X-Forwarded-For it is not looked at.
//
// Only the header that the proxies are known to set is read: they pass the other one on as the
// client sent it. Thread-safe. Private to this folder.
#pragma once

#include <optional>
#include <span>

#include "base/result.h"
#include "platform/net/http.h"
#include "platform/net/http_server.h"
#include "platform/net/network.h"

namespace insula::net {

// Of a request that came from one of `trusted`. nullopt where the header is missing: the proxy
// itself asks. invalid_argument `malformed_forwarded` where what counts is no address ("unknown",
// a name, a port out of its bounds) or the header cannot be read: whose address to take instead
// nobody can say.
Result<std::optional<Address>> forwarded_address(const RequestHead& request, ForwardedHeader header,
                                                 std::span<const Network> trusted);

}  // namespace insula::net
