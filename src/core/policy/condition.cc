#include "core/policy/condition.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/nearest.h"
#include "core/policy/shown_text.h"
#include "core/policy/value_text.h"

namespace insula::policy {

namespace {

using enum Comparison;

constexpr std::array kOperators{
    Operator{"StringEquals", ValueKind::text},
    Operator{"StringNotEquals", ValueKind::text, equal, true},
    Operator{"StringEqualsIgnoreCase", ValueKind::text, equal, false, false, true},
    Operator{"StringNotEqualsIgnoreCase", ValueKind::text, equal, true, false, true},
    Operator{"StringLike", ValueKind::text, equal, false, true},
    Operator{"StringNotLike", ValueKind::text, equal, true, true},
    Operator{"NumericEquals", ValueKind::number},
    Operator{"NumericNotEquals", ValueKind::number, equal, true},
    Operator{"NumericLessThan", ValueKind::number, less},
    Operator{"NumericLessThanEquals", ValueKind::number, less_or_equal},
    Operator{"NumericGreaterThan", ValueKind::number, greater},
    Operator{"NumericGreaterThanEquals", ValueKind::number, greater_or_equal},
    Operator{"DateEquals", ValueKind::date},
    Operator{"DateNotEquals", ValueKind::date, equal, true},
    Operator{"DateLessThan", ValueKind::date, less},
    Operator{"DateLessThanEquals", ValueKind::date, less_or_equal},
    Operator{"DateGreaterThan", ValueKind::date, greater},
    Operator{"DateGreaterThanEquals", ValueKind::date, greater_or_equal},
    Operator{"Bool", ValueKind::boolean},
    Operator{"BinaryEquals", ValueKind::binary},
    Operator{"IpAddress", ValueKind::ip_address},
    Operator{"NotIpAddress", ValueKind::ip_address, equal, true},
    // Both of a pair are the same, as with AWS.
    Operator{"ArnEquals", ValueKind::arn, equal, false, true},
    Operator{"ArnLike", ValueKind::arn, equal, false, true},
    Operator{"ArnNotEquals", ValueKind::arn, equal, true, true},
    Operator{"ArnNotLike", ValueKind::arn, equal, true, true},
    Operator{"Null", ValueKind::null},
};

constexpr std::string_view kForAll = "ForAllValues:";
constexpr std::string_view kForAny = "ForAnyValue:";
constexpr std::string_view kIfExists = "IfExists";

Error invalid(std::string complaint) { return invalid_argument("invalid_policy", complaint); }

// The whole name with the nearest known words in it.
std::string operator_hint(std::string_view text) {
    constexpr std::array kQualifiers{kForAll, kForAny};
    const size_t colon = text.find(':');
    const size_t split = colon == std::string_view::npos ? 0 : colon + 1;
    const std::string_view qualifier = nearest_name(text.substr(0, split), kQualifiers);
    std::vector<std::string> candidates;
    for (const Operator& one : kOperators) {
        candidates.emplace_back(one.name);
        if (one.kind != ValueKind::null) candidates.push_back(fmt::format("{}IfExists", one.name));
    }
    const std::vector<std::string_view> names(candidates.begin(), candidates.end());
    const std::string_view nearest = nearest_name(text.substr(split), names);
    if (!nearest.empty()) return fmt::format("Did you mean \"{}{}\"?", qualifier, nearest);
    std::vector<std::string_view> known;
    for (const Operator& one : kOperators) known.push_back(one.name);
    return "Operators: " + joined(known) + ".";
}

template <class Number>
Match compare(Number value, Number with, Comparison comparison) {
    const auto match = [](bool yes) { return yes ? Match::yes : Match::no; };
    switch (comparison) {
        case equal:
            return match(value == with);
        case less:
            return match(value < with);
        case less_or_equal:
            return match(value <= with);
        case greater:
            return match(value > with);
        case greater_or_equal:
            return match(value >= with);
    }
    check_failed(__FILE__, __LINE__, "comparison", "unknown comparison");
}

// What planted faults make of a comparison.
Comparison planted_comparison(Comparison comparison, const Matching& matching) {
    if (comparison == less_or_equal && matching.planted(PlantedFault::less_or_equal_as_less)) {
        return less;
    }
    if (comparison == greater && matching.planted(PlantedFault::greater_as_greater_or_equal)) {
        return greater_or_equal;
    }
    return comparison;
}

Match match_address(const IpRange& range, std::string_view value, const Matching& matching) {
    const auto address = parse_ip_address(value);
    if (!address) return Match::no;
    if (matching.planted(PlantedFault::mapped_addresses_apart) && address->v4 &&
        value.find(':') != std::string_view::npos) {
        return Match::no;
    }
    if (matching.planted(PlantedFault::prefix_length_ignored)) {
        return address->v4 == range.first.v4 ? Match::yes : Match::no;
    }
    return range.contains(*address) ? Match::yes : Match::no;
}

// Values that are empty are none, for set qualifiers and for Null: what AWS calls a null data set.
bool is_null(std::span<const std::string_view> values) {
    return std::ranges::all_of(values, [](std::string_view value) { return value.empty(); });
}

template <class T, class Made>
Status keep(T& values, Made made, std::string_view form) {
    if (!made) return fail(invalid(fmt::format("must be {}.", form)));
    values.emplace_back(*std::move(made));
    return {};
}

}  // namespace

Result<Operator> parse_operator(std::string_view text) {
    std::string_view prefix;
    for (const std::string_view qualifier : {kForAll, kForAny}) {
        if (text.starts_with(qualifier)) prefix = qualifier;
    }
    std::string_view name = text.substr(prefix.size());
    const auto find = [](std::string_view wanted) {
        return std::ranges::find(kOperators, wanted, &Operator::name);
    };
    const bool if_exists = name.ends_with(kIfExists);
    if (if_exists) name.remove_suffix(kIfExists.size());
    const auto* found = find(name);
    if (found == kOperators.end()) {
        return fail(invalid(fmt::format("has the unknown operator \"{}\".", shown(text)))
                        .with_hint(operator_hint(text)));
    }
    Operator op = *found;
    op.if_exists = if_exists;
    if (!prefix.empty()) {
        op.qualifier =
            prefix == kForAll ? SetQualifier::for_all_values : SetQualifier::for_any_value;
    }
    if (op.kind == ValueKind::null && (if_exists || !prefix.empty())) {
        return fail(
            invalid(fmt::format("has \"{}\"; Null asks whether there is a key and takes "
                                "neither IfExists nor ForAllValues: nor ForAnyValue:.",
                                text)));
    }
    return op;
}

Status Condition::add_value(std::string_view text) {
    const TextSyntax syntax{.wildcards = op().wildcards,
                            .variables = source_.variables,
                            .ignore_case = op().ignore_case};
    if (text.size() > kTextBytesMax) {
        return fail(invalid(
            fmt::format("has {} bytes; at most {} are allowed.", text.size(), kTextBytesMax)));
    }
    switch (op().kind) {
        case ValueKind::text: {
            ASSIGN_OR_RETURN(auto value, TextTemplate::parse(text, syntax));
            values_.emplace_back(std::move(value));
            return {};
        }
        case ValueKind::arn: {
            ASSIGN_OR_RETURN(auto value, ArnTemplate::parse(text, syntax));
            values_.emplace_back(std::move(value));
            return {};
        }
        case ValueKind::number:
            return keep(values_, parse_number(text), "a number");
        case ValueKind::date:
            return keep(values_, parse_date_value(text),
                        "a date, such as \"2026-01-15T10:20:30Z\", or seconds since 1970");
        case ValueKind::boolean:
        case ValueKind::null:
            return keep(values_, parse_boolean(text), "\"true\" or \"false\"");
        case ValueKind::ip_address:
            return keep(values_, parse_ip_range(text),
                        "an address or range, such as \"10.0.0.0/8\" or \"2001:db8::/32\"");
        case ValueKind::binary:
            return keep(values_, decode_base64(text), "base64");
    }
    check_failed(__FILE__, __LINE__, "kind", "unknown kind of value");
}

Match Condition::matches_one(const Value& policy, std::string_view value,
                             const Matching& matching) const {
    const auto match = [](bool yes) { return yes ? Match::yes : Match::no; };
    switch (op().kind) {
        case ValueKind::text: {
            const auto& text = std::get<TextTemplate>(policy);
            if (op().wildcards && matching.planted(PlantedFault::like_without_wildcards) &&
                text.fixed().has_wildcards()) {
                return Match::no;
            }
            return text.match(value, matching);
        }
        case ValueKind::arn:
            return std::get<ArnTemplate>(policy).match(value, matching);
        case ValueKind::number: {
            const auto number = parse_number(value);
            if (!number) return Match::no;
            return compare(*number, std::get<double>(policy),
                           planted_comparison(op().comparison, matching));
        }
        case ValueKind::date: {
            const auto date = parse_date_value(value);
            if (!date) return Match::no;
            return compare(*date, std::get<__int128>(policy),
                           planted_comparison(op().comparison, matching));
        }
        case ValueKind::boolean:
            return match(parse_boolean(value) == std::get<bool>(policy));
        case ValueKind::ip_address:
            return match_address(std::get<IpRange>(policy), value, matching);
        case ValueKind::binary:
            return match(std::get<std::string>(policy) == value);
        case ValueKind::null:
            break;
    }
    check_failed(__FILE__, __LINE__, "kind", "Null compares no value");
}

Match Condition::matches_any(std::string_view value, const Matching& matching) const {
    Match result = Match::no;
    for (const Value& policy : values_) {
        const Match one = matches_one(policy, value, matching);
        if (one == Match::yes) return one;
        if (one == Match::unresolved) result = one;
    }
    return result;
}

ConditionOutcome Condition::check_value(std::string_view value, const Matching& matching,
                                        bool allow) const {
    if (value.size() > kValueBytesMax) {
        return allow ? ConditionOutcome::value_too_long : ConditionOutcome::holds;
    }
    const Match match = matches_any(value, matching);
    if (!op().negated) {
        if (match == Match::yes) return ConditionOutcome::holds;
        return match == Match::no ? ConditionOutcome::value_differs
                                  : ConditionOutcome::variable_missing;
    }
    if (matching.planted(PlantedFault::negation_of_each) && values_.size() > 1) {
        return ConditionOutcome::holds;
    }
    if (match == Match::yes) return ConditionOutcome::value_excluded;
    // Who is not known cannot be told apart from those who are excluded.
    if (match == Match::unresolved && allow &&
        !matching.planted(PlantedFault::unresolved_widens_allow)) {
        return ConditionOutcome::variable_missing;
    }
    return ConditionOutcome::holds;
}

ConditionOutcome Condition::check_set(std::span<const std::string_view> values,
                                      const Matching& matching, bool allow) const {
    bool for_all = op().qualifier == SetQualifier::for_all_values;
    if (is_null(values)) {
        bool holds = for_all;
        if (matching.planted(PlantedFault::for_all_of_none_fails)) holds = false;
        if (matching.planted(PlantedFault::for_any_of_none_holds)) holds = true;
        return holds ? ConditionOutcome::holds : ConditionOutcome::key_missing;
    }
    if (matching.planted(PlantedFault::for_any_as_for_all)) for_all = true;
    if (matching.planted(PlantedFault::for_all_as_for_any)) for_all = false;
    ConditionOutcome outcome = ConditionOutcome::holds;
    for (const std::string_view value : values) {
        outcome = check_value(value, matching, allow);
        if ((outcome == ConditionOutcome::holds) != for_all) return outcome;
    }
    return outcome;
}

ConditionOutcome Condition::check_null(bool missing, const Matching& matching) const {
    const bool asked = missing != matching.planted(PlantedFault::null_inverted);
    const bool holds = std::ranges::any_of(
        values_, [&](const Value& value) { return std::get<bool>(value) == asked; });
    if (holds) return ConditionOutcome::holds;
    return missing ? ConditionOutcome::key_missing : ConditionOutcome::value_differs;
}

ConditionOutcome Condition::evaluate(const Matching& matching, bool allow) const {
    const auto values = matching.context.values(key());
    if (op().kind == ValueKind::null) {
        const bool strict = matching.planted(PlantedFault::null_of_empty_is_value);
        return check_null(strict ? values.empty() : is_null(values), matching);
    }
    if (op().qualifier != SetQualifier::none) return check_set(values, matching, allow);
    if (values.empty()) {
        bool holds = op().negated || op().if_exists;
        if (matching.planted(PlantedFault::if_exists_ignored)) holds = op().negated;
        if (matching.planted(PlantedFault::missing_key_matches)) holds = true;
        if (matching.planted(PlantedFault::missing_key_never_matches)) holds = op().if_exists;
        return holds ? ConditionOutcome::holds : ConditionOutcome::key_missing;
    }
    // Keys with several values need a qualifier; should one have several all the same, a positive
    // operator holds if one of them fits, and a negated one if none does.
    ConditionOutcome outcome = ConditionOutcome::holds;
    for (const std::string_view value : values) {
        outcome = check_value(value, matching, allow);
        if ((outcome == ConditionOutcome::holds) != op().negated) return outcome;
    }
    return outcome;
}

}  // namespace insula::policy
