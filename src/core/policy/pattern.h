// Pattern: text with the wildcards of policies. '*' stands for any characters, none too; '?' for
// exactly one. Immutable once built; thread-safe to match.
//
// Matching takes the leftmost place for what stands between two '*', so it never goes back further
// than that: text bytes x bytes of the longest such piece with a '?' in it (which the parser keeps
// below kWildcardRunBytesMax where no variable is inside), and linear for all others. Nothing is
// allocated.
//
// A character is one of UTF-8: a byte other than 10xxxxxx and up to three 10xxxxxx behind it. In
// text that is not UTF-8, a 10xxxxxx without such a byte before it is no character.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace insula::policy {

class Pattern {
  public:
    // Matches the empty text only.
    Pattern() : runs_(1) {}

    // Each adds to the pattern's end.
    void add_text(std::string_view text) { runs_.back().text.append(text); }
    void add_one() { runs_.back().ones.push_back(static_cast<uint32_t>(runs_.back().text.size())); }
    void add_any();

    bool matches(std::string_view text) const;
    bool has_wildcards() const { return runs_.size() > 1 || !runs_.front().ones.empty(); }
    // Bytes of the longest piece between two '*' that has a '?'.
    size_t longest_searched_run() const;

  private:
    // What stands between two '*': text with a '?' before each of the offsets `ones`.
    struct Run {
        std::string text;
        std::vector<uint32_t> ones;

        size_t bytes_min() const { return text.size() + ones.size(); }
        size_t bytes_max() const;
        // The end of a match that begins at `at`, or npos.
        size_t match_at(std::string_view in, size_t at) const;
        // The end of the first match at or behind `from`, or npos.
        size_t find(std::string_view in, size_t from) const;
        // Whether a match that begins at or behind `from` ends where the text does.
        bool ends(std::string_view in, size_t from) const;
    };

    std::vector<Run> runs_;  // one more than there are '*'
};

// Wildcards as they stand in `text`.
Pattern parse_pattern(std::string_view text);

}  // namespace insula::policy
