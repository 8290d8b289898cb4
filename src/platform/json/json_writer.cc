#include "platform/json/json_writer.h"

#include <immintrin.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>

#include "platform/json/time_text.h"

namespace insula::json {

namespace {

// Below it every integral double is an int64 and prints with all its digits.
constexpr double kIntegralMax = 1e15;
// Decimals of at most 15 digits name different doubles (IEEE 754 binary64 holds 15 decimal digits).
constexpr double kFourDecimals = 10'000.0;
constexpr double kFourDecimalsMax = 1e11;
constexpr double kFixedMin = 1e-5;

constexpr uint64_t repeat(uint8_t byte) { return 0x0101'0101'0101'0101ULL * byte; }

// Nonzero if one of eight bytes is a quote, a backslash or below 0x20.
uint64_t special_bytes(uint64_t word) {
    const uint64_t quote = word ^ repeat('"');
    const uint64_t backslash = word ^ repeat('\\');
    return (((word - repeat(0x20)) & ~word) | ((quote - repeat(1)) & ~quote) |
            ((backslash - repeat(1)) & ~backslash)) &
           repeat(0x80);
}

uint32_t special_mask(__m128i block) {
    const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(block, _mm_set1_epi8(0x1f)), block);
    const __m128i quote = _mm_cmpeq_epi8(block, _mm_set1_epi8('"'));
    const __m128i backslash = _mm_cmpeq_epi8(block, _mm_set1_epi8('\\'));
    return static_cast<uint32_t>(
        _mm_movemask_epi8(_mm_or_si128(control, _mm_or_si128(quote, backslash))));
}

bool must_escape(unsigned char byte) { return byte < 0x20 || byte == '"' || byte == '\\'; }

char* put_escaped(char* at, unsigned char byte) {
    constexpr char kHex[] = "0123456789abcdef";
    *at++ = '\\';
    switch (byte) {
        case '"':
            *at++ = '"';
            return at;
        case '\\':
            *at++ = '\\';
            return at;
        case '\b':
            *at++ = 'b';
            return at;
        case '\f':
            *at++ = 'f';
            return at;
        case '\n':
            *at++ = 'n';
            return at;
        case '\r':
            *at++ = 'r';
            return at;
        case '\t':
            *at++ = 't';
            return at;
        default:
            *at++ = 'u';
            *at++ = '0';
            *at++ = '0';
            *at++ = kHex[byte >> 4];
            *at++ = kHex[byte & 15];
            return at;
    }
}

char* put_bytes(char* at, const char* from, const char* end) {
    for (; from != end; ++from) {
        const auto byte = static_cast<unsigned char>(*from);
        if (must_escape(byte)) {
            at = put_escaped(at, byte);
        } else {
            *at++ = *from;
        }
    }
    return at;
}

template <class Word>
Word load(const char* from) {
    Word word;
    std::memcpy(&word, from, sizeof word);
    return word;
}

template <class Word>
void store(char* at, Word word) {
    std::memcpy(at, &word, sizeof word);
}

// Fewer than 16 bytes: two loads that overlap cover them without reading past either end.
char* put_short(char* at, const char* from, size_t size) {
    if (size >= 8) {
        const auto head = load<uint64_t>(from);
        const auto tail = load<uint64_t>(from + size - 8);
        if ((special_bytes(head) | special_bytes(tail)) != 0) [[unlikely]] {
            return put_bytes(at, from, from + size);
        }
        store(at, head);
        store(at + size - 8, tail);
        return at + size;
    }
    if (size >= 4) {
        const auto head = load<uint32_t>(from);
        const auto tail = load<uint32_t>(from + size - 4);
        if (special_bytes(head | static_cast<uint64_t>(tail) << 32) != 0) [[unlikely]] {
            return put_bytes(at, from, from + size);
        }
        store(at, head);
        store(at + size - 4, tail);
        return at + size;
    }
    return put_bytes(at, from, from + size);
}

char* put_long(char* at, const char* from, const char* end) {
    while (end - from >= 16) {
        const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(at), block);
        const uint32_t special = special_mask(block);
        if (special == 0) [[likely]] {
            at += 16;
            from += 16;
            continue;
        }
        const int clean = std::countr_zero(special);
        at = put_escaped(at + clean, static_cast<unsigned char>(from[clean]));
        from += clean + 1;
    }
    return put_short(at, from, static_cast<size_t>(end - from));
}

char* put_scaled(char* at, int64_t scaled) {
    if (scaled < 0) {
        *at++ = '-';
        scaled = -scaled;
    }
    at = format_int64(at, scaled / 10'000);
    auto fraction = static_cast<uint32_t>(scaled % 10'000);
    *at++ = '.';
    *at++ = static_cast<char>('0' + fraction / 1000);  // at least one digit: 5.0
    fraction %= 1000;
    for (uint32_t unit = 100; fraction != 0; unit /= 10) {
        *at++ = static_cast<char>('0' + fraction / unit);
        fraction %= unit;
    }
    return at;
}

char* put_literal(char* at, std::string_view text) {
    std::memcpy(at, text.data(), text.size());
    return at + text.size();
}

}  // namespace

char* format_int64(char* at, int64_t value) { return std::to_chars(at, at + 24, value).ptr; }

char* format_uint64(char* at, uint64_t value) { return std::to_chars(at, at + 24, value).ptr; }

char* format_int128(char* at, __int128 value) {
    if (value >= INT64_MIN && value <= INT64_MAX) {
        return format_int64(at, static_cast<int64_t>(value));
    }
    auto size = static_cast<unsigned __int128>(value);
    if (value < 0) {
        *at++ = '-';
        size = -size;
    }
    char digits[40];
    char* from = std::end(digits);
    for (; size != 0; size /= 10)
        *--from = static_cast<char>('0' + static_cast<uint32_t>(size % 10));
    return put_literal(at, {from, std::end(digits)});
}

char* format_double(char* at, double value) {
    const double size = std::fabs(value);
    if (size < kFourDecimalsMax) {
        // If k / 10^4 rounds to the value and k has at most 15 digits, no shorter decimal does: see
        // kFourDecimals. Negative zero takes the long way.
        const auto scaled = static_cast<int64_t>(std::nearbyint(value * kFourDecimals));
        if (static_cast<double>(scaled) / kFourDecimals == value &&
            (scaled != 0 || !std::signbit(value))) {
            return put_scaled(at, scaled);
        }
    }
    if (!std::isfinite(value)) return put_literal(at, "null");
    const bool integral = size < kIntegralMax && std::trunc(value) == value;
    const bool fixed = integral || (size >= kFixedMin && size < kIntegralMax);
    at = fixed ? std::to_chars(at, at + kNumberTextMax, value, std::chars_format::fixed).ptr
               : std::to_chars(at, at + kNumberTextMax, value, std::chars_format::scientific).ptr;
    return integral ? put_literal(at, ".0") : at;
}

char* format_string(char* at, std::string_view text) {
    *at++ = '"';
    at = text.size() < 16 ? put_short(at, text.data(), text.size())
                          : put_long(at, text.data(), text.data() + text.size());
    *at++ = '"';
    return at;
}

void TextSink::grow(size_t room) {
    // The bytes beyond used_ are written before anyone reads them, so they are not cleared.
    const size_t wanted = std::max({used_ + room, used_ + used_ / 2, out_.capacity(), size_t{256}});
    out_.resize(used_);  // what is not used need not be copied
    out_.resize_and_overwrite(wanted, [](char*, size_t size) { return size; });
}

JsonWriter& JsonWriter::open(char bracket) {
    char* at = begin_value(1);
    *at++ = bracket;
    sink_.set(at);
    comma_ = false;
    return *this;
}

JsonWriter& JsonWriter::close(char bracket) {
    char* at = sink_.more(sink_.at(), 1);
    *at++ = bracket;
    end_value(at);
    return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
    char* at = format_string(begin_value(string_text_max(name.size()) + 1), name);
    *at++ = ':';
    sink_.set(at);
    comma_ = false;
    return *this;
}

void JsonWriter::int64(int64_t value) {
    end_value(format_int64(begin_value(kNumberTextMax), value));
}

void JsonWriter::uint64(uint64_t value) {
    end_value(format_uint64(begin_value(kNumberTextMax), value));
}

void JsonWriter::int128(__int128 value) {
    end_value(format_int128(begin_value(kNumberTextMax), value));
}

void JsonWriter::float64(double value) {
    end_value(format_double(begin_value(kNumberTextMax), value));
}

void JsonWriter::string(std::string_view text) {
    end_value(format_string(begin_value(string_text_max(text.size())), text));
}

void JsonWriter::date(int32_t days) {
    char* at = begin_value(kDateTextMax + 2);
    *at++ = '"';
    at = format_date(at, days);
    *at++ = '"';
    end_value(at);
}

void JsonWriter::timestamp(int64_t nanos) {
    char* at = begin_value(kTimestampTextMax + 2);
    *at++ = '"';
    at = format_timestamp(at, nanos);
    *at++ = '"';
    end_value(at);
}

void JsonWriter::raw(std::string_view json) {
    end_value(put_literal(begin_value(json.size()), json));
}

void JsonWriter::newline() {
    char* at = sink_.more(sink_.at(), 1);
    *at++ = '\n';
    sink_.set(at);
    comma_ = false;
}

char* JsonWriter::begin_value(size_t room) {
    char* at = sink_.more(sink_.at(), room + 1);
    if (comma_) *at++ = ',';
    return at;
}

}  // namespace insula::json
