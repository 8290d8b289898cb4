#include "core/catalog/postgres/stored_text.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace insula::catalog {
namespace {

using namespace std::string_literals;

// Whether PostgreSQL takes it: UTF-8 without a NUL. Another way to tell than the code's own.
bool is_text(const std::string& text) {
    const auto* at = reinterpret_cast<const unsigned char*>(text.data());
    const auto* const end = at + text.size();
    while (at < end) {
        int more = 0;
        unsigned value = *at++;
        if (value == 0) return false;
        if (value >= 0x80) {
            if (value < 0xc0 || value > 0xf7) return false;
            more = value >= 0xf0 ? 3 : value >= 0xe0 ? 2 : 1;
            value &= 0x3fU >> more;
            for (int i = 0; i < more; ++i) {
                if (at == end || (*at & 0xc0U) != 0x80) return false;
                value = value << 6 | (*at++ & 0x3fU);
            }
            constexpr unsigned kSmallest[] = {0, 0x80, 0x800, 0x10000};
            if (value < kSmallest[more] || value > 0x10ffff) return false;
            if (value >= 0xd800 && value <= 0xdfff) return false;
        }
    }
    return true;
}

TEST(StoredText, OrdinaryNamesStandAsTheyAre) {
    for (const std::string& name :
         {""s, "sales_data"s, "é 漢字 \U0001F600"s, "a\tb\n\x7f"s, "'; DROP TABLE sources; --"s}) {
        EXPECT_EQ(to_stored_text(name), name);
        EXPECT_EQ(from_stored_text(name), name);
    }
}

TEST(StoredText, WhatTextCannotHoldIsWrittenOtherwise) {
    EXPECT_EQ(to_stored_text("a\0b"s),
              "a\x01\x01"
              "b");
    EXPECT_EQ(to_stored_text("\x01"s), "\x01\x02");
    EXPECT_EQ(to_stored_text("\xff"s),
              "\xf4\x8f\xbf\xbf"
              "ff");
    EXPECT_EQ(to_stored_text("\xed\xa0\x80"s).find('\xed'), std::string::npos) << "a surrogate";
    EXPECT_EQ(to_stored_text("\xf4\x8f\xbf\xbf"s), "\xf4\x8f\xbf\xbf\xf4\x8f\xbf\xbf");
}

TEST(StoredText, EveryNameComesBackAndUtf8KeepsItsOrder) {
    const uint64_t seed = std::random_device()();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const std::vector<std::string> pieces{
        "a",  "\0"s,  "\x01", "\x02",         "\x7f",     "é",    "漢",       "\xf4\x8f\xbf\xbf",
        "ff", "\xff", "\xc3", "\xed\xa0\x80", "\xe0\x80", "\x80", "\xf0\x90", "\U0001F600"};
    std::vector<std::string> utf8;
    for (int i = 0; i < 20'000; ++i) {
        std::string name;
        for (uint64_t length = random() % 6; length > 0; --length) {
            name += pieces[random() % pieces.size()];
        }
        const std::string stored = to_stored_text(name);
        ASSERT_TRUE(is_text(stored));
        ASSERT_EQ(from_stored_text(stored), name);
        std::string without_nul = name;
        std::ranges::replace(without_nul, '\0', 'x');
        if (is_text(without_nul)) utf8.push_back(name);
    }
    ASSERT_GT(utf8.size(), 1000u);
    std::ranges::sort(utf8);
    for (size_t i = 1; i < utf8.size(); ++i) {
        ASSERT_LE(to_stored_text(utf8[i - 1]), to_stored_text(utf8[i])) << i;
    }
}

}  // namespace
}  // namespace insula::catalog
