// Writes the heads of answers and the coding of streams into reused buffers. Private to this
// folder.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "platform/net/http.h"

namespace insula::net {

struct AnswerFraming {
    std::optional<uint64_t> content_length;
    bool chunked = false;
    bool close = false;           // say that the connection ends behind the answer
    bool keep_alive_1_0 = false;  // say to an HTTP/1.0 client that it does not
    std::string_view date;        // RFC 9110 IMF-fixdate
    std::span<const std::string> trailer_names;
};

// Appends status line and headers with the empty line. Control characters in values become spaces.
void append_head(std::string& out, const ResponseHead& head, const AnswerFraming& framing);
void append_trailers(std::string& out, std::span<const Header> trailers);
// "1f4\r\n"
void append_chunk_size(std::string& out, size_t bytes);

// "Sun, 06 Nov 1994 08:49:37 GMT"
std::string http_date(int64_t unix_seconds);

// 204 and 304 have no body and no length.
bool may_have_body(int status);

// {"error":{"code":…,"message":…,"hint":…}}
std::string default_error_body(const Error& error);

}  // namespace insula::net
