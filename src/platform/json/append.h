// Single JSON values appended to a string, for text that is put together by hand. Thread-safe as
// pure functions.
#pragma once

#include <string>
#include <string_view>

#include "platform/json/json_writer.h"

namespace insula::json {

// With quotes and escapes.
inline void append_string(std::string& out, std::string_view text) {
    TextSink sink(out);
    sink.set(format_string(sink.more(sink.at(), string_text_max(text.size())), text));
}

inline void append_double(std::string& out, double value) {
    TextSink sink(out);
    sink.set(format_double(sink.more(sink.at(), kNumberTextMax), value));
}

}  // namespace insula::json
