// ResponseParser: Beast's parser for the answers that HttpClient reads. Private to this folder.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "base/result.h"
#include "platform/net/http_client.h"

namespace insula::net {

class ResponseParser {
  public:
    // Fills `response`; body pieces go to `on_body`. `head_request`: the answer has no body
    // whatever its head says. Both references must outlive the parser.
    ResponseParser(ClientResponse& response, std::function<Status(std::string_view)>& on_body,
                   size_t head_bytes_max, bool head_request);
    ~ResponseParser();

    // Parses what it can; returns the bytes used up. Unused ones are offered again with more behind
    // them.
    Result<size_t> parse(std::string_view bytes);
    // The connection has ended: completes a body that this delimits, fails in the middle of any
    // other.
    Status at_end();
    bool head_done() const;
    bool done() const;
    bool keep_alive() const;
    // A provisional answer (100 Continue) was parsed; the real one follows and needs a new parser.
    bool provisional() const;

  private:
    struct Parser;
    std::unique_ptr<Parser> parser_;
};

}  // namespace insula::net
