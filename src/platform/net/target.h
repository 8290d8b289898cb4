// Request targets: checks them and takes them apart. Private to this folder.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "platform/net/http.h"

namespace insula::net {

// Appends the decoded text to `out`; see percent_decode().
Status percent_decode_into(std::string_view text, bool plus_is_space, std::string& out);

// Fills target, path and query of `head` from the target as sent (origin-form, absolute-form or
// "*"). Decoded text goes to `storage`, which is cleared and must live as long as `head` is read.
Status parse_target(std::string_view sent, size_t query_parameters_max, RequestHead& head,
                    std::string& storage);

}  // namespace insula::net
