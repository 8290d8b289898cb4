#include "stores/tables/attached/address.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/hex.h"
#include "platform/json/utf8.h"

namespace insula::tables {

namespace {

constexpr std::string_view kFileScheme = "file://";

constexpr std::array kEndings{
    std::pair<std::string_view, AttachedFormat>{".parquet", AttachedFormat::parquet},
    std::pair<std::string_view, AttachedFormat>{".json", AttachedFormat::json},
    std::pair<std::string_view, AttachedFormat>{".ndjson", AttachedFormat::json},
    std::pair<std::string_view, AttachedFormat>{".jsonl", AttachedFormat::json},
    std::pair<std::string_view, AttachedFormat>{".csv", AttachedFormat::csv},
    std::pair<std::string_view, AttachedFormat>{".tsv", AttachedFormat::tsv},
};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool equal_without_case(std::string_view one, std::string_view other) {
    return std::ranges::equal(one, other, {}, lower, lower);
}

// Names end up in messages.
bool is_text(std::string_view name) { return json::valid_utf8(name); }

Error other_scheme(std::string_view connection_string) {
    const std::string_view scheme =
        connection_string.substr(0, connection_string.find("://")).substr(0, 32);
    const bool named = scheme.size() < connection_string.size();
    return Error(Code::unprocessable, "connection_not_available",
                 named
                     ? "Addresses of the scheme \"" + std::string(scheme) + "\" cannot be attached."
                     : "The connection_string is not an address.")
        .with_hint(
            "Addresses of files work: file://sales, file://sales/*.parquet. s3:// comes "
            "with the object store. Without connection_string the source takes writes.");
}

}  // namespace

std::optional<AttachedFormat> attached_format(std::string_view name) {
    for (const auto& [ending, format] : kEndings) {
        // A name that is an ending alone is a hidden file.
        if (name.size() > ending.size() &&
            equal_without_case(name.substr(name.size() - ending.size()), ending)) {
            return format;
        }
    }
    return std::nullopt;
}

std::optional<NamePattern> NamePattern::parse(std::string_view encoded) {
    NamePattern pattern;
    for (size_t at = 0; at < encoded.size(); ++at) {
        const char c = encoded[at];
        if (c == '*' || c == '?') {
            pattern.parts_.push_back({c == '*' ? Part::Kind::many : Part::Kind::one, c});
            continue;
        }
        if (c != '%') {
            pattern.parts_.push_back({Part::Kind::character, c});
            continue;
        }
        if (at + 2 >= encoded.size()) return std::nullopt;
        const int high = hex_value(encoded[at + 1]);
        const int low = hex_value(encoded[at + 2]);
        if (high < 0 || low < 0) return std::nullopt;
        pattern.parts_.push_back({Part::Kind::character, static_cast<char>(high * 16 + low)});
        at += 2;
    }
    return pattern;
}

bool NamePattern::is_plain() const {
    return std::ranges::all_of(parts_,
                               [](const Part& part) { return part.kind == Part::Kind::character; });
}

std::string NamePattern::text() const {
    std::string text;
    for (const Part& part : parts_) text.push_back(part.character);
    return text;
}

// Goes back only to the last '*': time is at most the product of both lengths.
bool NamePattern::matches(std::string_view name) const {
    size_t part = 0;
    size_t at = 0;
    std::optional<std::pair<size_t, size_t>> retry;  // behind the last '*', and what it took
    while (at < name.size()) {
        if (part < parts_.size() && parts_[part].kind == Part::Kind::many) {
            retry = {++part, at};
            continue;
        }
        const bool fits = part < parts_.size() && (parts_[part].kind == Part::Kind::one ||
                                                   parts_[part].character == name[at]);
        if (fits) {
            ++part;
            ++at;
        } else if (retry) {
            part = retry->first;
            at = ++retry->second;
        } else {
            return false;
        }
    }
    return std::all_of(parts_.begin() + static_cast<ptrdiff_t>(part), parts_.end(),
                       [](const Part& rest) { return rest.kind == Part::Kind::many; });
}

Result<AttachedAddress> AttachedAddress::parse(std::string_view connection_string) {
    if (!connection_string.starts_with(kFileScheme)) return fail(other_scheme(connection_string));
    std::string_view path = connection_string.substr(kFileScheme.size());
    AttachedAddress address;
    address.absolute = path.starts_with('/');
    std::vector<NamePattern> names;
    while (!path.empty()) {
        const size_t end = std::min(path.find('/'), path.size());
        const std::string_view encoded = path.substr(0, end);
        path.remove_prefix(std::min(end + 1, path.size()));
        if (encoded.empty()) continue;  // "//", and the '/' at the beginning or the end
        auto name = NamePattern::parse(encoded);
        if (!name) return fail(attachment_not_found("malformed percent-encoding"));
        const std::string text = name->text();
        const bool usable = text != "." && text != ".." && is_text(text) &&
                            text.find('/') == std::string::npos &&
                            text.find('\0') == std::string::npos;
        if (!usable) return fail(attachment_not_found("a name that no file has"));
        names.push_back(*std::move(name));
    }
    if (names.empty()) return fail(attachment_not_found("an address without a name"));
    address.last = std::move(names.back());
    names.pop_back();
    for (const NamePattern& name : names) {
        if (!name.is_plain()) return fail(attachment_not_found("a pattern within the path"));
        address.directories.push_back(name.text());
    }
    return address;
}

Error attachment_not_found(std::string_view detail) {
    return Error(Code::unprocessable, "attachment_not_found",
                 "There is nothing at the address of connection_string that may be attached.")
        .with_hint(
            "It must be a file, a directory or a pattern such as file://sales/*.csv, below "
            "a directory that the server's operator allowed "
            "(server.allowed_data_roots), and not a symbolic link; names end in .parquet, "
            ".json, .ndjson, .jsonl, .csv or .tsv.")
        .with_detail(detail);
}

}  // namespace insula::tables
