#include "platform/postgres/rows.h"

#include <libpq-fe.h>

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace insula::postgres {
namespace {

template <std::integral T>
int64_t read_big_endian(Bytes bytes) {
    T value;
    std::memcpy(&value, bytes.data(), sizeof value);
    return std::byteswap(value);
}

}  // namespace

void Rows::Clear::operator()(pg_result* result) const { PQclear(result); }

Rows::Rows(pg_result* result) : result_(result) {}

int Rows::count() const { return result_ ? PQntuples(result_.get()) : 0; }

bool Rows::is_null(int row, int column) const {
    return PQgetisnull(result_.get(), row, column) != 0;
}

Bytes Rows::value(int row, int column) const {
    INSULA_CHECK(row < count(), "a row that there is");
    INSULA_CHECK(column < PQnfields(result_.get()), "a column that was asked for");
    INSULA_CHECK(PQfformat(result_.get(), column) == 1, "results are binary");
    return std::as_bytes(std::span(PQgetvalue(result_.get(), row, column),
                                   static_cast<size_t>(PQgetlength(result_.get(), row, column))));
}

int64_t Rows::int64(int row, int column) const {
    const Bytes bytes = value(row, column);
    switch (bytes.size()) {
        case sizeof(int64_t):
            return read_big_endian<int64_t>(bytes);
        case sizeof(int32_t):
            return read_big_endian<int32_t>(bytes);
        case sizeof(int16_t):
            return read_big_endian<int16_t>(bytes);
        default:
            break;
    }
    INSULA_CHECK(false, "the column is a number");
    return 0;
}

bool Rows::boolean(int row, int column) const {
    const Bytes bytes = value(row, column);
    INSULA_CHECK(bytes.size() == 1, "the column is a boolean");
    return bytes[0] != std::byte{0};
}

std::string_view Rows::text(int row, int column) const { return as_text(value(row, column)); }

Bytes Rows::bytea(int row, int column) const { return value(row, column); }

std::array<uint8_t, 16> Rows::uuid(int row, int column) const {
    const Bytes bytes = value(row, column);
    std::array<uint8_t, 16> uuid;
    INSULA_CHECK(bytes.size() == uuid.size(), "the column is a uuid");
    std::ranges::copy(bytes, std::as_writable_bytes(std::span(uuid)).begin());
    return uuid;
}

}  // namespace insula::postgres
