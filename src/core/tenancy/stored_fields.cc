#include "core/tenancy/stored_fields.h"

#include <fmt/format.h>

#include <algorithm>

namespace insula::tenancy {

using json::JsonValue;

void FieldWriter::operator()(std::string_view name, const std::string& value) {
    if (!value.empty()) writer_.key(name).string(value);
}
void FieldWriter::operator()(std::string_view name, const std::vector<std::string>& value) {
    if (value.empty()) return;
    writer_.key(name).begin_array();
    for (const std::string& item : value) writer_.string(item);
    writer_.end_array();
}
void FieldWriter::operator()(std::string_view name, bool value) {
    if (value) writer_.key(name).boolean(value);
}
void FieldWriter::operator()(std::string_view name, int64_t value) {
    if (value != 0) writer_.key(name).int64(value);
}
void FieldWriter::operator()(std::string_view name, const std::optional<uint64_t>& value) {
    if (value) writer_.key(name).uint64(*value);
}

const JsonValue* FieldReader::take(std::string_view name) {
    const JsonValue* value = object_.find(name);
    if (value != nullptr) ++taken_;
    return value;
}

void FieldReader::require(bool held, std::string_view name) {
    if (!held && wrong_.empty()) wrong_ = name;
}

void FieldReader::operator()(std::string_view name, std::string& value) {
    const JsonValue* found = take(name);
    if (found == nullptr) return;
    require(found->is_string(), name);
    if (found->is_string()) value = found->string();
}

void FieldReader::operator()(std::string_view name, std::vector<std::string>& value) {
    const JsonValue* found = take(name);
    if (found == nullptr) return;
    const bool texts =
        found->is_array() && std::ranges::all_of(found->array(), &JsonValue::is_string);
    require(texts, name);
    if (!texts) return;
    for (const JsonValue& item : found->array()) value.push_back(item.string());
}

void FieldReader::operator()(std::string_view name, bool& value) {
    const JsonValue* found = take(name);
    if (found == nullptr) return;
    const bool boolean = found->kind() == JsonValue::Kind::boolean;
    require(boolean, name);
    if (boolean) value = found->boolean();
}

void FieldReader::operator()(std::string_view name, int64_t& value) {
    const JsonValue* found = take(name);
    if (found == nullptr) return;
    const bool number = found->kind() == JsonValue::Kind::int64;
    require(number, name);
    if (number) value = found->int64();
}

void FieldReader::operator()(std::string_view name, std::optional<uint64_t>& value) {
    const JsonValue* found = take(name);
    if (found == nullptr) return;
    if (found->kind() == JsonValue::Kind::uint64) {
        value = found->uint64();
        return;
    }
    const bool number = found->kind() == JsonValue::Kind::int64 && found->int64() >= 0;
    require(number, name);
    if (number) value = static_cast<uint64_t>(found->int64());
}

Status FieldReader::finish() const {
    if (!wrong_.empty()) return fail(data_loss("a stored value's \"" + wrong_ + "\" is damaged"));
    if (taken_ == object_.object().size()) return {};
    return fail(data_loss("a stored value has a field that this release does not know"));
}

Result<JsonValue> parse_stored(std::string_view text) {
    auto value = JsonValue::parse(text, {.subject = "stored value"});
    if (!value)
        return fail(
            data_loss(fmt::format("a stored value is damaged: {}", value.error().message())));
    if (!value->is_object()) return fail(data_loss("a stored value is no object"));
    return value;
}

}  // namespace insula::tenancy
