#include "core/catalog/codec.h"

#include <fmt/format.h>

#include "base/check.h"
#include "base/crc32c.h"

namespace insula::catalog {
namespace {

constexpr uint8_t kZonesVersion = 1;
constexpr size_t kZonesHeaderBytes = 1 + 4;  // version, checksum
constexpr uint8_t kHasBounds = 1;
constexpr uint8_t kHasMaxText = 2;
// What a zone takes at least: a blob cannot hold more zones than its size allows.
constexpr size_t kZoneBytesMin = 8 + 1 + 1 + 8;
constexpr size_t kTextBytesMin = 4;

uint32_t zones_checksum(FileId file, Bytes body) {
    ByteWriter id;
    id.put(file.value);
    return crc32c(body, crc32c(id.bytes()));
}

void put_bound(ByteWriter& writer, std::string_view text) {
    INSULA_CHECK(text.size() <= kZoneTextMax, "text bounds are prefixes");
    writer.put(static_cast<uint8_t>(text.size()));
    writer.put_bytes(as_bytes(text));
}

Result<std::string> get_bound(ByteReader& reader) {
    ASSIGN_OR_RETURN(const auto size, reader.get<uint8_t>());
    ASSIGN_OR_RETURN(const Bytes bytes, reader.get_bytes(size));
    return std::string(as_text(bytes));
}

void put_zone(ByteWriter& writer, const Zone& zone) {
    const bool max_text = zone.has_bounds && is_text(zone.type) && zone.max_text;
    writer.put(zone.column.value);
    writer.put(static_cast<uint8_t>(zone.type));
    writer.put(
        static_cast<uint8_t>((zone.has_bounds ? kHasBounds : 0) | (max_text ? kHasMaxText : 0)));
    writer.put(zone.nulls);
    if (!zone.has_bounds) return;
    if (is_text(zone.type)) {
        put_bound(writer, zone.min_text);
        if (max_text) put_bound(writer, *zone.max_text);
    } else {
        writer.put(zone.min);
        writer.put(zone.max);
    }
}

Result<Zone> get_zone(ByteReader& reader) {
    Zone zone;
    ASSIGN_OR_RETURN(zone.column.value, reader.get<uint64_t>());
    ASSIGN_OR_RETURN(const auto type, reader.get<uint8_t>());
    ASSIGN_OR_RETURN(zone.type, decode_column_type(type));
    ASSIGN_OR_RETURN(const auto flags, reader.get<uint8_t>());
    ASSIGN_OR_RETURN(zone.nulls, reader.get<uint64_t>());
    zone.has_bounds = (flags & kHasBounds) != 0;
    if (!zone.has_bounds) return zone;
    if (is_text(zone.type)) {
        ASSIGN_OR_RETURN(zone.min_text, get_bound(reader));
        if ((flags & kHasMaxText) != 0) {
            ASSIGN_OR_RETURN(zone.max_text, get_bound(reader));
        }
    } else {
        ASSIGN_OR_RETURN(zone.min, reader.get<int64_t>());
        ASSIGN_OR_RETURN(zone.max, reader.get<int64_t>());
    }
    return zone;
}

Result<uint32_t> get_count(ByteReader& reader, size_t bytes_each_min, std::string_view what) {
    ASSIGN_OR_RETURN(const auto count, reader.get<uint32_t>());
    if (count > reader.remaining() / bytes_each_min) {
        return fail(
            data_loss(fmt::format("{}: {} do not fit {} bytes", what, count, reader.remaining())));
    }
    return count;
}

}  // namespace

std::string encode_zones(FileId file, std::span<const Zone> zones) {
    ByteWriter writer;
    writer.put(kZonesVersion);
    writer.put<uint32_t>(0);
    writer.put(static_cast<uint32_t>(zones.size()));
    for (const Zone& zone : zones) put_zone(writer, zone);
    const uint32_t checksum = zones_checksum(file, writer.bytes().subspan(kZonesHeaderBytes));
    writer.patch(1, checksum);
    return writer.take();
}

Result<std::vector<Zone>> decode_zones(FileId file, Bytes blob) {
    ByteReader reader(blob, "zones");
    ASSIGN_OR_RETURN(const auto version, reader.get<uint8_t>());
    if (version != kZonesVersion) {
        return fail(data_loss(fmt::format("zones: unknown version {}", version)));
    }
    ASSIGN_OR_RETURN(const auto checksum, reader.get<uint32_t>());
    if (zones_checksum(file, blob.subspan(kZonesHeaderBytes)) != checksum) {
        return fail(data_loss("zones: the checksum does not match"));
    }
    ASSIGN_OR_RETURN(const auto count, get_count(reader, kZoneBytesMin, "zones"));
    std::vector<Zone> zones;
    zones.reserve(count);
    for (uint32_t i = 0; i < count; ++i) {
        ASSIGN_OR_RETURN(auto zone, get_zone(reader));
        zones.push_back(std::move(zone));
    }
    if (!reader.at_end()) return fail(data_loss("zones: bytes after the last one"));
    return zones;
}

std::string encode_text_list(std::span<const std::string> texts) {
    ByteWriter writer;
    writer.put(static_cast<uint32_t>(texts.size()));
    for (const std::string& text : texts) writer.put_string(text);
    return writer.take();
}

Result<std::vector<std::string>> decode_text_list(Bytes blob) {
    ByteReader reader(blob, "text list");
    ASSIGN_OR_RETURN(const auto count, get_count(reader, kTextBytesMin, "text list"));
    std::vector<std::string> texts;
    texts.reserve(count);
    for (uint32_t i = 0; i < count; ++i) {
        ASSIGN_OR_RETURN(const auto text, reader.get_string());
        texts.emplace_back(text);
    }
    if (!reader.at_end()) return fail(data_loss("text list: bytes after the last one"));
    return texts;
}

namespace {

// `first` and `last` of an enumeration without gaps.
template <class Enum>
Result<Enum> decode_enum(uint64_t number, Enum first, Enum last, std::string_view what) {
    if (number < static_cast<uint64_t>(first) || number > static_cast<uint64_t>(last)) {
        return fail(data_loss(fmt::format("unknown {}: {}", what, number)));
    }
    return static_cast<Enum>(number);
}

}  // namespace

Result<ColumnType> decode_column_type(uint64_t number) {
    return decode_enum(number, ColumnType::boolean, ColumnType::json, "column type");
}

Result<TenantStatus> decode_tenant_status(uint64_t number) {
    return decode_enum(number, TenantStatus::active, TenantStatus::removing, "status of a tenant");
}

Result<EntryKind> decode_entry_kind(uint64_t number) {
    return decode_enum(number, EntryKind::user, EntryKind::plan, "kind of a directory entry");
}

}  // namespace insula::catalog
