#include "platform/json/time_text.h"

#include <array>
#include <charconv>
#include <cstring>
#include <limits>

namespace insula::json {

namespace {

constexpr int64_t kSecondsPerDay = 86'400;

char* put_two(char* at, uint32_t value) {
    at[0] = static_cast<char>('0' + value / 10);
    at[1] = static_cast<char>('0' + value % 10);
    return at + 2;
}

char* put_year(char* at, int64_t year) {
    if (year >= 0 && year <= 9999) [[likely]] {
        at = put_two(at, static_cast<uint32_t>(year / 100));
        return put_two(at, static_cast<uint32_t>(year % 100));
    }
    *at++ = year < 0 ? '-' : '+';
    const uint64_t size = static_cast<uint64_t>(year < 0 ? -year : year);
    for (uint64_t bound = 1000; size < bound && bound > 1; bound /= 10) *at++ = '0';
    return std::to_chars(at, at + 20, size).ptr;
}

uint32_t days_in_month(int64_t year, uint32_t month) {
    constexpr std::array<uint8_t, 12> kDays{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return kDays[month - 1] + (month == 2 && leap ? 1 : 0);
}

// Takes fixed-width digits and single characters off the front of a text.
class Scanner {
  public:
    explicit Scanner(std::string_view text) : rest_(text) {}

    bool digits(size_t count, uint32_t& value) {
        if (rest_.size() < count) return false;
        value = 0;
        for (size_t i = 0; i < count; ++i) {
            if (rest_[i] < '0' || rest_[i] > '9') return false;
            value = value * 10 + static_cast<uint32_t>(rest_[i] - '0');
        }
        rest_.remove_prefix(count);
        return true;
    }
    bool take(char wanted) {
        if (rest_.empty() || rest_.front() != wanted) return false;
        rest_.remove_prefix(1);
        return true;
    }
    bool at_digit() const { return !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9'; }
    bool at_end() const { return rest_.empty(); }

  private:
    std::string_view rest_;
};

bool scan_date(Scanner& scanner, int64_t& days) {
    uint32_t year = 0;
    uint32_t month = 0;
    uint32_t day = 0;
    if (!scanner.digits(4, year) || !scanner.take('-') || !scanner.digits(2, month) ||
        !scanner.take('-') || !scanner.digits(2, day)) {
        return false;
    }
    if (year == 0 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month)) {
        return false;
    }
    days = days_from_civil(year, month, day);
    return true;
}

bool scan_fraction(Scanner& scanner, int64_t& nanos) {
    nanos = 0;
    if (!scanner.take('.')) return true;
    if (!scanner.at_digit()) return false;
    int64_t unit = kNanosPerSecond / 10;
    uint32_t digit = 0;
    while (scanner.at_digit()) {
        scanner.digits(1, digit);
        if (unit == 0 && digit != 0) return false;  // finer than a nanosecond
        nanos += digit * unit;
        unit /= 10;
    }
    return true;
}

bool scan_offset(Scanner& scanner, int64_t& seconds) {
    seconds = 0;
    if (scanner.at_end() || scanner.take('Z') || scanner.take('z')) return true;
    const bool ahead = scanner.take('+');
    if (!ahead && !scanner.take('-')) return false;
    uint32_t hours = 0;
    uint32_t minutes = 0;
    if (!scanner.digits(2, hours) || !scanner.take(':') || !scanner.digits(2, minutes))
        return false;
    if (hours > 23 || minutes > 59) return false;
    seconds = (static_cast<int64_t>(hours) * 60 + minutes) * 60;
    if (!ahead) seconds = -seconds;
    return true;
}

}  // namespace

// Both after Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
int64_t days_from_civil(int64_t year, uint32_t month, uint32_t day) {
    year -= month <= 2 ? 1 : 0;
    const int64_t era = (year >= 0 ? year : year - 399) / 400;
    const auto year_of_era = static_cast<uint32_t>(year - era * 400);
    const uint32_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    const uint32_t day_of_era =
        year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146'097 + static_cast<int64_t>(day_of_era) - 719'468;
}

CivilDate civil_from_days(int64_t days) {
    days += 719'468;
    const int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
    const auto day_of_era = static_cast<uint32_t>(days - era * 146'097);
    const uint32_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
    const uint32_t day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const uint32_t shifted = (5 * day_of_year + 2) / 153;
    const uint32_t day = day_of_year - (153 * shifted + 2) / 5 + 1;
    const uint32_t month = shifted < 10 ? shifted + 3 : shifted - 9;
    return {static_cast<int64_t>(year_of_era) + era * 400 + (month <= 2 ? 1 : 0), month, day};
}

char* format_date(char* at, int32_t days) {
    const CivilDate date = civil_from_days(days);
    at = put_year(at, date.year);
    *at++ = '-';
    at = put_two(at, date.month);
    *at++ = '-';
    return put_two(at, date.day);
}

char* format_timestamp(char* at, int64_t nanos) {
    int64_t days = nanos / kNanosPerDay;
    int64_t rest = nanos % kNanosPerDay;
    if (rest < 0) {
        rest += kNanosPerDay;
        --days;
    }
    at = format_date(at, static_cast<int32_t>(days));
    const auto seconds = static_cast<uint32_t>(rest / kNanosPerSecond);
    auto fraction = static_cast<uint32_t>(rest % kNanosPerSecond);
    *at++ = 'T';
    at = put_two(at, seconds / 3600);
    *at++ = ':';
    at = put_two(at, seconds / 60 % 60);
    *at++ = ':';
    at = put_two(at, seconds % 60);
    if (fraction != 0) {
        *at++ = '.';
        for (uint32_t unit = 100'000'000; fraction != 0; unit /= 10) {
            *at++ = static_cast<char>('0' + fraction / unit);
            fraction %= unit;
        }
    }
    *at++ = 'Z';
    return at;
}

std::string date_text(int32_t days) {
    char text[kDateTextMax];
    return {text, format_date(text, days)};
}

std::string timestamp_text(int64_t nanos) {
    char text[kTimestampTextMax];
    return {text, format_timestamp(text, nanos)};
}

std::optional<int32_t> parse_date(std::string_view text) {
    Scanner scanner(text);
    int64_t days = 0;
    if (!scan_date(scanner, days) || !scanner.at_end()) return std::nullopt;
    return static_cast<int32_t>(days);
}

std::optional<__int128> parse_instant(std::string_view text) {
    Scanner scanner(text);
    int64_t days = 0;
    if (!scan_date(scanner, days)) return std::nullopt;
    const __int128 midnight = static_cast<__int128>(days) * kNanosPerDay;
    if (scanner.at_end()) return midnight;
    if (!scanner.take('T') && !scanner.take('t') && !scanner.take(' ')) return std::nullopt;
    uint32_t hour = 0;
    uint32_t minute = 0;
    uint32_t second = 0;
    if (!scanner.digits(2, hour) || !scanner.take(':') || !scanner.digits(2, minute) ||
        !scanner.take(':') || !scanner.digits(2, second)) {
        return std::nullopt;
    }
    if (hour > 23 || minute > 59 || second > 59) return std::nullopt;
    int64_t fraction = 0;
    int64_t offset = 0;
    if (!scan_fraction(scanner, fraction) || !scan_offset(scanner, offset) || !scanner.at_end()) {
        return std::nullopt;
    }
    static_assert(kSecondsPerDay * kNanosPerSecond == kNanosPerDay);
    const int64_t seconds = (static_cast<int64_t>(hour) * 60 + minute) * 60 + second - offset;
    return midnight + static_cast<__int128>(seconds) * kNanosPerSecond + fraction;
}

std::optional<int64_t> parse_timestamp(std::string_view text) {
    const auto instant = parse_instant(text);
    if (!instant || *instant < std::numeric_limits<int64_t>::min() ||
        *instant > std::numeric_limits<int64_t>::max()) {
        return std::nullopt;
    }
    return static_cast<int64_t>(*instant);
}

}  // namespace insula::json
