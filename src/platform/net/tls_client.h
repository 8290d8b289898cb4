// The client's side of TLS: whom it trusts, what it shows, and why a handshake failed in words that
// say what to do. Private to this folder.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "platform/net/tls.h"
#include "platform/net/tls_session.h"

namespace insula::net {

// invalid_configuration where a file cannot be used.
Result<std::shared_ptr<ssl_ctx_st>> make_client_context(const TlsClientOptions& options);

// A session that takes no certificate but one of `host`, a name or an address.
Result<std::unique_ptr<TlsSession>> open_client_session(const std::shared_ptr<ssl_ctx_st>& context,
                                                        const std::string& host);

// unavailable `certificate_not_trusted`, `client_certificate_refused` or `tls_failed`.
Error handshake_error(TlsSession& session, const std::string& host);

}  // namespace insula::net
