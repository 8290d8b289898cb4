// Cross-origin requests (CORS, https://fetch.spec.whatwg.org/#http-cors-protocol): which web sites'
// pages may read our answers. A browser asks; other clients are not concerned, and no right comes
// from it: credentials are sent by pages themselves, never by cookies, so that
// Access-Control-Allow-Credentials is never answered. Immutable; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/net/http.h"

namespace insula::rest {

struct CorsOptions {
    bool enabled = false;
    std::vector<std::string> origins;        // "https://app.example.org", exactly; or "*"
    std::vector<std::string> allow_headers;  // that pages may send; or "*"
};

class Cors {
  public:
    explicit Cors(CorsOptions options);

    bool enabled() const { return options_.enabled; }
    bool allows(std::string_view origin) const { return any_ || names(origin); }
    // Whether the list names it, not counting "*".
    bool names(std::string_view origin) const;

    // What every answer carries, whatever it says: caches must not give one site's to another.
    std::vector<net::Header> answer_headers(std::optional<std::string_view> origin) const;

    // The question that a browser asks before a request of a page (OPTIONS with
    // Access-Control-Request-Method). Never carries a credential.
    static bool is_preflight(const net::RequestHead& request);
    // What is added to answer_headers() where the origin is allowed.
    std::vector<net::Header> preflight_headers(const net::RequestHead& request,
                                               const std::vector<net::Method>& methods) const;

  private:
    const CorsOptions options_;
    bool any_ = false;
    bool any_header_ = false;
    std::string allow_headers_;
};

}  // namespace insula::rest
