// Turns the bytes of a body into the string that a handler gets: bounded, and decoded from gzip or
// zstd where the request says so. Private to this folder; not thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "platform/runtime/memory_budget.h"

namespace insula::net {

// Somewhere for pieces of a body to go.
class BodySink {
  public:
    virtual ~BodySink() = default;
    virtual Status push(std::string_view piece) = 0;
};

class BodyDecoder final : public BodySink {
  public:
    // `encoding` is the value of Content-Encoding, empty for none. Fails with unsupported_media for
    // one that we do not know. `bytes_max` bounds the decoded size. `memory`, if given, grows
    // before the body does and must outlive the decoder; where it cannot, push() fails with its
    // error.
    static Result<std::unique_ptr<BodyDecoder>> open(std::string_view encoding, uint64_t bytes_max,
                                                     MemoryGrant* memory = nullptr);
    ~BodyDecoder() override;

    bool encoded() const { return codec_ != nullptr; }
    Status push(std::string_view piece) override;
    // The whole body, padded as Exchange::read_body() promises. Fails where the encoded data is cut
    // short.
    Result<std::string> finish();

    // One compressed stream; made by open().
    class Codec;

  private:
    BodyDecoder(std::unique_ptr<Codec> codec, uint64_t bytes_max, MemoryGrant* memory);
    Status decode(std::string_view piece);
    Status make_room(size_t bytes);

    std::unique_ptr<Codec> codec_;  // null for identity
    const uint64_t bytes_max_;
    MemoryGrant* const memory_;
    std::string out_;  // used_ bytes of it are body, the rest is room
    size_t used_ = 0;
};

// An unset string of `bytes` bytes with zeroed padding behind it, to be filled by the caller.
std::string padded_string(size_t bytes);

// Grows `memory`, which may be null, to what a body of `bytes` is counted as: nothing where it is
// small, for the number of connections bounds those.
Status count_body(MemoryGrant* memory, uint64_t bytes);

Error body_too_large(uint64_t bytes_max);

}  // namespace insula::net
