// Digests and their text form. Pure functions, thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace insula::crypto {

using Sha256Digest = std::array<std::byte, 32>;

// FIPS 180-4. For keys of 256 random bits and for content; a password needs a slow hash instead.
Sha256Digest sha256(Bytes bytes);

// Lower case, two characters a byte.
std::string hex_encode(Bytes bytes);
// Either case. invalid_argument names the place of the first character that is not hexadecimal.
Result<std::vector<std::byte>> hex_decode(std::string_view text);

// Takes equally long for every content of the same length, so that an attacker learns nothing from
// timing. Different lengths are unequal at once: lengths are no secret.
bool equal_in_constant_time(Bytes a, Bytes b);

}  // namespace insula::crypto
