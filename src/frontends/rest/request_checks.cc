#include "frontends/rest/request_checks.h"

#include <algorithm>
#include <array>
#include <string>

namespace insula::rest {

namespace {

constexpr size_t kShownNameBytesMax = 100;

// Credentials and X-Tenant-Id are counted where they are read.
constexpr std::array<std::string_view, 4> kSingleHeaders{"content-type", "content-encoding",
                                                         "idempotency-key", "origin"};

const Parameter* find_parameter(const Route& route, std::string_view name) {
    const auto found = std::ranges::find(route.parameters, name, &Parameter::name);
    return found == route.parameters.end() ? nullptr : &*found;
}

std::string known_parameters(const Route& route) {
    if (route.parameters.empty()) return "This route takes no parameters.";
    std::string known;
    for (const Parameter& parameter : route.parameters) {
        known.append(known.empty() ? "Known parameters: " : ", ").append(parameter.name);
    }
    return known + ".";
}

std::string quoted(std::string_view name) {
    return "\"" + std::string(name.substr(0, kShownNameBytesMax)) + "\"";
}

// Names by which a browser on this machine reaches it; others are a page's attempt to reach the
// developer's server under a name of its own (DNS rebinding).
bool is_local_host(std::string_view host) {
    if (host.starts_with('[')) {
        constexpr std::string_view kLoopback = "[::1]";
        return host.starts_with(kLoopback) &&
               (host.size() == kLoopback.size() || host[kLoopback.size()] == ':');
    }
    const std::string_view name = host.substr(0, host.find(':'));
    return net::equal_without_case(name, "localhost") || name == "127.0.0.1";
}

// "http://localhost:3000"; "null", as of a sandboxed page, is foreign.
bool is_local_origin(std::string_view origin) {
    for (const std::string_view scheme : {"http://", "https://"}) {
        if (origin.starts_with(scheme)) return is_local_host(origin.substr(scheme.size()));
    }
    return false;
}

}  // namespace

Status check_parameters(const Route& route, const net::RequestHead& request) {
    for (size_t i = 0; i < request.query.size(); ++i) {
        const std::string_view name = request.query[i].name;
        const Parameter* known = find_parameter(route, name);
        if (known == nullptr) {
            return fail(invalid_argument("unknown_parameter",
                                         "This route takes no parameter " + quoted(name) + ".")
                            .with_hint(known_parameters(route)));
        }
        if (known->repeatable) continue;
        for (size_t k = 0; k < i; ++k) {
            if (request.query[k].name != name) continue;
            return fail(invalid_argument("duplicate_parameter",
                                         "The parameter " + quoted(name) + " was sent twice.")
                            .with_hint("Send it once."));
        }
    }
    return {};
}

Status check_headers(const net::RequestHead& request) {
    std::array<bool, kSingleHeaders.size()> seen{};
    for (const net::HeaderView& header : request.headers) {
        for (size_t i = 0; i < kSingleHeaders.size(); ++i) {
            if (!net::equal_without_case(header.name, kSingleHeaders[i])) continue;
            if (seen[i]) {
                return fail(invalid_argument(
                    "duplicate_header",
                    "The header " + std::string(kSingleHeaders[i]) + " was sent twice."));
            }
            seen[i] = true;
        }
    }
    return {};
}

Status check_json_content_type(const net::RequestHead& request) {
    const std::string_view type = request.header("content-type").value_or("");
    const std::string_view name = type.substr(0, type.find(';'));
    if (net::equal_without_case(name.substr(0, name.find(' ')), "application/json")) return {};
    return fail(Error(Code::unsupported_media, "unsupported_content_type",
                      "This route takes JSON; the body is " +
                          (name.empty() ? std::string("without Content-Type") : quoted(name)) + ".")
                    .with_hint("Send Content-Type: application/json."));
}

Status check_local(const net::RequestHead& request, const Cors& cors) {
    const auto host = request.header("host");
    if (host && !is_local_host(*host)) {
        return fail(Error(Code::permission_denied, "host_not_allowed",
                          "In development mode the server answers only to localhost.")
                        .with_hint("Use http://localhost or http://127.0.0.1, or start without "
                                   "--dev."));
    }
    const auto origin = request.header("origin");
    const bool listed = origin && cors.enabled() && cors.names(*origin);
    if (origin && !is_local_origin(*origin) && !listed) {
        return fail(Error(Code::permission_denied, "origin_not_allowed",
                          "In development mode the server answers no page of another site.")
                        .with_hint("Open the page from http://localhost, or start without --dev."));
    }
    return {};
}

}  // namespace insula::rest
