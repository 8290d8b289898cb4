#include "cli/filter_expression.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>

#include "cli/exit_code.h"

namespace insula::cli {

namespace {

using json::JsonValue;

constexpr size_t kShownBytes = 40;  // of a filter, in an error
constexpr std::string_view kBlank = " \t\r\n";
constexpr std::string_view kNoBareColumn = " \t\r\n=!<>(),'\"";
constexpr std::string_view kNoBareValue = " \t\r\n(),";

struct Symbol {
    std::string_view text;
    std::string_view operation;
};
// The longer ones first, as they begin with the shorter.
constexpr std::array kSymbols{Symbol{"==", "eq"},  Symbol{"!=", "ne"},  Symbol{"<>", "ne"},
                              Symbol{"<=", "lte"}, Symbol{">=", "gte"}, Symbol{"=", "eq"},
                              Symbol{"<", "lt"},   Symbol{">", "gt"}};
constexpr std::array<std::string_view, 4> kTextOperators{"like", "ilike", "prefix", "contains"};

JsonValue object(std::string_view name, JsonValue value) {
    JsonValue::Object members;
    members.push_back({std::string(name), std::move(value)});
    return JsonValue(std::move(members));
}

bool same_word(std::string_view left, std::string_view right) {
    return std::ranges::equal(left, right, [](char a, char b) {
        const auto lower = [](char c) {
            return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
        };
        return lower(a) == lower(b);
    });
}

// A column whose name means something in a filter is written with a backslash.
std::string column_key(std::string name) {
    const bool marked = name == "and" || name == "or" || name == "not" || name.starts_with('\\');
    return marked ? "\\" + name : name;
}

class Reader {
  public:
    explicit Reader(std::string_view text) : text_(text) {}

    Result<JsonValue> whole() {
        ASSIGN_OR_RETURN(JsonValue value, alternatives(1));
        skip_blanks();
        if (at_ < text_.size()) {
            return fail(error("expected \"and\", \"or\" or the end.")
                            .with_hint("Text with blanks stands in quotes: name='Ann Lee'."));
        }
        return value;
    }

  private:
    Result<JsonValue> alternatives(size_t depth) {
        if (depth > kExpressionDepthMax) return fail(error("too many brackets in one another."));
        return joined("or", [&] { return conjunction(depth); });
    }
    Result<JsonValue> conjunction(size_t depth) {
        return joined("and", [&] { return term(depth); });
    }

    template <class Read>
    Result<JsonValue> joined(std::string_view word, Read read) {
        JsonValue::Array parts;
        do {
            ASSIGN_OR_RETURN(parts.emplace_back(), read());
        } while (take_word(word));
        if (parts.size() == 1) return std::move(parts.front());
        return object(word, JsonValue(std::move(parts)));
    }

    Result<JsonValue> term(size_t depth) {
        if (take_word("not")) {
            if (depth > kExpressionDepthMax) return fail(error("too many \"not\" in a row."));
            ASSIGN_OR_RETURN(JsonValue inner, term(depth + 1));
            return object("not", std::move(inner));
        }
        if (!take("(")) return comparison();
        ASSIGN_OR_RETURN(JsonValue inner, alternatives(depth + 1));
        if (!take(")")) return fail(error("expected \")\"."));
        return inner;
    }

    Result<JsonValue> comparison() {
        ASSIGN_OR_RETURN(std::string name, column());
        const auto on_column = [&](std::string_view operation, JsonValue operand) {
            return object(column_key(std::move(name)), object(operation, std::move(operand)));
        };
        for (const Symbol& symbol : kSymbols) {
            if (!take(symbol.text)) continue;
            ASSIGN_OR_RETURN(JsonValue operand, value());
            return on_column(symbol.operation, std::move(operand));
        }
        if (take_word("is")) {
            const bool negated = take_word("not");
            if (!take_word("null")) return fail(error("expected \"null\" behind \"is\"."));
            return on_column(negated ? "not_null" : "is_null", JsonValue(true));
        }
        if (take_word("between")) {
            ASSIGN_OR_RETURN(JsonValue bounds, range());
            return on_column("between", std::move(bounds));
        }
        const bool negated = take_word("not");
        if (take_word("in")) {
            ASSIGN_OR_RETURN(JsonValue values, list());
            return on_column(negated ? "not_in" : "in", std::move(values));
        }
        for (const std::string_view word : kTextOperators) {
            if (!take_word(word)) continue;
            ASSIGN_OR_RETURN(std::string pattern, text_value());
            JsonValue filter = on_column(word, JsonValue(std::move(pattern)));
            return negated ? object("not", std::move(filter)) : std::move(filter);
        }
        return fail(error("expected an operator.")
                        .with_hint("Operators: = != < <= > >= in between like ilike prefix "
                                   "contains, \"is null\", \"is not null\"."));
    }

