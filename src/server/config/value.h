// Values as text: reading them by a key's kind and bounds, and writing them so that reading gives
// the same. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "server/config/key.h"

namespace insula::config {

inline constexpr size_t kTextValueMax = 4096;  // bytes
inline constexpr size_t kListItemsMax = 1000;

// "64MiB", "50Gi", "1MB" (10^6), "1.5GiB", "4096". Units in any case; KiB, Ki are 2^10, KB, K are
// 10^3.
Result<int64_t> parse_bytes(std::string_view text);
// "100ms", "1h30m", "7d", "0"; nanoseconds. A number other than 0 needs a unit.
Result<int64_t> parse_duration(std::string_view text);

std::string format_bytes(int64_t bytes);
std::string format_duration(int64_t nanos);

// Errors name the key, the value (unless it is secret), what is allowed, and an example. "auto" is
// not a value: the caller knows it first.
Result<Value> parse_value(const Key& key, std::string_view text);
Result<Value> make_list(const Key& key, std::vector<std::string> items);

// As it would be written in the environment; records as "name=a endpoint=b; name=…".
std::string format_value(const Key& key, const Value& value);

// "a whole number from 0 to 65535, such as 8000"
std::string allowed(const Key& key);

}  // namespace insula::config
