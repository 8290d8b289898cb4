#include "stores/tables/attached/origin.h"

#include <utility>

#include "base/bytes.h"
#include "base/crc32c.h"

namespace insula::tables {

namespace {

constexpr uint8_t kVersion = 1;
constexpr size_t kHeadBytes = sizeof(uint8_t) + sizeof(uint32_t);  // version, checksum
constexpr uint8_t kSettled = 1;
constexpr uint8_t kInPlace = 2;

Result<ColumnType> get_type(ByteReader& in) {
    ASSIGN_OR_RETURN(const uint8_t type, in.get<uint8_t>());
    if (type < static_cast<uint8_t>(ColumnType::boolean) ||
        type > static_cast<uint8_t>(ColumnType::json)) {
        return fail(data_loss("origin: unknown column type"));
    }
    return static_cast<ColumnType>(type);
}

Result<Origin::InPlace> get_in_place(ByteReader& in) {
    Origin::InPlace in_place;
    ASSIGN_OR_RETURN(in_place.engine, in.get_string());
    ASSIGN_OR_RETURN(in_place.first_row_id, in.get<uint64_t>());
    ASSIGN_OR_RETURN(const uint32_t count, in.get<uint32_t>());
    for (uint32_t i = 0; i < count; ++i) {
        engine::ForeignParquet::Column column;
        ASSIGN_OR_RETURN(column.name, in.get_string());
        ASSIGN_OR_RETURN(column.file_type, in.get_string());
        ASSIGN_OR_RETURN(column.type, get_type(in));
        in_place.columns.push_back(std::move(column));
    }
    return in_place;
}

Result<Origin> get_origin(ByteReader& in) {
    Origin origin;
    ASSIGN_OR_RETURN(origin.name, in.get_string());
    ASSIGN_OR_RETURN(origin.identity.inode, in.get<uint64_t>());
    ASSIGN_OR_RETURN(origin.identity.bytes, in.get<uint64_t>());
    ASSIGN_OR_RETURN(origin.identity.modified_at, in.get<int64_t>());
    ASSIGN_OR_RETURN(origin.identity.changed_at, in.get<int64_t>());
    ASSIGN_OR_RETURN(const uint8_t flags, in.get<uint8_t>());
    origin.identity.settled = (flags & kSettled) != 0;
    if ((flags & kInPlace) != 0) {
        ASSIGN_OR_RETURN(origin.in_place, get_in_place(in));
    }
    return origin;
}

}  // namespace

std::string encode_origin(const Origin& origin) {
    ByteWriter out;
    out.put(kVersion);
    out.put<uint32_t>(0);
    out.put_string(origin.name);
    out.put(origin.identity.inode);
    out.put(origin.identity.bytes);
    out.put(origin.identity.modified_at);
    out.put(origin.identity.changed_at);
    out.put(static_cast<uint8_t>((origin.identity.settled ? kSettled : 0) |
                                 (origin.in_place ? kInPlace : 0)));
    if (origin.in_place) {
        out.put_string(origin.in_place->engine);
        out.put(origin.in_place->first_row_id);
        out.put(static_cast<uint32_t>(origin.in_place->columns.size()));
        for (const auto& column : origin.in_place->columns) {
            out.put_string(column.name);
            out.put_string(column.file_type);
            out.put(static_cast<uint8_t>(column.type));
        }
    }
    out.patch(sizeof kVersion, crc32c(out.bytes().subspan(kHeadBytes)));
    return out.take();
}

std::optional<Origin> decode_origin(std::string_view text) {
    const Bytes bytes = as_bytes(text);
    if (bytes.size() < kHeadBytes || static_cast<uint8_t>(bytes[0]) != kVersion) {
        return std::nullopt;
    }
    uint32_t checksum = 0;
    std::memcpy(&checksum, bytes.data() + sizeof kVersion, sizeof checksum);
    if (checksum != crc32c(bytes.subspan(kHeadBytes))) return std::nullopt;
    ByteReader in(bytes.subspan(kHeadBytes), "origin");
    auto origin = get_origin(in);
    if (!origin || !in.at_end()) return std::nullopt;
    return *std::move(origin);
}

}  // namespace insula::tables