    Result<JsonValue> range() {
        JsonValue::Array bounds;
        ASSIGN_OR_RETURN(bounds.emplace_back(), value());
        if (!take_word("and")) return fail(error("expected \"and\" and the upper bound."));
        ASSIGN_OR_RETURN(bounds.emplace_back(), value());
        return JsonValue(std::move(bounds));
    }

    Result<JsonValue> list() {
        if (!take("(")) return fail(error("expected \"(\" and a list of values."));
        JsonValue::Array values;
        do {
            ASSIGN_OR_RETURN(values.emplace_back(), value());
        } while (take(","));
        if (!take(")")) return fail(error("expected \",\" or \")\"."));
        return JsonValue(std::move(values));
    }

    Result<std::string> column() {
        skip_blanks();
        if (at_quote()) return quoted();
        const std::string_view name = bare(kNoBareColumn);
        if (name.empty()) return fail(error("expected a column's name."));
        return std::string(name);
    }

    Result<JsonValue> value() {
        skip_blanks();
        if (at_quote()) {
            ASSIGN_OR_RETURN(std::string text, quoted());
            return JsonValue(std::move(text));
        }
        const std::string_view word = bare(kNoBareValue);
        if (word.empty()) {
            return fail(error("expected a value.").with_hint("An empty text is ''."));
        }
        if (word == "null") {
            at_ -= word.size();
            return fail(
                error("nothing compares with null.")
                    .with_hint("Write \"is null\" or \"is not null\"; the text is 'null'."));
        }
        if (auto read = JsonValue::parse(word);
            read && (read->is_number() || read->kind() == JsonValue::Kind::boolean)) {
            return *std::move(read);
        }
        return JsonValue(std::string(word));
    }

    // A pattern is text even where it looks like a number.
    Result<std::string> text_value() {
        skip_blanks();
        if (at_quote()) return quoted();
        const std::string_view word = bare(kNoBareValue);
        if (word.empty()) return fail(error("expected a text."));
        return std::string(word);
    }

    Result<std::string> quoted() {
        const size_t open = at_;
        const char quote = text_[at_++];
        std::string out;
        for (; at_ < text_.size(); ++at_) {
            if (text_[at_] == quote) {
                ++at_;
                return out;
            }
            const char next = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
            // Before anything else a backslash stands for itself, as patterns need it: '10\%'.
            if (text_[at_] == '\\' && (next == quote || next == '\\')) ++at_;
            out.push_back(text_[at_]);
        }
        at_ = open;
        return fail(error("this quote is not closed."));
    }

    std::string_view bare(std::string_view ends) {
        const size_t from = at_;
        at_ = std::min(text_.find_first_of(ends, at_), text_.size());
        return text_.substr(from, at_ - from);
    }

    void skip_blanks() { at_ = std::min(text_.find_first_not_of(kBlank, at_), text_.size()); }
    bool at_quote() const {
        return at_ < text_.size() && (text_[at_] == '\'' || text_[at_] == '"');
    }

    bool take(std::string_view symbol) {
        skip_blanks();
        if (!text_.substr(at_).starts_with(symbol)) return false;
        at_ += symbol.size();
        return true;
    }

    // A word by itself; "note" does not begin with "not", and `not=1` is about a column.
    bool take_word(std::string_view word) {
        skip_blanks();
        const size_t from = at_;
        const bool found = same_word(bare(kNoBareColumn), word) && !before_symbol();
        if (!found) at_ = from;
        return found;
    }

    bool before_symbol() {
        const size_t from = at_;
        skip_blanks();
        const std::string_view rest = text_.substr(at_);
        at_ = from;
        return std::ranges::any_of(
            kSymbols, [&](const Symbol& symbol) { return rest.starts_with(symbol.text); });
    }

    Error error(std::string_view what) const {
        const std::string_view rest = text_.substr(at_, kShownBytes);
        const std::string place =
            rest.empty() ? "at its end" : "before \"" + std::string(rest) + "\"";
        return usage_error("The filter cannot be read " + place + ": " + std::string(what));
    }

    std::string_view text_;
    size_t at_ = 0;
};

}  // namespace

Result<JsonValue> parse_filter_expression(std::string_view text) {
    if (text.size() > kExpressionBytesMax) {
        return fail(usage_error("A filter may have 1 MiB."));
    }
    return Reader(text).whole();
}

JsonValue all_of(std::vector<JsonValue> filters) {
    if (filters.empty()) return JsonValue(JsonValue::Object());
    if (filters.size() == 1) return std::move(filters.front());
    return object("and", JsonValue(std::move(filters)));
}

}  // namespace insula::cli
