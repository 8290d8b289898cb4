#include "platform/net/response_writer.h"

#include <array>
#include <charconv>
#include <chrono>

#include <fmt/format.h>

namespace insula::net {

namespace {

void append_number(std::string& out, uint64_t value, int base = 10) {
    std::array<char, 24> digits;
    const auto [end, error] = std::to_chars(digits.begin(), digits.end(), value, base);
    out.append(digits.data(), end);
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
    out.append(name);
    out.append(": ");
    if (valid_header_value(value)) [[likely]] {
        out.append(value);
    } else {
        for (const char c : value) {
            const auto byte = static_cast<unsigned char>(c);
            out.push_back(byte < 0x20 || byte == 0x7f ? ' ' : c);
        }
    }
    out.append("\r\n");
}

void append_json_string(std::string& out, std::string_view text) {
    out.push_back('"');
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out.push_back('\\');
            out.push_back(c);
        } else if (byte < 0x20) {
            out.append(fmt::format("\\u{:04x}", byte));
        } else {
            out.push_back(c);
        }
    }
    out.push_back('"');
}

}  // namespace

void append_head(std::string& out, const ResponseHead& head, const AnswerFraming& framing) {
    if (head.status == 200) [[likely]] {
        out.append("HTTP/1.1 200 OK\r\n");
    } else {
        out.append("HTTP/1.1 ");
        append_number(out, static_cast<uint64_t>(head.status));
        out.push_back(' ');
        out.append(status_phrase(head.status));
        out.append("\r\n");
    }
    out.append("Date: ");
    out.append(framing.date);
    out.append("\r\n");
    if (!head.content_type.empty()) append_field(out, "Content-Type", head.content_type);
    if (framing.content_length) {
        out.append("Content-Length: ");
        append_number(out, *framing.content_length);
        out.append("\r\n");
    }
    if (framing.chunked) out.append("Transfer-Encoding: chunked\r\n");
    if (framing.close) out.append("Connection: close\r\n");
    if (framing.keep_alive_1_0) out.append("Connection: keep-alive\r\n");
    if (!framing.trailer_names.empty()) {
        out.append("Trailer: ");
        for (size_t i = 0; i < framing.trailer_names.size(); ++i) {
            if (i > 0) out.append(", ");
            out.append(framing.trailer_names[i]);
        }
        out.append("\r\n");
    }
    for (const Header& field : head.headers) append_field(out, field.name, field.value);
    out.append("\r\n");
}

void append_trailers(std::string& out, std::span<const Header> trailers) {
    for (const Header& field : trailers) append_field(out, field.name, field.value);
    out.append("\r\n");
}

void append_chunk_size(std::string& out, size_t bytes) {
    append_number(out, bytes, 16);
    out.append("\r\n");
}

std::string http_date(int64_t unix_seconds) {
    constexpr std::array<std::string_view, 7> kDays = {"Sun", "Mon", "Tue", "Wed",
                                                       "Thu", "Fri", "Sat"};
    constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const std::chrono::sys_seconds time{std::chrono::seconds{unix_seconds}};
    const std::chrono::sys_days day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date{day};
    const std::chrono::hh_mm_ss clock{time - day};
    return fmt::format(
        "{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", kDays[std::chrono::weekday{day}.c_encoding()],
        static_cast<unsigned>(date.day()), kMonths[static_cast<unsigned>(date.month()) - 1],
        static_cast<int>(date.year()), clock.hours().count(), clock.minutes().count(),
        clock.seconds().count());
}

bool may_have_body(int status) { return status >= 200 && status != 204 && status != 304; }

std::string default_error_body(const Error& error) {
    std::string out = R"({"error":{"code":)";
    append_json_string(out, error.reason());
    out.append(R"(,"message":)");
    append_json_string(out, error.message());
    if (!error.hint().empty()) {
        out.append(R"(,"hint":)");
        append_json_string(out, error.hint());
    }
    out.append("}}");
    return out;
}

}  // namespace insula::net
