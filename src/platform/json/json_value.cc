#include "platform/json/json_value.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"

namespace insula::json {

namespace {

constexpr size_t kShownNumberBytesMax = 40;

}  // namespace

static_assert(static_cast<int>(JsonValue::Kind::object) == 8, "Kind follows the variant's order");

JsonValue::JsonValue() = default;
JsonValue::JsonValue(bool value) : data_(value) {}
JsonValue::JsonValue(int64_t value) : data_(value) {}
JsonValue::JsonValue(uint64_t value) : data_(value) {}
JsonValue::JsonValue(double value) : data_(value) {}
JsonValue::JsonValue(BigNumber value) : data_(std::move(value)) {}
JsonValue::JsonValue(std::string value) : data_(std::move(value)) {}
JsonValue::JsonValue(Array items) : data_(std::move(items)) {}
JsonValue::JsonValue(Object members) : data_(std::move(members)) {}
JsonValue::JsonValue(const JsonValue&) = default;
JsonValue::JsonValue(JsonValue&&) noexcept = default;
JsonValue& JsonValue::operator=(const JsonValue&) = default;
JsonValue& JsonValue::operator=(JsonValue&&) noexcept = default;
JsonValue::~JsonValue() = default;

const JsonValue* JsonValue::find(std::string_view name) const {
    if (!is_object()) return nullptr;
    const auto at = std::ranges::find(object(), name, &JsonMember::name);
    return at == object().end() ? nullptr : &at->value;
}

bool JsonValue::operator==(const JsonValue& other) const { return data_ == other.data_; }

void JsonValue::write(JsonWriter& writer) const {
    switch (kind()) {
        case Kind::null:
            return writer.null();
        case Kind::boolean:
            return writer.boolean(boolean());
        case Kind::int64:
            return writer.int64(int64());
        case Kind::uint64:
            return writer.uint64(uint64());
        case Kind::float64:
            return writer.float64(float64());
        case Kind::big_number:
            return writer.raw(big_number());
        case Kind::string:
            return writer.string(string());
        case Kind::array:
            writer.begin_array();
            for (const JsonValue& item : array()) item.write(writer);
            writer.end_array();
            return;
        case Kind::object:
            writer.begin_object();
            for (const JsonMember& member : object()) {
                writer.key(member.name);
                member.value.write(writer);
            }
            writer.end_object();
            return;
    }
}

std::string JsonValue::text() const {
    std::string out;
    JsonWriter writer(out);
    write(writer);
    writer.finish();
    return out;
}

std::string_view kind_phrase(JsonValue::Kind kind) {
    switch (kind) {
        case JsonValue::Kind::null:
            return "null";
        case JsonValue::Kind::boolean:
            return "true or false";
        case JsonValue::Kind::int64:
        case JsonValue::Kind::uint64:
            return "an integer";
        case JsonValue::Kind::big_number:
            return "a number beyond 64 bits";
        case JsonValue::Kind::float64:
            return "a number with a fraction";
        case JsonValue::Kind::string:
            return "a string";
        case JsonValue::Kind::array:
            return "an array";
        case JsonValue::Kind::object:
            return "an object";
    }
    check_failed(__FILE__, __LINE__, "kind", "unknown kind of JSON value");
}

std::string JsonCursor::path() const {
    if (parent_ == nullptr) return "The request";
    std::string path = parent_->parent_ == nullptr ? "" : parent_->path();
    if (parent_->value_.is_array()) return path + fmt::format("[{}]", index_);
    if (!path.empty()) path += '.';
    return path.append(name_);
}

Error JsonCursor::error(std::string_view reason, std::string_view complaint) const {
    return invalid_argument(reason, fmt::format("{} {}", path(), complaint));
}

Error JsonCursor::must_be(std::string_view expected) const {
    return error("invalid_request",
                 fmt::format("must be {}; it is {}.", expected, kind_phrase(value_.kind())));
}

Result<bool> JsonCursor::boolean() const {
    if (value_.kind() != JsonValue::Kind::boolean) return fail(must_be("true or false"));
    return value_.boolean();
}

Result<std::string_view> JsonCursor::string(size_t bytes_max) const {
    if (!value_.is_string()) return fail(must_be("a string"));
    if (value_.string().size() > bytes_max) {
        return fail(error("invalid_request", fmt::format("is longer than {} bytes.", bytes_max)));
    }
    return std::string_view(value_.string());
}

Result<uint64_t> JsonCursor::whole_number(uint64_t min, uint64_t max) const {
    const std::string wanted = fmt::format("a whole number between {} and {}", min, max);
    if (!value_.is_number()) return fail(must_be(wanted));
    if (value_.kind() == JsonValue::Kind::int64) {
        const int64_t number = value_.int64();
        if (number >= 0 && static_cast<uint64_t>(number) >= min &&
            static_cast<uint64_t>(number) <= max) {
            return static_cast<uint64_t>(number);
        }
    }
    const std::string shown = value_.text().substr(0, kShownNumberBytesMax);
    return fail(error("invalid_request", fmt::format("must be {}; it is {}.", wanted, shown)));
}

Result<std::span<const JsonValue>> JsonCursor::array(size_t items_max) const {
    if (!value_.is_array()) return fail(must_be("an array"));
    if (value_.array().size() > items_max) {
        return fail(error("invalid_request", fmt::format("has {} items; at most {} are allowed.",
                                                         value_.array().size(), items_max)));
    }
    return std::span(value_.array());
}

Result<std::span<const JsonMember>> JsonCursor::object(size_t members_max) const {
    if (!value_.is_object()) return fail(must_be("an object"));
    if (value_.object().size() > members_max) {
        return fail(error("invalid_request", fmt::format("has {} members; at most {} are allowed.",
                                                         value_.object().size(), members_max)));
    }
    return std::span(value_.object());
}

}  // namespace insula::json
