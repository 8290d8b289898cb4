#include <algorithm>
#include <cstring>

#include "platform/net/connection.h"

namespace insula::net {

namespace asio = boost::asio;

namespace {

constexpr size_t kChunkInputBytes = 64 * kKiB;
// Encoded bodies are taken in small pieces: a bomb may blow each up a thousandfold before other
// connections of the thread get their turn.
constexpr size_t kEncodedPieceBytes = 16 * kKiB;

}  // namespace

Task<Result<std::string>> Connection::read_body(uint64_t bytes_max, MemoryGrant* memory) {
    if (body_ == BodyState::none) {
        body_ = BodyState::done;
        co_return padded_string(0);
    }
    if (body_ != BodyState::unread) co_return fail(internal_error("a body was read twice"));
    // A failure up to here leaves the body unread; it may still be drained.
    const uint64_t length = body_left_;
    if (length > bytes_max) co_return fail(body_too_large(bytes_max));
    const std::string_view encoding = head_.header("content-encoding").value_or("");
    ASSIGN_OR_CO_RETURN(const auto decoder, BodyDecoder::open(encoding, bytes_max, memory));
    if (!decoder->encoded()) {
        if (Status counted = count_body(memory, length); !counted) co_return fail(counted.error());
    }
    body_ = BodyState::reading;
    if (continue_due_) {
        if (Status sent = co_await send_continue(); !sent) co_return fail(sent.error());
    }
    arm(options_.limits.body_stall_timeout);
    Result<std::string> body = fail(internal_error("not read"));
    if (head_.chunked) {
        body = co_await read_chunked(*decoder);
    } else if (decoder->encoded()) {
        body = co_await read_encoded(length, *decoder);
    } else {
        body = co_await read_plain(length);
    }
    disarm();
    body_ = body ? BodyState::done : BodyState::broken;
    co_return body;
}

Task<Status> Connection::send_continue() {
    continue_due_ = false;
    // A client that has already begun to send does not wait.
    if (begin_ < end_) co_return Status();
    co_return co_await send("HTTP/1.1 100 Continue\r\n\r\n");
}

// Moves what is already in the input buffer.
size_t Connection::take_buffered(char* out, size_t bytes_max) {
    const size_t bytes = std::min(bytes_max, end_ - begin_);
    std::memcpy(out, input_.data() + begin_, bytes);
    begin_ += bytes;
    body_left_ -= bytes;
    bytes_received_ += bytes;
    return bytes;
}

// From the socket straight into the string: no parser, no second copy.
Task<Result<std::string>> Connection::read_plain(uint64_t length) {
    std::string body = padded_string(length);
    size_t at = take_buffered(body.data(), length);
    while (at < length) {
        const auto bytes = co_await receive(asio::buffer(body.data() + at, length - at),
                                            options_.limits.body_stall_timeout);
        if (!bytes) co_return fail(bytes.error());
        at += *bytes;
        body_left_ -= *bytes;
        bytes_received_ += *bytes;
    }
    co_return body;
}

Task<Result<std::string>> Connection::read_encoded(uint64_t length, BodyDecoder& decoder) {
    std::string piece(std::min<uint64_t>(length, kEncodedPieceBytes), '\0');
    while (body_left_ > 0) {
        const size_t wanted = std::min<uint64_t>(body_left_, piece.size());
        size_t bytes = take_buffered(piece.data(), wanted);
        if (bytes == 0) {
            const auto received = co_await receive(asio::buffer(piece.data(), wanted),
                                                   options_.limits.body_stall_timeout);
            if (!received) co_return fail(received.error());
            bytes = *received;
            body_left_ -= bytes;
            bytes_received_ += bytes;
        }
        if (Status pushed = decoder.push(std::string_view(piece).substr(0, bytes)); !pushed) {
            co_return fail(pushed.error());
        }
    }
    co_return decoder.finish();
}

Task<Result<std::string>> Connection::read_chunked(BodyDecoder& decoder) {
    // A buffer of its own: the head's views refer to input_. It bounds a chunk's size line and the
    // trailers.
    std::string chunks(decoder.encoded() ? kEncodedPieceBytes : kChunkInputBytes, '\0');
    size_t from = 0;
    size_t to = 0;
    while (!parser_.chunks_done()) {
        if (from > 0) std::memmove(chunks.data(), chunks.data() + from, to - from);
        to -= from;
        from = 0;
        if (to == chunks.size()) {
            co_return fail(invalid_argument("malformed_body",
                                            "A chunk header or the trailers of the body are longer "
                                            "than allowed."));
        }
        if (begin_ < end_) {
            const size_t bytes = std::min(end_ - begin_, chunks.size() - to);
            std::memcpy(chunks.data() + to, input_.data() + begin_, bytes);
            begin_ += bytes;
            to += bytes;
        } else {
            const auto bytes =
                co_await receive(asio::buffer(chunks.data() + to, chunks.size() - to),
                                 options_.limits.body_stall_timeout);
            if (!bytes) co_return fail(bytes.error());
            to += *bytes;
        }
        const auto used = parser_.parse_chunks(std::string_view(chunks).substr(0, to), decoder);
        if (!used) co_return fail(used.error());
        from = *used;
        bytes_received_ += *used;
    }
    // What follows belongs to the next request; more of it may still be in input_, right behind.
    carried_.assign(chunks, from, to - from);
    co_return decoder.finish();
}

}  // namespace insula::net
