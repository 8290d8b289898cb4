// Base64 with the alphabet for addresses, RFC 4648 section 5, without padding. Pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace insula::crypto {

std::string base64url_encode(Bytes bytes);
// Only what base64url_encode() writes: no padding, no white space, no other alphabet, and no bits
// set behind the last byte, so that bytes have one text. invalid_argument `invalid_base64` names
// the place.
Result<std::vector<std::byte>> base64url_decode(std::string_view text);

}  // namespace insula::crypto
