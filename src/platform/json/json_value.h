// JsonValue: one JSON document as an immutable tree, for request bodies of limited size. Rows do
// not come this way: the ingest path reads them straight into columns. Values are copied and moved
// like any other; const access is thread-safe.
//
// A parsed tree always holds: strings are valid UTF-8, keys of an object are unique and in the
// order of the text, floats are finite, depth is at most ParseLimits::depth_max.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "platform/json/json_problem.h"
#include "platform/json/json_writer.h"

namespace insula::json {

struct JsonMember;

// A number beyond what 64 bits hold, as an integer or as a double, as it was written:
// "18446744073709551616", "1e999".
struct BigNumber {
    std::string text;
    bool operator==(const BigNumber&) const = default;
};

struct ParseLimits {
    size_t bytes_max = 4 * kMiB;
    size_t depth_max = kDepthMax;
    std::string_view subject = "request body";  // what error messages call the text
};

class JsonValue {
  public:
    // In the order of the variant below.
    enum class Kind : uint8_t {
        null,
        boolean,
        int64,
        uint64,  // above the range of int64
        float64,
        big_number,
        string,
        array,
        object,
    };
    using Array = std::vector<JsonValue>;
    using Object = std::vector<JsonMember>;

    JsonValue();
    explicit JsonValue(bool value);
    explicit JsonValue(int64_t value);
    explicit JsonValue(uint64_t value);
    explicit JsonValue(double value);
    explicit JsonValue(BigNumber value);
    explicit JsonValue(std::string value);
    explicit JsonValue(Array items);
    explicit JsonValue(Object members);
    JsonValue(const JsonValue&);
    JsonValue(JsonValue&&) noexcept;
    JsonValue& operator=(const JsonValue&);
    JsonValue& operator=(JsonValue&&) noexcept;
    ~JsonValue();

    // Fails with invalid_argument: malformed_json, invalid_utf8, too_deep or duplicate_key, the
    // message naming the byte offset; with payload_too_large above bytes_max.
    static Result<JsonValue> parse(std::string_view text, const ParseLimits& limits = {});

    Kind kind() const { return static_cast<Kind>(data_.index()); }
    bool is_null() const { return kind() == Kind::null; }
    bool is_number() const { return kind() >= Kind::int64 && kind() <= Kind::big_number; }
    bool is_string() const { return kind() == Kind::string; }
    bool is_array() const { return kind() == Kind::array; }
    bool is_object() const { return kind() == Kind::object; }

    // Each only where kind() says so.
    bool boolean() const { return std::get<bool>(data_); }
    int64_t int64() const { return std::get<int64_t>(data_); }
    uint64_t uint64() const { return std::get<uint64_t>(data_); }
    double float64() const { return std::get<double>(data_); }
    const std::string& big_number() const { return std::get<BigNumber>(data_).text; }
    const std::string& string() const { return std::get<std::string>(data_); }
    const Array& array() const { return std::get<Array>(data_); }
    const Object& object() const { return std::get<Object>(data_); }

    // The member of an object; nullptr if there is none, or this is no object.
    const JsonValue* find(std::string_view name) const;

    void write(JsonWriter& writer) const;
    std::string text() const;

    bool operator==(const JsonValue& other) const;

  private:
    std::variant<std::monostate, bool, int64_t, uint64_t, double, BigNumber, std::string, Array,
                 Object>
        data_;
};

struct JsonMember {
    std::string name;
    JsonValue value;
    bool operator==(const JsonMember&) const = default;
};

// "an integer", "a string", "null": as in "it is an integer".
std::string_view kind_phrase(JsonValue::Kind kind);

// A place in a document, for readers of request bodies: reads values with errors that name the
// place ("filters.amount.between[1] must be a number; it is a string."). Cursors live on the stack,
// each referring to its parent and to the document, which must outlive it. Errors are
// invalid_argument `invalid_request`.
class JsonCursor {
  public:
    explicit JsonCursor(const JsonValue& root) : value_(root) {}

    JsonCursor member(const JsonMember& member) const {
        return {member.value, this, member.name, 0};
    }
    JsonCursor item(size_t index) const { return {value_.array()[index], this, {}, index}; }

    const JsonValue& value() const { return value_; }
    std::string path() const;  // "The request" for the root

    Result<bool> boolean() const;
    Result<std::string_view> string(size_t bytes_max) const;
    Result<uint64_t> whole_number(uint64_t min, uint64_t max) const;
    Result<std::span<const JsonValue>> array(size_t items_max) const;
    Result<std::span<const JsonMember>> object(size_t members_max) const;

    // "<path> must be <expected>; it is <kind>."
    Error must_be(std::string_view expected) const;
    // "<path> <complaint>" with the reason given.
    Error error(std::string_view reason, std::string_view complaint) const;

  private:
    JsonCursor(const JsonValue& value, const JsonCursor* parent, std::string_view name,
               size_t index)
        : value_(value), parent_(parent), name_(name), index_(index) {}

    const JsonValue& value_;
    const JsonCursor* parent_ = nullptr;
    std::string_view name_;
    size_t index_ = 0;
};

}  // namespace insula::json
