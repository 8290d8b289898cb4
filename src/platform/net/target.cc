#include "platform/net/target.h"

#include <algorithm>

#include "base/hex.h"

namespace insula::net {

namespace {

Error malformed_target(std::string message) {
    return invalid_argument("malformed_target", std::move(message))
        .with_hint("Percent-encode the path and the query of the URL.");
}

bool needs_decoding(std::string_view text, bool plus_is_space) {
    return text.find('%') != std::string_view::npos ||
           (plus_is_space && text.find('+') != std::string_view::npos);
}

// `text` itself where nothing is encoded, otherwise its decoded copy in `storage`, whose capacity
// was reserved by the caller so that earlier views stay valid.
Result<std::string_view> decoded(std::string_view text, bool plus_is_space, std::string& storage) {
    if (!needs_decoding(text, plus_is_space)) return text;
    const size_t begin = storage.size();
    RETURN_IF_ERROR(percent_decode_into(text, plus_is_space, storage));
    return std::string_view(storage).substr(begin);
}

bool has_dot_segment(std::string_view path) {
    for (size_t at = path.find("/."); at != std::string_view::npos; at = path.find("/.", at + 1)) {
        const std::string_view segment = path.substr(at + 1, path.find('/', at + 1) - at - 1);
        if (segment == "." || segment == "..") return true;
    }
    return false;
}

// Only what RFC 3986 allows unencoded may stand in a target; control characters and spaces never
// do.
Status check_characters(std::string_view target) {
    const auto bad = std::ranges::find_if(target, [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte <= 0x20 || byte == 0x7f || c == '#' || c == '\\';
    });
    if (bad != target.end()) {
        return fail(malformed_target("The URL holds a character that must be percent-encoded."));
    }
    return {};
}

Status parse_query(std::string_view text, size_t parameters_max, RequestHead& head,
                   std::string& storage) {
    while (!text.empty()) {
        const size_t end = std::min(text.find('&'), text.size());
        const std::string_view pair = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (pair.empty()) continue;
        if (head.query.size() == parameters_max) {
            return fail(invalid_argument("too_many_parameters", "The URL has more than " +
                                                                    std::to_string(parameters_max) +
                                                                    " query parameters.")
                            .with_hint("Send fewer, or send them in the body."));
        }
        const size_t equals = std::min(pair.find('='), pair.size());
        const std::string_view rest = pair.substr(std::min(equals + 1, pair.size()));
        ASSIGN_OR_RETURN(const auto name, decoded(pair.substr(0, equals), true, storage));
        ASSIGN_OR_RETURN(const auto value, decoded(rest, true, storage));
        head.query.push_back({name, value});
    }
    return {};
}

}  // namespace

Status percent_decode_into(std::string_view text, bool plus_is_space, std::string& out) {
    for (size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '+' && plus_is_space) {
            out.push_back(' ');
        } else if (c != '%') {
            out.push_back(c);
        } else {
            const int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
            const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
            if (high < 0 || low < 0) {
                return fail(malformed_target("The URL has a '%' without two hexadecimal digits."));
            }
            if (high == 0 && low == 0) {
                return fail(malformed_target("The URL holds an encoded NUL character."));
            }
            out.push_back(static_cast<char>(high << 4 | low));
            i += 2;
        }
    }
    return {};
}

Status parse_target(std::string_view sent, size_t query_parameters_max, RequestHead& head,
                    std::string& storage) {
    storage.clear();
    head.query.clear();
    RETURN_IF_ERROR(check_characters(sent));
    if (sent == "*" && head.method == Method::options) {
        head.target = head.path = sent;
        return {};
    }
    if (!sent.starts_with('/')) {
        // Absolute form, which servers must accept (RFC 9112, 3.2.2); the authority is that of
        // Host.
        const size_t scheme = sent.find("://");
        if (scheme == std::string_view::npos) {
            return fail(malformed_target("The URL's path does not begin with '/'."));
        }
        const size_t slash = sent.find_first_of("/?", scheme + 3);
        sent = slash == std::string_view::npos ? std::string_view("/") : sent.substr(slash);
        if (sent.starts_with('?')) {
            return fail(malformed_target("The URL has no path before its query."));
        }
    }
    head.target = sent;
    const size_t question = std::min(sent.find('?'), sent.size());
    storage.reserve(sent.size());
    ASSIGN_OR_RETURN(head.path, decoded(sent.substr(0, question), false, storage));
    if (has_dot_segment(head.path)) {
        return fail(malformed_target("The URL's path holds a segment '.' or '..'."));
    }
    return parse_query(sent.substr(std::min(question + 1, sent.size())), query_parameters_max, head,
                       storage);
}

}  // namespace insula::net
