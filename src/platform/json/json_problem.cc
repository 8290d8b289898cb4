#include "platform/json/json_problem.h"

#include <fmt/format.h>

#include <charconv>

#include "platform/json/utf8.h"

namespace insula::json {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

uint32_t hex_value(std::string_view digits) {
    uint32_t value = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    return value;
}

class Scanner {
  public:
    Scanner(std::string_view text, size_t depth_max) : text_(text), depth_max_(depth_max) {}

    std::optional<JsonProblem> run() {
        if (text_.starts_with("\xef\xbb\xbf")) {
            set("expected a JSON value, not a byte order mark");
        } else {
            skip_space();
            if (value("expected a JSON value")) {
                skip_space();
                if (at_ < text_.size()) expected("expected the end after the JSON value");
            }
        }
        return std::move(problem_);
    }

  private:
    bool set(std::string message, std::string_view reason = "malformed_json") {
        problem_ = JsonProblem{at_, reason, std::move(message)};
        return false;
    }

    // Something else stands where `what` should: says what that is.
    bool expected(std::string_view what) {
        if (at_ >= text_.size()) return set(fmt::format("{}, found the end", what));
        const char c = text_[at_];
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x80 && utf8_sequence(text_.substr(at_)) == 0) return bad_utf8();
        if (byte > 0x20 && byte < 0x7f) return set(fmt::format("{}, found '{}'", what, c));
        return set(fmt::format("{}, found byte 0x{:02x}", what, byte));
    }
    bool bad_utf8() { return set("bytes that are not UTF-8", "invalid_utf8"); }

    void skip_space() {
        while (at_ < text_.size() && is_space(text_[at_])) ++at_;
    }
    bool at(char c) const { return at_ < text_.size() && text_[at_] == c; }
    bool at_number_digit() const { return at_ < text_.size() && is_digit(text_[at_]); }

    bool value(std::string_view what) {
        if (at_ >= text_.size()) return expected(what);
        switch (text_[at_]) {
            case '{':
                return nested(&Scanner::object);
            case '[':
                return nested(&Scanner::array);
            case '"':
                return string();
            case 't':
                return word("true");
            case 'f':
                return word("false");
            case 'n':
                return word("null");
            default:
                return at('-') || at_number_digit() ? number() : expected(what);
        }
    }

    bool nested(bool (Scanner::*content)()) {
        if (depth_ == depth_max_) {
            return set(
                fmt::format("more than {} arrays and objects within one another", depth_max_),
                "too_deep");
        }
        ++depth_;
        ++at_;
        const bool good = (this->*content)();
        --depth_;
        return good;
    }

    bool object() {
        skip_space();
        if (at('}')) return ++at_, true;
        for (;;) {
            if (!at('"')) return expected("expected a key in quotes");
            if (!string()) return false;
            skip_space();
            if (!at(':')) return expected("expected ':' after a key");
            ++at_;
            skip_space();
            if (!value("expected a value after ':'")) return false;
            skip_space();
            if (at('}')) return ++at_, true;
            if (!at(',')) return expected("expected ',' or '}' after a member");
            ++at_;
            skip_space();
        }
    }

    bool array() {
        skip_space();
        if (at(']')) return ++at_, true;
        for (;;) {
            if (!value("expected a value in the array")) return false;
            skip_space();
            if (at(']')) return ++at_, true;
            if (!at(',')) return expected("expected ',' or ']' after an array's value");
            ++at_;
            skip_space();
        }
    }

    bool word(std::string_view literal) {
        if (!text_.substr(at_).starts_with(literal)) {
            const std::string what = fmt::format("expected '{}'", literal);
            for (size_t i = 0; i < literal.size() && at(literal[i]); ++i) ++at_;
            return expected(what);
        }
        at_ += literal.size();
        return scalar_end();
    }

    // What may follow a number or a word; the fast parser sees "1x" as one token.
    bool scalar_end() {
        if (at_ >= text_.size() || is_space(text_[at_])) return true;
        return std::string_view(",:[]{}\"").find(text_[at_]) != std::string_view::npos ||
               expected("expected the end of the value");
    }

    bool digits(std::string_view what) {
        if (!at_number_digit()) return expected(what);
        while (at_number_digit()) ++at_;
        return true;
    }

    bool number() {
        if (at('-')) ++at_;
        if (at('0')) {
            ++at_;
            if (at_number_digit()) return set("a number may not begin with 0");
        } else if (!digits("expected a digit")) {
            return false;
        }
        if (at('.')) {
            ++at_;
            if (!digits("expected a digit after the decimal point")) return false;
        }
        if (at('e') || at('E')) {
            ++at_;
            if (at('+') || at('-')) ++at_;
            if (!digits("expected a digit of the exponent")) return false;
        }
        return scalar_end();
    }

    bool string() {
        const size_t start = at_++;
        while (at_ < text_.size()) {
            const auto byte = static_cast<unsigned char>(text_[at_]);
            if (byte == '"') return ++at_, true;
            if (byte < 0x20) {
                return set(fmt::format("a control character (0x{:02x}) in a string must be escaped",
                                       byte));
            }
            if (byte == '\\') {
                if (!escape()) return false;
                continue;
            }
            const size_t length = utf8_sequence(text_.substr(at_));
            if (length == 0) return bad_utf8();
            at_ += length;
        }
        return set(fmt::format("a string that begins at byte {} has no end", start));
    }

    bool escape() {
        if (at_ + 1 >= text_.size()) {
            at_ = text_.size();
            return expected("expected the rest of an escape");
        }
        const char kind = text_[at_ + 1];
        if (kind != 'u') {
            if (std::string_view("\"\\/bfnrt").find(kind) == std::string_view::npos) {
                return set("an unknown escape in a string");
            }
            at_ += 2;
            return true;
        }
        uint32_t unit = 0;
        if (!hex_escape(unit)) return false;
        if (unit >= 0xdc00 && unit <= 0xdfff) {
            at_ -= 6;
            return set("half of a surrogate pair in a string");
        }
        if (unit < 0xd800 || unit > 0xdbff) return true;
        const size_t after_high = at_;
        uint32_t low = 0;
        if (!text_.substr(at_).starts_with("\\u") || !hex_escape(low) || low < 0xdc00 ||
            low > 0xdfff) {
            at_ = after_high - 6;
            return set("half of a surrogate pair in a string");
        }
        return true;
    }

    bool hex_escape(uint32_t& unit) {
        const std::string_view hex = text_.substr(at_).substr(2, 4);
        for (size_t i = 0; i < 4; ++i) {
            if (i >= hex.size() || !is_hex(hex[i])) {
                at_ += 2 + i;
                return expected("expected four hexadecimal digits after \\u");
            }
        }
        unit = hex_value(hex);
        at_ += 6;
        return true;
    }

    const std::string_view text_;
    const size_t depth_max_;
    size_t at_ = 0;
    size_t depth_ = 0;
    std::optional<JsonProblem> problem_;
};

}  // namespace

std::optional<JsonProblem> find_json_problem(std::string_view text, size_t depth_max) {
    return Scanner(text, depth_max).run();
}

size_t json_error_offset(std::string_view text, size_t depth_max) {
    const auto problem = find_json_problem(text, depth_max);
    return problem ? problem->offset : text.size();
}

Error json_error(const JsonProblem& problem, std::string_view subject, size_t offset_base) {
    return invalid_argument(problem.reason,
                            fmt::format("The {} is not valid JSON: {}, at byte {}.", subject,
                                        problem.message, problem.offset + offset_base));
}

}  // namespace insula::json
