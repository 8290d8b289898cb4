#include "platform/net/http.h"

#include <algorithm>
#include <array>
#include <utility>

#include "platform/net/target.h"

namespace insula::net {

namespace {

constexpr std::array<std::pair<std::string_view, Method>, 7> kMethods = {{
    {"GET", Method::get},
    {"HEAD", Method::head},
    {"POST", Method::post},
    {"PUT", Method::put},
    {"DELETE", Method::delete_},
    {"PATCH", Method::patch},
    {"OPTIONS", Method::options},
}};

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

constexpr bool unreserved(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

}  // namespace

std::string_view method_name(Method method) {
    for (const auto& [name, known] : kMethods) {
        if (known == method) return name;
    }
    return "OTHER";
}

Method parse_method(std::string_view name) {
    for (const auto& [known, method] : kMethods) {
        if (known == name) return method;
    }
    return Method::other;
}

// Registered phrases (IANA HTTP status codes) of the statuses that Insula sends or its clients
// meet.
std::string_view status_phrase(int status) {
    switch (status) {
        case 100:
            return "Continue";
        case 200:
            return "OK";
        case 201:
            return "Created";
        case 202:
            return "Accepted";
        case 204:
            return "No Content";
        case 206:
            return "Partial Content";
        case 301:
            return "Moved Permanently";
        case 302:
            return "Found";
        case 304:
            return "Not Modified";
        case 307:
            return "Temporary Redirect";
        case 308:
            return "Permanent Redirect";
        case 400:
            return "Bad Request";
        case 401:
            return "Unauthorized";
        case 403:
            return "Forbidden";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 406:
            return "Not Acceptable";
        case 408:
            return "Request Timeout";
        case 409:
            return "Conflict";
        case 411:
            return "Length Required";
        case 412:
            return "Precondition Failed";
        case 413:
            return "Content Too Large";
        case 414:
            return "URI Too Long";
        case 415:
            return "Unsupported Media Type";
        case 416:
            return "Range Not Satisfiable";
        case 417:
            return "Expectation Failed";
        case 422:
            return "Unprocessable Content";
        case 429:
            return "Too Many Requests";
        case 431:
            return "Request Header Fields Too Large";
        case 499:
            return "Client Closed Request";
        case 500:
            return "Internal Server Error";
        case 501:
            return "Not Implemented";
        case 502:
            return "Bad Gateway";
        case 503:
            return "Service Unavailable";
        case 504:
            return "Gateway Timeout";
        case 505:
            return "HTTP Version Not Supported";
        case 507:
            return "Insufficient Storage";
        default:
            return "Unknown";
    }
}

bool equal_without_case(std::string_view left, std::string_view right) {
    return left.size() == right.size() &&
           std::equal(left.begin(), left.end(), right.begin(),
                      [](char a, char b) { return lower(a) == lower(b); });
}

bool valid_header_value(std::string_view value) {
    return std::ranges::none_of(value, [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return (byte < 0x20 && c != '\t') || byte == 0x7f;
    });
}

std::optional<std::string_view> RequestHead::header(std::string_view name) const {
    for (const HeaderView& field : headers) {
        if (equal_without_case(field.name, name)) return field.value;
    }
    return std::nullopt;
}

std::optional<std::string_view> RequestHead::parameter(std::string_view name) const {
    for (const QueryParameter& each : query) {
        if (each.name == name) return each.value;
    }
    return std::nullopt;
}

Result<std::string> percent_decode(std::string_view text, bool plus_is_space) {
    std::string decoded;
    decoded.reserve(text.size());
    RETURN_IF_ERROR(percent_decode_into(text, plus_is_space, decoded));
    return decoded;
}

std::string percent_encode(std::string_view text, bool keep_slash) {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    std::string encoded;
    encoded.reserve(text.size() + text.size() / 2);
    for (const char c : text) {
        if (unreserved(c) || (keep_slash && c == '/')) {
            encoded.push_back(c);
        } else {
            const auto byte = static_cast<unsigned char>(c);
            encoded.push_back('%');
            encoded.push_back(kDigits[byte >> 4]);
            encoded.push_back(kDigits[byte & 15]);
        }
    }
    return encoded;
}

std::vector<std::string> path_segments(const RequestHead& request) {
    std::string_view rest = request.target.substr(0, request.target.find('?'));
    std::vector<std::string> segments;
    if (rest.starts_with('/')) rest.remove_prefix(1);
    if (rest.ends_with('/')) rest.remove_suffix(1);
    while (!rest.empty()) {
        const size_t slash = rest.find('/');
        Result<std::string> segment = percent_decode(rest.substr(0, slash));
        // The whole target was decoded before the request reached a handler.
        segments.push_back(segment ? *std::move(segment) : std::string());
        rest = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
    }
    return segments;
}

}  // namespace insula::net
