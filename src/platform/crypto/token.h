// Keys that people and programs carry: a prefix that says whose they are (so that secret scanners
// find them) and 256 random bits. Thread-safe as far as the Random is.
#pragma once

#include <string>
#include <string_view>

#include "platform/runtime/random.h"

namespace insula::crypto {

inline constexpr std::string_view kTokenPrefix = "insula_";
inline constexpr size_t kTokenRandomBytes = 32;
inline constexpr size_t kTokenRandomCharacters = 43;  // of 6 bits each, without padding

// `prefix` and 43 base64url characters. What is stored of it is its sha256(), never the token.
std::string make_token(Random& random, std::string_view prefix = kTokenPrefix);

}  // namespace insula::crypto
