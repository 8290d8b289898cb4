// Writing JSON text. Two layers: format_*() write one value at a pointer, for loops over many rows
// that check room once a row; JsonWriter appends to a std::string and sets the commas, for
// everything else.
//
// Threads: functions are pure; a JsonWriter or TextSink is used by one thread. Neither allocates
// anything but the output's buffer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace insula::json {

// Room that format_int64, format_uint64, format_int128 and format_double need.
inline constexpr size_t kNumberTextMax = 48;
// Room that format_string needs for `bytes` bytes of text: every byte may become \u00XX, two
// quotes, and whole vectors are stored.
constexpr size_t string_text_max(size_t bytes) { return bytes * 6 + 34; }

// Each writes at `at`, where there must be room as above, and returns the end of what it wrote.
char* format_int64(char* at, int64_t value);
char* format_uint64(char* at, uint64_t value);
char* format_int128(char* at, __int128 value);
// The shortest text that reads back as the same double; integral values keep ".0" so that they read
// back as floats ("5.0", "-0.0", "1e+300"). NaN and infinities, which JSON cannot say, become null.
char* format_double(char* at, double value);
// With quotes. `text` is valid UTF-8; what must be escaped is, nothing else.
char* format_string(char* at, std::string_view text);

// The end of a std::string as a growing buffer. While the sink lives the string's size is not what
// was written; finish() (or the destructor) sets it. The string must outlive the sink.
class TextSink {
  public:
    explicit TextSink(std::string& out) : out_(out), used_(out.size()) {}
    ~TextSink() {
        if (!finished_) finish(at());
    }
    TextSink(const TextSink&) = delete;
    TextSink& operator=(const TextSink&) = delete;

    // At least `room` bytes from the returned pointer on; what was written ends at `at`.
    char* more(char* at, size_t room) {
        used_ = static_cast<size_t>(at - out_.data());
        if (out_.size() - used_ < room) grow(room);
        return out_.data() + used_;
    }
    // The buffer: valid until the next more().
    char* begin() { return out_.data(); }
    char* end() { return out_.data() + out_.size(); }
    char* at() { return out_.data() + used_; }
    void set(char* at) { used_ = static_cast<size_t>(at - out_.data()); }
    void append(std::string_view text) {
        char* at = more(this->at(), text.size());
        std::memcpy(at, text.data(), text.size());
        set(at + text.size());
    }
    void finish(char* at) {
        used_ = static_cast<size_t>(at - out_.data());
        out_.resize(used_);
        finished_ = true;
    }
    size_t used() const { return used_; }

  private:
    void grow(size_t room);

    std::string& out_;
    size_t used_;
    bool finished_ = false;
};

class JsonWriter {
  public:
    explicit JsonWriter(std::string& out) : sink_(out) {}

    JsonWriter& begin_object() { return open('{'); }
    JsonWriter& end_object() { return close('}'); }
    JsonWriter& begin_array() { return open('['); }
    JsonWriter& end_array() { return close(']'); }
    JsonWriter& key(std::string_view name);

    void null() { raw("null"); }
    void boolean(bool value) { raw(value ? "true" : "false"); }
    void int64(int64_t value);
    void uint64(uint64_t value);
    void int128(__int128 value);
    void float64(double value);
    void string(std::string_view text);
    void date(int32_t days);
    void timestamp(int64_t nanos);
    // One value as JSON text.
    void raw(std::string_view json);
    // The comma before the next value, where a writer goes on with an array that another began.
    void separate() { comma_ = true; }
    // A line's end between values that stand side by side (NDJSON).
    void newline();
    // Sets the string's size; nothing may be written afterwards. The string is the caller's again.
    void finish() { sink_.finish(sink_.at()); }

  private:
    JsonWriter& open(char bracket);
    JsonWriter& close(char bracket);
    // Room for a value, after a comma if one is due.
    char* begin_value(size_t room);
    void end_value(char* at) {
        sink_.set(at);
        comma_ = true;
    }

    TextSink sink_;
    bool comma_ = false;
};

}  // namespace insula::json
