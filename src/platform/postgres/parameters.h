// Parameters of a statement, in PostgreSQL's binary formats: nothing is quoted, nothing parsed.
// Arrays go to unnest(), so that any number of rows is one statement.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace insula::postgres {

class Parameters {
  public:
    // Numbers are bigint. Unsigned ones are stored as the signed number of the same bits: equality
    // holds for all of them, order only below 2^63.
    Parameters& int64(int64_t value);
    Parameters& uint64(uint64_t value) { return int64(static_cast<int64_t>(value)); }
    Parameters& boolean(bool value);
    Parameters& uuid(std::span<const uint8_t, 16> value);
    // Valid UTF-8 without a NUL.
    Parameters& text(std::string_view value);
    Parameters& bytea(Bytes value);

    Parameters& int64s(std::span<const int64_t> values);
    Parameters& booleans(const std::vector<bool>& values);
    Parameters& texts(std::span<const std::string> values);
    Parameters& uuids(std::span<const std::array<uint8_t, 16>> values);
    Parameters& byteas(std::span<const std::string> values);

    // As the library takes them.
    const std::vector<uint32_t>& types() const { return types_; }
    const std::vector<std::string>& values() const { return values_; }

  private:
    Parameters& add(uint32_t type, std::string value);

    std::vector<uint32_t> types_;
    std::vector<std::string> values_;
};

}  // namespace insula::postgres
