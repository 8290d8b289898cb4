#include "stores/tables/planner/pattern.h"

#include <vector>

namespace insula::tables {

namespace {

// A run of literal text, `_` or `%`.
struct Piece {
    enum class Kind : uint8_t { text, one, any } kind;
    std::string text;
};

Result<std::vector<Piece>> take_apart(std::string_view pattern) {
    std::vector<Piece> pieces;
    const auto literal = [&](char c) {
        if (pieces.empty() || pieces.back().kind != Piece::Kind::text) {
            pieces.push_back({Piece::Kind::text, {}});
        }
        pieces.back().text += c;
    };
    for (size_t i = 0; i < pattern.size(); ++i) {
        if (pattern[i] == '\\') {
            if (++i == pattern.size()) {
                return fail(
                    invalid_argument("invalid_pattern", "A pattern ends with a single backslash.")
                        .with_hint("A backslash takes the next character literally; write two "
                                   "for one."));
            }
            literal(pattern[i]);
        } else if (pattern[i] == '%') {
            const bool again = !pieces.empty() && pieces.back().kind == Piece::Kind::any;
            if (!again) pieces.push_back({Piece::Kind::any, {}});
        } else if (pattern[i] == '_') {
            pieces.push_back({Piece::Kind::one, {}});
        } else {
            literal(pattern[i]);
        }
    }
    return pieces;
}

// Every special character of the expression is punctuation, so that lower() may be applied to it as
// a whole.
void append_escaped(std::string& out, std::string_view text) {
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '_' ||
                           (static_cast<unsigned char>(c) & 0x80) != 0;
        if (c == '\0') {
            out += "\\x00";
            continue;
        }
        if (!plain && c > ' ' && c != 0x7f) out += '\\';
        out += c;
    }
}

std::string expression(const std::vector<Piece>& pieces) {
    std::string out;
    for (const Piece& piece : pieces) {
        switch (piece.kind) {
            case Piece::Kind::text:
                append_escaped(out, piece.text);
                break;
            case Piece::Kind::one:
                out += '.';
                break;
            case Piece::Kind::any:
                out += ".*";
                break;
        }
    }
    return out;
}

}  // namespace

Result<Pattern> parse_pattern(std::string_view pattern) {
    ASSIGN_OR_RETURN(const auto pieces, take_apart(pattern));
    const auto is = [&](size_t i, Piece::Kind kind) { return pieces[i].kind == kind; };
    constexpr auto kText = Piece::Kind::text;
    constexpr auto kAny = Piece::Kind::any;
    Pattern out;
    if (!pieces.empty() && is(0, kText)) out.literal_prefix = pieces[0].text;
    if (pieces.empty()) return out;
    if (pieces.size() == 1 && !is(0, Piece::Kind::one)) {
        out.match = is(0, kText) ? TextMatch::exact : TextMatch::contains;
        out.text = pieces[0].text;
    } else if (pieces.size() == 2 && is(0, kText) && is(1, kAny)) {
        out.match = TextMatch::prefix;
        out.text = pieces[0].text;
    } else if (pieces.size() == 2 && is(0, kAny) && is(1, kText)) {
        out.match = TextMatch::suffix;
        out.text = pieces[1].text;
    } else if (pieces.size() == 3 && is(0, kAny) && is(1, kText) && is(2, kAny)) {
        out.match = TextMatch::contains;
        out.text = pieces[1].text;
    } else {
        out.match = TextMatch::pattern;
        out.text = expression(pieces);
    }
    return out;
}

}  // namespace insula::tables
