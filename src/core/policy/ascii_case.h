// Text without the case of its ASCII letters, in place where it is short: nothing is allocated up
// to kInPlace bytes. Other letters stay as they are. Used by one thread.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace insula::policy {

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

inline std::string lowered(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(), lower);
    return out;
}

constexpr bool equal_ignoring_case(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, {}, lower, lower);
}

class LowerCase {
  public:
    static constexpr size_t kInPlace = 256;

    explicit LowerCase(std::string_view text) {
        if (text.size() <= kInPlace) {
            std::ranges::transform(text, in_place_.begin(), lower);
            view_ = {in_place_.data(), text.size()};
        } else {
            long_ = lowered(text);
            view_ = long_;
        }
    }
    LowerCase(const LowerCase&) = delete;
    LowerCase& operator=(const LowerCase&) = delete;

    std::string_view view() const { return view_; }

  private:
    std::array<char, kInPlace> in_place_;
    std::string long_;
    std::string_view view_;
};

}  // namespace insula::policy
