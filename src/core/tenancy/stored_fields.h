// Values as the JSON text that the catalog keeps of them: a type lists its fields once, in a
// function `fields(value, visit)`, and is written and read by it. A field that is empty (0, false,
// "") is not written; one that is not there is empty. Internal to this folder.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "platform/json/json_value.h"
#include "platform/json/json_writer.h"

namespace insula::tenancy {

class FieldWriter {
  public:
    explicit FieldWriter(std::string& out) : writer_(out) { writer_.begin_object(); }
    void operator()(std::string_view name, const std::string& value);
    void operator()(std::string_view name, const std::vector<std::string>& value);
    void operator()(std::string_view name, bool value);
    void operator()(std::string_view name, int64_t value);
    void operator()(std::string_view name, const std::optional<uint64_t>& value);
    void finish() {
        writer_.end_object();
        writer_.finish();
    }

  private:
    json::JsonWriter writer_;
};

class FieldReader {
  public:
    // `object` must outlive it.
    explicit FieldReader(const json::JsonValue& object) : object_(object) {}
    void operator()(std::string_view name, std::string& value);
    void operator()(std::string_view name, std::vector<std::string>& value);
    void operator()(std::string_view name, bool& value);
    void operator()(std::string_view name, int64_t& value);
    void operator()(std::string_view name, std::optional<uint64_t>& value);
    // data_loss where a field has another type, or there is one that nobody has asked for.
    Status finish() const;

  private:
    const json::JsonValue* take(std::string_view name);
    void require(bool held, std::string_view name);

    const json::JsonValue& object_;
    size_t taken_ = 0;
    std::string wrong_;  // the first field that is
};

template <class Value>
std::string write_fields(const Value& value) {
    std::string text;
    FieldWriter writer(text);
    // Written through the same list as it is read by, which takes what it may change.
    Value copy = value;
    fields(copy, writer);
    writer.finish();
    return text;
}

Result<json::JsonValue> parse_stored(std::string_view text);

template <class Value>
Result<Value> read_fields(std::string_view text, Value value = {}) {
    ASSIGN_OR_RETURN(const json::JsonValue object, parse_stored(text));
    FieldReader reader(object);
    fields(value, reader);
    RETURN_IF_ERROR(reader.finish());
    return value;
}

}  // namespace insula::tenancy
