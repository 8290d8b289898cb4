// The rows that a statement gave, in binary format. Reading a column as another type than it has is
// a programmer error and aborts. Not thread-safe; views live as long as the Rows.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/bytes.h"

// NOLINTNEXTLINE(readability-identifier-naming): the library's name
struct pg_result;

namespace insula::postgres {

class Rows {
  public:
    // Takes `result`, which may be nullptr: no rows.
    explicit Rows(pg_result* result = nullptr);

    int count() const;
    bool is_null(int row, int column) const;
    // bigint, integer or smallint
    int64_t int64(int row, int column) const;
    uint64_t uint64(int row, int column) const { return static_cast<uint64_t>(int64(row, column)); }
    bool boolean(int row, int column) const;
    std::string_view text(int row, int column) const;
    Bytes bytea(int row, int column) const;
    std::array<uint8_t, 16> uuid(int row, int column) const;

  private:
    struct Clear {
        void operator()(pg_result* result) const;
    };
    Bytes value(int row, int column) const;

    std::unique_ptr<pg_result, Clear> result_;
};

}  // namespace insula::postgres
