#include "core/policy/text_template.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/policy/ascii_case.h"
#include "core/policy/shown_text.h"

namespace insula::policy {

namespace {

Error invalid(std::string complaint) { return invalid_argument("invalid_policy", complaint); }

std::string_view trimmed(std::string_view text) {
    const size_t first = text.find_first_not_of(' ');
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

// "'anonymous'" behind the comma of a variable.
Result<std::string> parse_default(std::string_view text) {
    text = trimmed(text);
    if (text.size() < 2 || !text.starts_with('\'') || !text.ends_with('\'')) {
        return fail(
            invalid("has a variable whose default value does not stand in single quotes: "
                    "write ${key, 'default'}."));
    }
    return std::string(text.substr(1, text.size() - 2));
}

}  // namespace

std::optional<std::array<std::string_view, kArnParts>> split_arn(std::string_view arn) {
    std::array<std::string_view, kArnParts> parts;
    for (size_t i = 0; i + 1 < kArnParts; ++i) {
        const size_t colon = arn.find(':');
        if (colon == std::string_view::npos) return std::nullopt;
        parts[i] = arn.substr(0, colon);
        arn.remove_prefix(colon + 1);
    }
    parts.back() = arn;
    return parts;
}

Result<std::vector<TextTemplate::Part>> TextTemplate::split(std::string_view text,
                                                            const TextSyntax& syntax) {
    std::vector<Part> parts;
    const auto add_text = [&](std::string_view more) {
        if (more.empty()) return;
        if (parts.empty() || !std::holds_alternative<std::string>(parts.back())) {
            parts.emplace_back(std::string());
        }
        std::get<std::string>(parts.back()).append(more);
    };
    while (!text.empty()) {
        if (syntax.variables && text.starts_with("${")) {
            const size_t close = text.find('}');
            if (close == std::string_view::npos) {
                return fail(invalid("has \"${\" without \"}\"; a dollar sign is written ${$}."));
            }
            const std::string_view inside = text.substr(2, close - 2);
            text.remove_prefix(close + 1);
            if (inside == "*" || inside == "?" || inside == "$") {
                add_text(inside);
                continue;
            }
            const size_t comma = std::min(inside.find(','), inside.size());
            const std::string_view name = inside.substr(0, comma);
            const auto key = find_key(name);
            if (!key) {
                return fail(
                    invalid(fmt::format("has the variable ${{{}}}, which is no key.", shown(name)))
                        .with_hint(key_hint(name)));
            }
            if (key_info(key->key).multivalued) {
                return fail(invalid(fmt::format(
                    "has the variable ${{{}}}; a key with several values is no variable.", name)));
            }
            Variable variable{.key = *key, .otherwise = std::nullopt};
            if (comma < inside.size()) {
                ASSIGN_OR_RETURN(variable.otherwise, parse_default(inside.substr(comma + 1)));
            }
            parts.emplace_back(std::move(variable));
        } else if (syntax.wildcards && (text.front() == '*' || text.front() == '?')) {
            parts.emplace_back(text.front() == '*' ? Wildcard::any : Wildcard::one);
            text.remove_prefix(1);
        } else {
            const size_t next = std::min(text.find_first_of("*?$", 1), text.size());
            add_text(text.substr(0, next));
            text.remove_prefix(next);
        }
    }
    return parts;
}

Result<TextTemplate> TextTemplate::of(std::vector<Part> parts, bool ignore_case) {
    TextTemplate made;
    made.ignore_case_ = ignore_case;
    const auto is_variable = [](const Part& part) {
        return std::holds_alternative<Variable>(part);
    };
    const auto variables = std::ranges::count_if(parts, is_variable);
    if (static_cast<size_t>(variables) > kVariablesMax) {
        return fail(
            invalid(fmt::format("has more than {} variables, which is the most.", kVariablesMax)));
    }
    // The fixed pattern shows also how long the pieces between wildcards are beside variables.
    for (Part& part : parts) {
        if (auto* text = std::get_if<std::string>(&part)) {
            if (ignore_case) *text = lowered(*text);
            made.fixed_.add_text(*text);
        } else if (const auto* wildcard = std::get_if<Wildcard>(&part)) {
            *wildcard == Wildcard::any ? made.fixed_.add_any() : made.fixed_.add_one();
        }
    }
    if (made.fixed_.longest_searched_run() > kWildcardRunBytesMax) {
        return fail(
            invalid(fmt::format("has a '?' in a piece of more than {} bytes between two "
                                "'*'; make the piece shorter.",
                                kWildcardRunBytesMax)));
    }
    if (variables > 0) made.parts_ = std::move(parts);
    return made;
}

Result<TextTemplate> TextTemplate::parse(std::string_view text, const TextSyntax& syntax) {
    if (text.size() > kTextBytesMax) {
        return fail(invalid(
            fmt::format("has {} bytes; at most {} are allowed.", text.size(), kTextBytesMax)));
    }
    ASSIGN_OR_RETURN(auto parts, split(text, syntax));
    return of(std::move(parts), syntax.ignore_case);
}

bool TextTemplate::fill(Pattern& pattern, const Matching& matching) const {
    for (const Part& part : parts_) {
        if (const auto* text = std::get_if<std::string>(&part)) {
            pattern.add_text(*text);
        } else if (const auto* wildcard = std::get_if<Wildcard>(&part)) {
            *wildcard == Wildcard::any ? pattern.add_any() : pattern.add_one();
        } else {
            const auto& variable = std::get<Variable>(part);
            const auto values = matching.context.values(variable.key);
            const bool has_default =
                variable.otherwise && !matching.planted(PlantedFault::default_value_ignored);
            if (values.size() != 1 && !has_default) return false;
            if (values.size() == 1 && values.front().size() > kVariableBytesMax) return false;
            const std::string_view value =
                values.size() == 1 ? values.front() : std::string_view(*variable.otherwise);
            if (matching.planted(PlantedFault::variable_value_as_pattern) &&
                value.find('*') != std::string_view::npos) {
                pattern.add_any();
            } else {
                pattern.add_text(ignore_case_ ? lowered(value) : value);
            }
        }
    }
    return true;
}

Match TextTemplate::match(std::string_view text, const Matching& matching) const {
    const bool as_it_is = !ignore_case_ || matching.planted(PlantedFault::ignore_case_ignored);
    const LowerCase folded(as_it_is ? std::string_view() : text);
    const std::string_view compared = as_it_is ? text : folded.view();
    if (parts_.empty()) return fixed_.matches(compared) ? Match::yes : Match::no;
    Pattern pattern;
    if (!fill(pattern, matching)) return Match::unresolved;
    return pattern.matches(compared) ? Match::yes : Match::no;
}

Result<ArnTemplate> ArnTemplate::parse(std::string_view text, const TextSyntax& syntax) {
    if (text.size() > kTextBytesMax) {
        return fail(invalid(
            fmt::format("has {} bytes; at most {} are allowed.", text.size(), kTextBytesMax)));
    }
    // Colons count where they stand in the policy, not within a variable.
    ASSIGN_OR_RETURN(auto parts, TextTemplate::split(text, syntax));
    std::array<std::vector<TextTemplate::Part>, kArnParts> fields;
    size_t field = 0;
    for (TextTemplate::Part& part : parts) {
        auto* plain = std::get_if<std::string>(&part);
        if (plain == nullptr) {
            fields[field].push_back(std::move(part));
            continue;
        }
        std::string_view rest = *plain;
        while (field + 1 < kArnParts) {
            const size_t colon = rest.find(':');
            if (colon == std::string_view::npos) break;
            if (colon > 0) fields[field].emplace_back(std::string(rest.substr(0, colon)));
            rest.remove_prefix(colon + 1);
            ++field;
        }
        if (!rest.empty()) fields[field].emplace_back(std::string(rest));
    }
    if (field + 1 < kArnParts || !text.starts_with("arn:")) {
        return fail(
            invalid("must be an ARN with six parts, such as "
                    "arn:insula:tables:::source/orders or arn:aws:s3:::bucket/key."));
    }
    ArnTemplate arn;
    for (auto& one : fields) {
        ASSIGN_OR_RETURN(auto part, TextTemplate::of(std::move(one), syntax.ignore_case));
        arn.parts_.push_back(std::move(part));
    }
    return arn;
}

Match ArnTemplate::match(std::string_view arn, const Matching& matching) const {
    const auto values = split_arn(arn);
    if (!values) return Match::no;
    Match result = Match::yes;
    const bool resource_alone = matching.planted(PlantedFault::arn_resource_alone);
    for (size_t i = resource_alone ? kArnParts - 1 : 0; i < kArnParts; ++i) {
        const Match one = parts_[i].match((*values)[i], matching);
        if (one == Match::no) return Match::no;
        if (one == Match::unresolved) result = Match::unresolved;
    }
    return result;
}

}  // namespace insula::policy
