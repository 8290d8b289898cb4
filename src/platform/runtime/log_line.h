// How a line of the log is written: pure functions, used by log.cc.
#pragma once

#include <fmt/format.h>

#include <initializer_list>
#include <string_view>

#include "platform/runtime/clock.h"
#include "platform/runtime/log.h"

namespace insula::log {

// Holds an ordinary line without allocating.
using Line = fmt::basic_memory_buffer<char, 1024>;

std::string_view level_name(Level level);

// A JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD, one each; text beyond
// kTextBytesMax is cut between characters.
void append_json_text(Line& line, std::string_view text);

// "2025-03-01T12:00:00.000000Z"
void append_time(Line& line, WallNanos time);

// The whole line with its newline.
void append_line(Line& line, WallNanos time, Level level, std::string_view module,
                 std::string_view message, std::initializer_list<Field> fields);
void append_access_line(Line& line, WallNanos time, Level level, const Access& access);

}  // namespace insula::log
