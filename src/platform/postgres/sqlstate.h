// What a SQLSTATE (the five characters of PostgreSQL's appendix A) means for whoever ran the
// transaction. Pure functions.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"

namespace insula::postgres {

enum class Recovery : uint8_t {
    none,    // as it stands it fails again
    repeat,  // others were in the way, or it took too long: again on the same connection
    // This connection, or this server for now, takes no more work: again on a new connection.
    reconnect,
};

Recovery recovery_of(std::string_view sqlstate);
Code code_of(std::string_view sqlstate);

inline constexpr std::string_view kUniqueViolation = "23505";
inline constexpr std::string_view kForeignKeyViolation = "23503";
inline constexpr std::string_view kDuplicateTable = "42P07";

}  // namespace insula::postgres
