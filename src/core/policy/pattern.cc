#include "core/policy/pattern.h"

#include <string.h>

#include <algorithm>

namespace insula::policy {

namespace {

constexpr size_t kNone = std::string_view::npos;
constexpr size_t kCharacterBytesMax = 4;

bool continues(char c) { return (static_cast<uint8_t>(c) & 0xC0) == 0x80; }

// The end of the character at `at`, or npos if there is none.
size_t character_end(std::string_view text, size_t at) {
    if (at >= text.size() || continues(text[at])) return kNone;
    const size_t limit = std::min(text.size(), at + kCharacterBytesMax);
    do {
        ++at;
    } while (at < limit && continues(text[at]));
    return at;
}

}  // namespace

size_t Pattern::Run::bytes_max() const { return text.size() + ones.size() * kCharacterBytesMax; }

size_t Pattern::Run::match_at(std::string_view in, size_t at) const {
    size_t done = 0;
    for (const uint32_t one : ones) {
        const std::string_view piece = std::string_view(text).substr(done, one - done);
        if (in.substr(at, piece.size()) != piece) return kNone;
        at = character_end(in, at + piece.size());
        if (at == kNone) return kNone;
        done = one;
    }
    const std::string_view piece = std::string_view(text).substr(done);
    if (in.substr(at, piece.size()) != piece) return kNone;
    return at + piece.size();
}

size_t Pattern::Run::find(std::string_view in, size_t from) const {
    if (in.size() - from < bytes_min()) return kNone;
    if (ones.empty()) {
        // glibc's memmem takes linear time; std::string_view::find does not.
        const void* found = ::memmem(in.data() + from, in.size() - from, text.data(), text.size());
        if (found == nullptr) return kNone;
        return static_cast<size_t>(static_cast<const char*>(found) - in.data()) + text.size();
    }
    for (size_t at = from; at + bytes_min() <= in.size(); ++at) {
        if (const size_t end = match_at(in, at); end != kNone) return end;
    }
    return kNone;
}

bool Pattern::Run::ends(std::string_view in, size_t from) const {
    if (in.size() - from < bytes_min()) return false;
    if (ones.empty()) return in.ends_with(text);
    const size_t first = in.size() > bytes_max() ? in.size() - bytes_max() : 0;
    for (size_t at = std::max(from, first); at + bytes_min() <= in.size(); ++at) {
        if (match_at(in, at) == in.size()) return true;
    }
    return false;
}

void Pattern::add_any() {
    // "**" is "*".
    const bool repeated =
        runs_.size() > 1 && runs_.back().text.empty() && runs_.back().ones.empty();
    if (!repeated) runs_.emplace_back();
}

bool Pattern::matches(std::string_view text) const {
    size_t at = runs_.front().match_at(text, 0);
    if (runs_.size() == 1) return at == text.size();
    for (size_t i = 1; at != kNone && i + 1 < runs_.size(); ++i) at = runs_[i].find(text, at);
    return at != kNone && runs_.back().ends(text, at);
}

size_t Pattern::longest_searched_run() const {
    size_t longest = 0;
    for (size_t i = 1; i + 1 < runs_.size(); ++i) {
        if (!runs_[i].ones.empty()) longest = std::max(longest, runs_[i].bytes_min());
    }
    return longest;
}

Pattern parse_pattern(std::string_view text) {
    Pattern pattern;
    while (!text.empty()) {
        const size_t plain = std::min(text.find_first_of("*?"), text.size());
        pattern.add_text(text.substr(0, plain));
        text.remove_prefix(plain);
        if (text.empty()) break;
        text.front() == '*' ? pattern.add_any() : pattern.add_one();
        text.remove_prefix(1);
    }
    return pattern;
}

}  // namespace insula::policy
