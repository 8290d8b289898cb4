#include "frontends/rest/cors.h"

#include <algorithm>

namespace insula::rest {

namespace {

constexpr std::string_view kAny = "*";
// How long a browser may remember the answer to a preflight: ten minutes, as long as one that the
// operator has taken off the list may go on asking.
constexpr std::string_view kMaxAgeSeconds = "600";
// Beside those that pages may always read.
constexpr std::string_view kExposed = "X-Request-Id, Retry-After";

bool contains(const std::vector<std::string>& list, std::string_view item) {
    return std::ranges::find(list, item) != list.end();
}

template <class Items, class Text>
std::string joined(const Items& items, Text text) {
    std::string all;
    for (const auto& item : items) {
        if (!all.empty()) all.append(", ");
        all.append(text(item));
    }
    return all;
}

}  // namespace

Cors::Cors(CorsOptions options)
    : options_(std::move(options)),
      any_(contains(options_.origins, kAny)),
      any_header_(contains(options_.allow_headers, kAny)),
      allow_headers_(joined(options_.allow_headers, [](const std::string& name) { return name; })) {
}

bool Cors::names(std::string_view origin) const {
    return origin != kAny && contains(options_.origins, origin);
}

std::vector<net::Header> Cors::answer_headers(std::optional<std::string_view> origin) const {
    std::vector<net::Header> headers{{"Vary", "Origin"}};
    if (!origin || !allows(*origin)) return headers;
    headers.push_back(
        {"Access-Control-Allow-Origin", std::string(names(*origin) ? *origin : kAny)});
    headers.push_back({"Access-Control-Expose-Headers", std::string(kExposed)});
    return headers;
}

bool Cors::is_preflight(const net::RequestHead& request) {
    return request.method == net::Method::options && request.header("origin") &&
           request.header("access-control-request-method");
}

std::vector<net::Header> Cors::preflight_headers(const net::RequestHead& request,
                                                 const std::vector<net::Method>& methods) const {
    const auto name = [](net::Method method) { return net::method_name(method); };
    std::vector<net::Header> headers{{"Access-Control-Allow-Methods", joined(methods, name)},
                                     {"Access-Control-Max-Age", std::string(kMaxAgeSeconds)}};
    // A browser takes "*" for all headers but Authorization: what was asked for is named instead.
    const std::string_view asked = request.header("access-control-request-headers").value_or("");
    const bool named = any_header_ && net::valid_header_value(asked);
    const std::string allowed = named ? std::string(asked) : allow_headers_;
    if (!allowed.empty()) headers.push_back({"Access-Control-Allow-Headers", allowed});
    return headers;
}

}  // namespace insula::rest
