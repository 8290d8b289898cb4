// The JSON of a token's two first parts. Internal to this folder.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "core/tenancy/token.h"

namespace insula::tenancy {

// Only what a token of ours says; each fails with the fault.
template <class T>
using TokenResult = std::expected<T, TokenFault>;

std::string write_token_header(std::string_view key_id);
// The key's id.
TokenResult<std::string> read_token_header(std::string_view json);

std::string write_token_claims(const TokenClaims& claims);
TokenResult<TokenClaims> read_token_claims(std::string_view json);

// What holds of the claims of every token, whenever and wherever it is shown.
bool well_formed(const TokenClaims& claims);
bool is_token_key_id(std::string_view id);

}  // namespace insula::tenancy
