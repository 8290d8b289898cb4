#include "platform/runtime/log_line.h"

#include <array>
#include <cmath>
#include <ctime>
#include <iterator>

namespace insula::log {
namespace {

// Length of the well-formed UTF-8 sequence that `text` begins with, or 0 (Unicode 15, table 3-7).
size_t utf8_length(std::string_view text) {
    const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
    const auto continues = [&](size_t from, size_t to) {
        if (text.size() < to) return false;
        for (size_t i = from; i < to; ++i) {
            if ((byte(i) & 0xc0) != 0x80) return false;
        }
        return true;
    };
    const uint8_t first = byte(0);
    if (first < 0x80) return 1;
    if (first < 0xc2) return 0;
    if (first < 0xe0) return continues(1, 2) ? 2 : 0;
    if (first < 0xf0) {
        if (!continues(1, 3)) return 0;
        if (first == 0xe0 && byte(1) < 0xa0) return 0;
        if (first == 0xed && byte(1) > 0x9f) return 0;  // surrogates
        return 3;
    }
    if (first > 0xf4 || !continues(1, 4)) return 0;
    if (first == 0xf0 && byte(1) < 0x90) return 0;
    if (first == 0xf4 && byte(1) > 0x8f) return 0;
    return 4;
}

void append(Line& line, std::string_view text) {
    line.append(text.data(), text.data() + text.size());
}

void append_escaped(Line& line, char c) {
    switch (c) {
        case '"':
            return append(line, "\\\"");
        case '\\':
            return append(line, "\\\\");
        case '\n':
            return append(line, "\\n");
        case '\r':
            return append(line, "\\r");
        case '\t':
            return append(line, "\\t");
        default:
            fmt::format_to(std::back_inserter(line), "\\u{:04x}", static_cast<uint8_t>(c));
    }
}

bool plain(char c) {
    const auto byte = static_cast<uint8_t>(c);
    return byte >= 0x20 && byte < 0x7f && c != '"' && c != '\\';
}

void append_value(Line& line, const Value& value) {
    const auto out = std::back_inserter(line);
    switch (value.kind()) {
        case Value::Kind::text:
            append_json_text(line, value.text());
            break;
        case Value::Kind::integer:
            fmt::format_to(out, "{}", value.integer());
            break;
        case Value::Kind::unsigned_integer:
            fmt::format_to(out, "{}", value.unsigned_integer());
            break;
        case Value::Kind::boolean:
            append(line, value.boolean() ? "true" : "false");
            break;
        case Value::Kind::number:
            // JSON has no NaN and no infinity.
            if (std::isfinite(value.number())) {
                fmt::format_to(out, "{}", value.number());
            } else {
                fmt::format_to(out, "\"{}\"", value.number());
            }
            break;
    }
}

void append_member(Line& line, std::string_view key, const Value& value) {
    line.push_back(',');
    append_json_text(line, key);
    line.push_back(':');
    append_value(line, value);
}

void append_head(Line& line, WallNanos time, Level level, std::string_view module) {
    append(line, "{\"time\":\"");
    append_time(line, time);
    append(line, "\",\"level\":\"");
    append(line, level_name(level));
    append(line, "\",\"module\":");
    append_json_text(line, module);
}

}  // namespace

std::string_view level_name(Level level) {
    static constexpr std::array<std::string_view, 6> kNames{"trace", "debug", "info",
                                                            "warn",  "error", "off"};
    return kNames[static_cast<size_t>(level)];
}

void append_json_text(Line& line, std::string_view text) {
    line.push_back('"');
    size_t at = 0;
    while (at < text.size()) {
        size_t end = at;
        while (end < text.size() && end < kTextBytesMax && plain(text[end])) ++end;
        append(line, text.substr(at, end - at));
        at = end;
        if (at == text.size()) break;
        const std::string_view rest = text.substr(at);
        const size_t length = utf8_length(rest);
        if (at + (length == 0 ? 1 : length) > kTextBytesMax) {
            append(line, "…");
            break;
        }
        if (length == 0) {
            append(line, "\\ufffd");
        } else if (length == 1) {
            append_escaped(line, rest[0]);
        } else {
            append(line, rest.substr(0, length));
        }
        at += length == 0 ? 1 : length;
    }
    line.push_back('"');
}

void append_time(Line& line, WallNanos time) {
    constexpr int64_t kNanosPerSecond = 1'000'000'000;
    int64_t seconds = time / kNanosPerSecond;
    int64_t nanos = time % kNanosPerSecond;
    if (nanos < 0) {
        nanos += kNanosPerSecond;
        --seconds;
    }
    // Lines come many a second: the calendar is worked out once for each.
    thread_local int64_t cached_seconds = INT64_MIN;
    thread_local std::array<char, 32> cached{};
    thread_local size_t cached_size = 0;
    if (seconds != cached_seconds) {
        const auto when = static_cast<time_t>(seconds);
        std::tm utc{};
        gmtime_r(&when, &utc);
        cached_size = std::strftime(cached.data(), cached.size(), "%Y-%m-%dT%H:%M:%S", &utc);
        cached_seconds = seconds;
    }
    append(line, {cached.data(), cached_size});
    fmt::format_to(std::back_inserter(line), ".{:06}Z", nanos / 1000);
}

void append_line(Line& line, WallNanos time, Level level, std::string_view module,
                 std::string_view message, std::initializer_list<Field> fields) {
    append_head(line, time, level, module);
    append_member(line, "message", message);
    for (const Field& field : fields) append_member(line, field.key, field.value);
    append(line, "}\n");
}

void append_access_line(Line& line, WallNanos time, Level level, const Access& access) {
    append_head(line, time, level, "access");
    append_member(line, "message", "request");
    append_member(line, "request_id", access.request_id);
    append_member(line, "tenant", access.tenant);
    append_member(line, "method", access.method);
    append_member(line, "route", access.route);
    append_member(line, "status", access.status);
    append_member(line, "duration_us", access.duration_us);
    append_member(line, "bytes_in", access.bytes_in);
    append_member(line, "bytes_out", access.bytes_out);
    append(line, "}\n");
}

}  // namespace insula::log
