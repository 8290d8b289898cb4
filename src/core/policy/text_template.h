// TextTemplate: a text of a policy with its wildcards and variables. Immutable once parsed;
// thread-safe to match. Without variables nothing is allocated to match it; with them the pattern
// is put together for each request.
//
// ArnTemplate: six of them, one for each part between the colons of an ARN.
//
// The values of variables stand for themselves: a '*' in a user's name is no wildcard, and a ':' in
// one does not begin the next part of an ARN.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "core/policy/matching.h"
#include "core/policy/pattern.h"

namespace insula::policy {

inline constexpr size_t kTextBytesMax = 2048;  // of one text in a policy
inline constexpr size_t kVariablesMax = 16;    // in one text
// Of what a variable stands for; a longer value is none, as matching it could take long.
inline constexpr size_t kVariableBytesMax = 1024;
// Between two '*', where a '?' is. See Pattern.
inline constexpr size_t kWildcardRunBytesMax = 64;
inline constexpr size_t kArnParts = 6;  // "arn", partition, service, region, account, resource

// Which characters of a text mean something. `variables` is for policies of 2012-10-17.
struct TextSyntax {
    bool wildcards = false;
    bool variables = false;
    bool ignore_case = false;  // the text and what it is compared with become lower case
};

class TextTemplate {
  public:
    // What is wrong with the text completes "<place> …", as in "has \"${\" without \"}\".".
    static Result<TextTemplate> parse(std::string_view text, const TextSyntax& syntax);

    Match match(std::string_view text, const Matching& matching) const;
    bool has_variables() const { return !parts_.empty(); }
    // The pattern where there are no variables.
    const Pattern& fixed() const { return fixed_; }

  private:
    friend class ArnTemplate;

    enum class Wildcard : uint8_t { one, any };
    struct Variable {
        KeyName key;
        std::optional<std::string> otherwise;
    };
    using Part = std::variant<std::string, Wildcard, Variable>;

    static Result<std::vector<Part>> split(std::string_view text, const TextSyntax& syntax);
    static Result<TextTemplate> of(std::vector<Part> parts, bool ignore_case);
    // False where a variable has no value.
    bool fill(Pattern& pattern, const Matching& matching) const;

    Pattern fixed_;
    std::vector<Part> parts_;  // empty unless there are variables
    bool ignore_case_ = false;
};

class ArnTemplate {
  public:
    static Result<ArnTemplate> parse(std::string_view text, const TextSyntax& syntax);

    // A value that is no ARN matches nothing.
    Match match(std::string_view arn, const Matching& matching) const;
    const TextTemplate& part(size_t index) const { return parts_[index]; }

  private:
    std::vector<TextTemplate>
        parts_;  // kArnParts; not within, as few values of conditions are ARNs
};

// Nothing for what has fewer than six parts. The last one may hold colons.
std::optional<std::array<std::string_view, kArnParts>> split_arn(std::string_view arn);

}  // namespace insula::policy
