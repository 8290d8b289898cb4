// The words of HTTP as frontends see them: a request's head, an answer's head, and the small rules
// of targets and header names. No library of sockets or HTTP is included here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace insula::net {

// NOLINTNEXTLINE(readability-identifier-naming): without the underscore it is a keyword
enum class Method : uint8_t { get, head, post, put, delete_, patch, options, other };

// "GET"; "OTHER" for other (RequestHead::method_name has the word that was sent).
std::string_view method_name(Method method);
Method parse_method(std::string_view name);

// "Not Found" for 404; "Unknown" for a status without a registered phrase.
std::string_view status_phrase(int status);

struct HeaderView {
    std::string_view name;
    std::string_view value;
};

struct Header {
    std::string name;
    std::string value;
};

struct QueryParameter {
    std::string_view name;   // decoded
    std::string_view value;  // decoded; empty where there was no '='
};

// The head of one request. Every view refers to memory of the connection and stays valid until the
// handler of that request has returned, also while it waits for another thread.
struct RequestHead {
    Method method = Method::other;
    std::string_view method_name;
    std::string_view target;  // as sent, without scheme and authority: path and query
    // Percent-decoded. Never holds NUL or a segment "." or ".."; such requests were answered with
    // 400. Decoding turns %2F into '/': routes whose names may hold a slash use path_segments().
    std::string_view path;
    std::vector<QueryParameter> query;       // in the order sent, duplicates kept
    std::vector<HeaderView> headers;         // in the order sent, values trimmed
    std::optional<uint64_t> content_length;  // of the body as sent; absent for chunked bodies
    bool chunked = false;
    bool keep_alive = true;
    bool http_1_0 = false;
    std::string_view remote_address;  // "203.0.113.7" or "2001:db8::1", without port
    bool secure = false;              // came by TLS
    // Whom the client's certificate names, once it was verified: "CN=loader,O=Acme" (RFC 2253).
    // Empty without one.
    std::string_view client_subject;

    // The first header of that name, compared without case; nullopt where it is absent.
    std::optional<std::string_view> header(std::string_view name) const;
    // The first query parameter of that name, compared exactly.
    std::optional<std::string_view> parameter(std::string_view name) const;
    bool has_body() const { return chunked || content_length.value_or(0) > 0; }
};

// The head of an answer. Content-Length, Transfer-Encoding, Connection and Date are the server's to
// set; putting one of them into `headers` is a programmer error. Header names and values come from
// our own code or are checked by valid_header_value() first.
struct ResponseHead {
    int status = 200;
    std::string content_type;  // no header when empty
    std::vector<Header> headers;
};

// ASCII only, as header names are.
bool equal_without_case(std::string_view left, std::string_view right);
// No control characters: a value with CR or LF would begin a header of its own.
bool valid_header_value(std::string_view value);

// Percent-decodes; '+' becomes a space where `plus_is_space` (query strings). Fails with
// invalid_argument("malformed_target") on a bad escape and on an encoded NUL.
Result<std::string> percent_decode(std::string_view text, bool plus_is_space = false);
// Encodes everything but letters, digits and "-._~" ('/' too, unless `keep_slash`).
std::string percent_encode(std::string_view text, bool keep_slash = false);

// The decoded segments of the target's path: "/sources/a%2Fb" gives {"sources", "a/b"}; empty
// segments at the ends are dropped. Cannot fail for the head of a request that reached a handler.
std::vector<std::string> path_segments(const RequestHead& request);

}  // namespace insula::net
