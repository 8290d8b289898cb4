#include "platform/net/forwarded.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <vector>

namespace insula::net {

namespace {

constexpr std::string_view kBlanks = " \t";

Error malformed() {
    return invalid_argument("malformed_forwarded",
                            "What a proxy says of the client's address cannot be read.");
}

std::string_view trimmed(std::string_view text) {
    const size_t begin = text.find_first_not_of(kBlanks);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(kBlanks) + 1 - begin);
}

bool is_port(std::string_view digits) {
    uint16_t port = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    return error == std::errc() && end == digits.data() + digits.size();
}

// "10.0.0.7", "10.0.0.7:4711", "2001:db8::7", "[2001:db8::7]", "[2001:db8::7]:4711".
std::optional<Address> parse_node(std::string_view node) {
    if (node.starts_with('[')) {
        const size_t end = node.find(']');
        if (end == std::string_view::npos) return std::nullopt;
        const std::string_view inside = node.substr(1, end - 1);
        const std::string_view port = node.substr(end + 1);
        const bool port_is_fine =
            port.empty() || (port.starts_with(':') && is_port(port.substr(1)));
        if (!port_is_fine || inside.find(':') == std::string_view::npos) return std::nullopt;
        return parse_address(inside);
    }
    const size_t colon = node.find(':');
    const bool one_colon = colon != std::string_view::npos && colon == node.rfind(':');
    if (!one_colon) return parse_address(node);
    if (!is_port(node.substr(colon + 1))) return std::nullopt;
    return parse_address(node.substr(0, colon));
}

// All lines of the header in one, as RFC 9110 (5.3) lets a recipient have it.
std::string joined(const RequestHead& request, std::string_view name) {
    std::string all;
    for (const HeaderView& header : request.headers) {
        if (!equal_without_case(header.name, name)) continue;
        if (!all.empty()) all.push_back(',');
        all.append(header.value);
    }
    return all;
}

// The parts between `separator`s, blanks taken off; with `quotes`, of separators outside quoted
// strings only. nullopt where a quoted string does not end: a quotation mark of the client's must
// not hide what a proxy has added.
std::optional<std::vector<std::string_view>> split(std::string_view text, char separator,
                                                   bool quotes) {
    std::vector<std::string_view> parts;
    bool quoted = false;
    size_t begin = 0;
    for (size_t at = 0; at < text.size(); ++at) {
        if (quoted && text[at] == '\\') {
            ++at;
        } else if (quotes && text[at] == '"') {
            quoted = !quoted;
        } else if (text[at] == separator && !quoted) {
            parts.push_back(trimmed(text.substr(begin, at - begin)));
            begin = at + 1;
        }
    }
    if (quoted) return std::nullopt;
    parts.push_back(trimmed(text.substr(begin)));
    return parts;
}

// A token as it is, or what a quoted string holds; addresses need no escapes.
std::optional<std::string_view> unquoted(std::string_view value) {
    if (!value.starts_with('"')) {
        if (value.find('"') != std::string_view::npos) return std::nullopt;
        return value;
    }
    if (value.size() < 2 || !value.ends_with('"')) return std::nullopt;
    const std::string_view inside = value.substr(1, value.size() - 2);
    if (inside.find_first_of("\"\\") != std::string_view::npos) return std::nullopt;
    return inside;
}

// The value of "for" in one element of Forwarded; empty where there is none.
std::optional<std::string_view> parse_element(std::string_view element) {
    const auto pairs = split(element, ';', true);
    if (!pairs) return std::nullopt;
    std::optional<std::string_view> node;
    for (const std::string_view pair : *pairs) {
        if (pair.empty()) continue;
        const size_t equals = pair.find('=');
        if (equals == std::string_view::npos) return std::nullopt;
        const auto value = unquoted(pair.substr(equals + 1));
        if (!value) return std::nullopt;
        if (!equal_without_case(pair.substr(0, equals), "for")) continue;
        if (node) return std::nullopt;
        node = *value;
    }
    return node.value_or("");
}

}  // namespace

Result<std::optional<Address>> forwarded_address(const RequestHead& request, ForwardedHeader header,
                                                 std::span<const Network> trusted) {
    const bool standard = header == ForwardedHeader::forwarded;
    const std::string text = joined(request, standard ? "forwarded" : "x-forwarded-for");
    const auto elements = split(text, ',', standard);
    if (!elements) return fail(malformed());
    std::optional<Address> last;
    for (auto element = elements->rbegin(); element != elements->rend(); ++element) {
        if (element->empty()) continue;  // RFC 9110 (5.6.1): empty elements do not count
        const auto node = standard ? parse_element(*element) : std::optional(*element);
        const auto address = node ? parse_node(*node) : std::nullopt;
        if (!address) return fail(malformed());
        last = *address;
        if (!any_contains(trusted, *address)) break;
    }
    return last;
}

}  // namespace insula::net
