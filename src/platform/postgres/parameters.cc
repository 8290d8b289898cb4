#include "platform/postgres/parameters.h"

#include <bit>

namespace insula::postgres {
namespace {

// From pg_type.dat: these never change.
using Type = uint32_t;
constexpr Type kBool = 16;
constexpr Type kBytea = 17;
constexpr Type kInt8 = 20;
constexpr Type kText = 25;
constexpr Type kUuid = 2950;
constexpr Type kBoolArray = 1000;
constexpr Type kByteaArray = 1001;
constexpr Type kTextArray = 1009;
constexpr Type kInt8Array = 1016;
constexpr Type kUuidArray = 2951;

template <std::integral T>
void append_big_endian(std::string& out, T value) {
    const T swapped = std::byteswap(value);
    out.append(reinterpret_cast<const char*>(&swapped), sizeof swapped);
}

// One dimension from 1 on, nothing in it NULL.
std::string array_head(Type element, size_t count) {
    std::string out;
    append_big_endian<int32_t>(out, count == 0 ? 0 : 1);
    append_big_endian<int32_t>(out, 0);
    append_big_endian(out, element);
    if (count == 0) return out;
    append_big_endian(out, static_cast<int32_t>(count));
    append_big_endian<int32_t>(out, 1);
    return out;
}

std::string array_of(Type element, std::span<const std::string> values) {
    std::string out = array_head(element, values.size());
    for (const std::string& value : values) {
        append_big_endian(out, static_cast<int32_t>(value.size()));
        out.append(value);
    }
    return out;
}

}  // namespace

Parameters& Parameters::add(uint32_t type, std::string value) {
    types_.push_back(type);
    values_.push_back(std::move(value));
    return *this;
}

Parameters& Parameters::int64(int64_t value) {
    std::string out;
    append_big_endian(out, value);
    return add(kInt8, std::move(out));
}

Parameters& Parameters::boolean(bool value) { return add(kBool, std::string(1, value ? 1 : 0)); }

Parameters& Parameters::uuid(std::span<const uint8_t, 16> value) {
    return add(kUuid, std::string(as_text(std::as_bytes(value))));
}

Parameters& Parameters::text(std::string_view value) { return add(kText, std::string(value)); }

Parameters& Parameters::bytea(Bytes value) { return add(kBytea, std::string(as_text(value))); }

Parameters& Parameters::int64s(std::span<const int64_t> values) {
    std::string out = array_head(kInt8, values.size());
    for (const int64_t value : values) {
        append_big_endian<int32_t>(out, sizeof value);
        append_big_endian(out, value);
    }
    return add(kInt8Array, std::move(out));
}

Parameters& Parameters::booleans(const std::vector<bool>& values) {
    std::string out = array_head(kBool, values.size());
    for (const bool value : values) {
        append_big_endian<int32_t>(out, 1);
        out.push_back(value ? 1 : 0);
    }
    return add(kBoolArray, std::move(out));
}

Parameters& Parameters::texts(std::span<const std::string> values) {
    return add(kTextArray, array_of(kText, values));
}

Parameters& Parameters::uuids(std::span<const std::array<uint8_t, 16>> values) {
    std::vector<std::string> texts;
    texts.reserve(values.size());
    for (const auto& value : values) texts.emplace_back(as_text(std::as_bytes(std::span(value))));
    return add(kUuidArray, array_of(kUuid, texts));
}

Parameters& Parameters::byteas(std::span<const std::string> values) {
    return add(kByteaArray, array_of(kBytea, values));
}

}  // namespace insula::postgres
