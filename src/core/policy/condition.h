// Condition: one operator on one key with its values, compiled; and how it is evaluated. Immutable
// once made; thread-safe. Whether a condition holds follows AWS ("IAM JSON policy elements:
// Condition operators", "Single-valued vs. multivalued context keys"), written out as a table in
// docs/reference/policies.md.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "core/policy/ip_range.h"
#include "core/policy/matching.h"
#include "core/policy/text_template.h"

namespace insula::policy {

// Of one value of a request. A longer one is not compared: whatever the operator, an Allow does not
// apply for it, and a Deny does. It bounds what a policy of the worst kind costs a request.
inline constexpr size_t kValueBytesMax = 1024;

enum class ValueKind : uint8_t { text, number, date, boolean, ip_address, null, binary, arn };
enum class Comparison : uint8_t { equal, less, less_or_equal, greater, greater_or_equal };
enum class SetQualifier : uint8_t { none, for_all_values, for_any_value };

// "ForAnyValue:StringNotLikeIfExists", read.
struct Operator {
    std::string_view name;  // "StringNotLike"
    ValueKind kind = ValueKind::text;
    Comparison comparison = Comparison::equal;
    bool negated = false;
    bool wildcards = false;
    bool ignore_case = false;
    SetQualifier qualifier = SetQualifier::none;
    bool if_exists = false;

    bool takes_variables() const { return kind == ValueKind::text || kind == ValueKind::arn; }
};

// What is wrong completes "<place> …". Names have a case, as with AWS.
Result<Operator> parse_operator(std::string_view text);

// How a condition came out, for whoever asks why.
enum class ConditionOutcome : uint8_t {
    holds,
    key_missing,       // and so it does not hold
    value_differs,     // a positive operator, and no value of the policy fits
    value_excluded,    // a negated one, and a value of the policy fits
    variable_missing,  // a variable in its values has neither a value nor a default
    value_too_long,    // the request's value is longer than kValueBytesMax
};

class Condition {
  public:
    // `values` are the policy's, as text; `variables` as the policy's version has it.
    struct Source {
        Operator op;
        KeyName key;
        std::string written_operator;
        std::string written_key;
        bool variables = false;
    };
    explicit Condition(Source source) : source_(std::move(source)) {}
    // What is wrong completes "<place> …".
    Status add_value(std::string_view text);

    // `allow` is the effect of the statement: see docs/reference/policies.md, "Variables".
    ConditionOutcome evaluate(const Matching& matching, bool allow) const;

    const Operator& op() const { return source_.op; }
    const KeyName& key() const { return source_.key; }
    // As the policy has them: "ForAnyValue:StringLike", "aws:TagKeys".
    const std::string& written_operator() const { return source_.written_operator; }
    const std::string& written_key() const { return source_.written_key; }

  private:
    using Value =
        std::variant<TextTemplate, ArnTemplate, double, __int128, bool, IpRange, std::string>;

    // Whether a value of the request fits one of the policy's, without regard to negation.
    Match matches_one(const Value& policy, std::string_view value, const Matching& matching) const;
    Match matches_any(std::string_view value, const Matching& matching) const;
    // The same with it.
    ConditionOutcome check_value(std::string_view value, const Matching& matching,
                                 bool allow) const;
    ConditionOutcome check_set(std::span<const std::string_view> values, const Matching& matching,
                               bool allow) const;
    ConditionOutcome check_null(bool missing, const Matching& matching) const;

    Source source_;
    std::vector<Value> values_;
};

}  // namespace insula::policy
