// RequestParser: Beast's parser of HTTP/1.1 messages behind a small face, writing into a
// RequestHead instead of a map of fields. One for each connection, reused for its requests. Private
// to this folder; not thread-safe.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "platform/net/body_decoder.h"
#include "platform/net/http.h"

namespace insula::net {

struct HttpServerLimits;

// Why the server answers a request itself.
struct Refusal {
    int status;
    Error error;
};

class RequestParser {
  public:
    explicit RequestParser(const HttpServerLimits& limits);
    ~RequestParser();

    // Parses one complete head ("...\r\n\r\n"). Views in `head` refer to `bytes` and `storage`.
    // Refused: what is malformed, over a limit, or could be read differently by a proxy in front of
    // us (both lengths given, a length twice, folded lines, no Host).
    std::optional<Refusal> parse_head(std::string_view bytes, RequestHead& head,
                                      std::string& storage);
    bool expects_continue() const;

    // The chunked body that follows the head: parses what it can of `bytes`, hands data to `sink`,
    // returns the number of bytes used up. Unused ones are offered again with more behind them.
    // Trailers are dropped.
    Result<size_t> parse_chunks(std::string_view bytes, BodySink& sink);
    bool chunks_done() const;

    // Tells early that what begins an incomplete head can never become one (TLS, binary data, bare
    // LF).
    static bool hopeless(std::string_view bytes);

  private:
    struct Parser;
    const HttpServerLimits& limits_;
    std::unique_ptr<std::optional<Parser>> parser_;
};

}  // namespace insula::net
