#include "base/time_text.h"

#include <array>
#include <cstring>

namespace insula {

namespace {

constexpr int64_t kNanosPerSecond = 1'000'000'000;
constexpr int64_t kSecondsPerDay = 86'400;

// Days from civil and back: the proleptic Gregorian calendar in eras of 400 years, years starting in March.
int64_t days_from_civil(int64_t year, unsigned month, unsigned day) {
    year -= month <= 2 ? 1 : 0;
    const int64_t era = (year >= 0 ? year : year - 399) / 400;
    const auto year_of_era = static_cast<unsigned>(year - era * 400);
    const unsigned day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    const unsigned day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146'097 + static_cast<int64_t>(day_of_era) - 719'468;
}

struct Civil {
    int64_t year;
    unsigned month;
    unsigned day;
};

Civil civil_from_days(int64_t days) {
    days += 719'468;
    const int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
    const auto day_of_era = static_cast<unsigned>(days - era * 146'097);
    const unsigned year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
    const unsigned day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const unsigned shifted = (5 * day_of_year + 2) / 153;
    const unsigned month = shifted < 10 ? shifted + 3 : shifted - 9;
    return {static_cast<int64_t>(year_of_era) + era * 400 + (month <= 2 ? 1 : 0), month,
            day_of_year - (153 * shifted + 2) / 5 + 1};
}

unsigned days_in_month(int64_t year, unsigned month) {
    static constexpr std::array<unsigned, 12> kDays{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : kDays[month - 1];
}

// Takes exactly `count` digits off the front.
std::optional<unsigned> take_number(std::string_view& text, size_t count) {
    if (text.size() < count) return std::nullopt;
    unsigned value = 0;
    for (size_t i = 0; i < count; ++i) {
        if (text[i] < '0' || text[i] > '9') return std::nullopt;
        value = value * 10 + static_cast<unsigned>(text[i] - '0');
    }
    text.remove_prefix(count);
    return value;
}

bool take(std::string_view& text, char c) {
    if (text.empty() || text.front() != c) return false;
    text.remove_prefix(1);
    return true;
}

std::optional<int64_t> take_date(std::string_view& text) {
    const auto year = take_number(text, 4);
    if (!year || !take(text, '-')) return std::nullopt;
    const auto month = take_number(text, 2);
    if (!month || !take(text, '-')) return std::nullopt;
    const auto day = take_number(text, 2);
    if (!day || *year == 0 || *month < 1 || *month > 12 || *day < 1 ||
        *day > days_in_month(*year, *month)) {
        return std::nullopt;
    }
    return days_from_civil(*year, *month, *day);
}

// "hh:mm[:ss[.fraction]]" -> nanoseconds of the day.
std::optional<int64_t> take_time(std::string_view& text) {
    const auto hour = take_number(text, 2);
    if (!hour || !take(text, ':')) return std::nullopt;
    const auto minute = take_number(text, 2);
    if (!minute) return std::nullopt;
    unsigned second = 0;
    int64_t nanos = 0;
    if (take(text, ':')) {
        const auto seconds = take_number(text, 2);
        if (!seconds) return std::nullopt;
        second = *seconds;
        if (take(text, '.')) {
            size_t digits = 0;
            int64_t scale = kNanosPerSecond;
            for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; ++digits) {
                scale /= 10;
                nanos += (text.front() - '0') * scale;
                text.remove_prefix(1);
            }
            if (digits == 0 || digits > 9) return std::nullopt;
        }
    }
    if (*hour > 23 || *minute > 59 || second > 59) return std::nullopt;
    return (*hour * 3600 + *minute * 60 + second) * kNanosPerSecond + nanos;
}

// "Z", "+hh:mm", "-hhmm" or nothing -> seconds east of UTC.
std::optional<int64_t> take_offset(std::string_view& text) {
    if (text.empty() || take(text, 'Z') || take(text, 'z')) return 0;
    const bool west = text.front() == '-';
    if (!take(text, '+') && !take(text, '-')) return std::nullopt;
    const auto hour = take_number(text, 2);
    if (!hour) return std::nullopt;
    take(text, ':');
    const auto minute = take_number(text, 2);
    if (!minute || *hour > 23 || *minute > 59) return std::nullopt;
    const int64_t seconds = *hour * 3600 + *minute * 60;
    return west ? -seconds : seconds;
}

void append_digits(std::string& out, uint64_t value, int width) {
    std::array<char, 20> digits;
    for (int i = width - 1; i >= 0; --i, value /= 10) {
        digits[static_cast<size_t>(i)] = static_cast<char>('0' + value % 10);
    }
    out.append(digits.data(), static_cast<size_t>(width));
}

}  // namespace

std::optional<int32_t> parse_date(std::string_view text) {
    const auto days = take_date(text);
    if (!days || !text.empty()) return std::nullopt;
    return static_cast<int32_t>(*days);
}

std::optional<int64_t> parse_timestamp(std::string_view text) {
    const auto days = take_date(text);
    if (!days) return std::nullopt;
    int64_t nanos_of_day = 0;
    int64_t offset = 0;
    if (!text.empty()) {
        if (!take(text, 'T') && !take(text, 't') && !take(text, ' ')) return std::nullopt;
        const auto time = take_time(text);
        if (!time) return std::nullopt;
        const auto east = take_offset(text);
        if (!east || !text.empty()) return std::nullopt;
        nanos_of_day = *time;
        offset = *east;
    }
    int64_t result = 0;
    if (__builtin_mul_overflow(*days * kSecondsPerDay - offset, kNanosPerSecond, &result) ||
        __builtin_add_overflow(result, nanos_of_day, &result)) {
        return std::nullopt;
    }
    return result;
}

void append_date(std::string& out, int32_t days) {
    const Civil civil = civil_from_days(days);
    if (civil.year < 0) out.push_back('-');
    const auto year = static_cast<uint64_t>(civil.year < 0 ? -civil.year : civil.year);
    append_digits(out, year, year > 9999 ? 7 : 4);
    out.push_back('-');
    append_digits(out, civil.month, 2);
    out.push_back('-');
    append_digits(out, civil.day, 2);
}

void append_timestamp(std::string& out, int64_t nanos) {
    constexpr int64_t kNanosPerDay = kSecondsPerDay * kNanosPerSecond;
    int64_t days = nanos / kNanosPerDay;
    int64_t rest = nanos % kNanosPerDay;
    if (rest < 0) {
        rest += kNanosPerDay;
        --days;
    }
    append_date(out, static_cast<int32_t>(days));
    const auto second = static_cast<uint64_t>(rest / kNanosPerSecond);
    out.push_back('T');
    append_digits(out, second / 3600, 2);
    out.push_back(':');
    append_digits(out, second / 60 % 60, 2);
    out.push_back(':');
    append_digits(out, second % 60, 2);
    if (auto fraction = static_cast<uint64_t>(rest % kNanosPerSecond); fraction != 0) {
        int width = 9;
        for (; fraction % 10 == 0; fraction /= 10) --width;
        out.push_back('.');
        append_digits(out, fraction, width);
    }
    out.push_back('Z');
}

}  // namespace insula
