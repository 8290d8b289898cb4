#include "cli/query_arguments.h"

#include <utility>

#include "cli/exit_code.h"

namespace insula::cli {

namespace {

using json::JsonValue;

JsonValue text_value(std::string_view text) { return JsonValue(plain_name(text)); }

Error empty_name(std::string_view flag, std::string_view text) {
    return usage_error(std::string(flag) + " \"" + std::string(text) + "\" holds an empty name.");
}

}  // namespace

std::vector<std::string> split_names(std::string_view text, char separator) {
    std::vector<std::string> parts(1);
    for (size_t at = 0; at < text.size(); ++at) {
        if (text[at] == separator) {
            parts.emplace_back();
        } else if (text[at] == '\\' && at + 1 < text.size()) {
            const char next = text[++at];
            if (next != separator) parts.back().push_back('\\');
            parts.back().push_back(next);
        } else {
            parts.back().push_back(text[at]);
        }
    }
    return parts;
}

std::string plain_name(std::string_view text) {
    std::string name;
    for (size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '\\' && at + 1 < text.size()) ++at;
        name.push_back(text[at]);
    }
    return name;
}

Result<JsonValue> parse_columns(std::string_view text) {
    JsonValue::Array columns;
    for (const std::string& name : split_names(text, ',')) {
        if (name.empty()) return fail(empty_name("--columns", text));
        columns.push_back(text_value(name));
    }
    return JsonValue(std::move(columns));
}

Result<JsonValue> parse_order_by(std::string_view text) {
    JsonValue::Array keys;
    for (const std::string& part : split_names(text, ',')) {
        const bool descending = part.starts_with('-');
        const std::string_view name = std::string_view(part).substr(descending ? 1 : 0);
        if (name.empty()) return fail(empty_name("--order-by", text));
        if (!descending) {
            keys.push_back(text_value(name));
            continue;
        }
        JsonValue::Object key;
        key.push_back({"column", text_value(name)});
        key.push_back({"descending", JsonValue(true)});
        keys.emplace_back(std::move(key));
    }
    return JsonValue(std::move(keys));
}

Result<JsonValue> parse_aggregation(std::string_view text) {
    const std::vector<std::string> parts = split_names(text, ':');
    if (parts.size() > 3 || parts[0].empty()) {
        return fail(usage_error("--agg \"" + std::string(text) + "\" is not TYPE[:COLUMN[:ALIAS]].")
                        .with_hint("For example count, sum:amount or sum:amount:total; a colon in "
                                   "a name is written \\:."));
    }
    JsonValue::Object aggregation;
    aggregation.push_back({"type", text_value(parts[0])});
    if (parts.size() > 1 && !parts[1].empty()) {
        aggregation.push_back({"column", text_value(parts[1])});
    }
    if (parts.size() > 2 && !parts[2].empty()) {
        aggregation.push_back({"alias", text_value(parts[2])});
    }
    return JsonValue(std::move(aggregation));
}

Result<JsonValue> parse_group_by(std::string_view text) {
    JsonValue::Array keys;
    for (const std::string& group : split_names(text, ',')) {
        const std::vector<std::string> parts = split_names(group, ':');
        if (parts[0].empty() || parts.size() > 3) {
            return fail(usage_error("--group-by \"" + std::string(text) +
                                    "\" is not COLUMN[:BUCKET[:ALIAS]],…")
                            .with_hint("For example country or country,ordered_at:1h:hour."));
        }
        if (parts.size() == 1) {
            keys.push_back(text_value(parts[0]));
            continue;
        }
        JsonValue::Object key;
        key.push_back({"column", text_value(parts[0])});
        if (!parts[1].empty()) key.push_back({"bucket", text_value(parts[1])});
        if (parts.size() > 2 && !parts[2].empty()) key.push_back({"alias", text_value(parts[2])});
        keys.emplace_back(std::move(key));
    }
    return JsonValue(std::move(keys));
}

Result<json::JsonMember> parse_column_type(std::string_view text) {
    const size_t colon = text.rfind(':');
    if (colon == std::string_view::npos || colon == 0 || colon + 1 == text.size()) {
        return fail(usage_error("--column \"" + std::string(text) + "\" is not NAME:TYPE.")
                        .with_hint("Types: bool, int64, float64, string, date, timestamp, json."));
    }
    return json::JsonMember{std::string(text.substr(0, colon)),
                            JsonValue(std::string(text.substr(colon + 1)))};
}

}  // namespace insula::cli
