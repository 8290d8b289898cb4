#include "platform/net/exchange.h"

#include "base/check.h"
#include "platform/net/connection.h"
#include "platform/net/response_writer.h"

namespace insula::net {

void Connection::respond(ResponseHead head, std::string body, MemoryGrant memory) {
    if (answer_ != AnswerState::none && answer_ != AnswerState::buffered) {
        answer_ = AnswerState::broken;
        return;
    }
    answer_ = AnswerState::buffered;
    status_ = head.status;
    answer_head_ = std::move(head);
    answer_body_ = std::move(body);
    answer_memory_ = std::move(memory);
}

Task<Status> Connection::start_stream(ResponseHead head, std::vector<std::string> trailer_names) {
    INSULA_CHECK(answer_ == AnswerState::none, "an answer is started once");
    answer_ = AnswerState::streaming;
    status_ = head.status;
    chunked_ = !head_.http_1_0;
    // Without chunks only the end of the connection ends the answer.
    keep_ = chunked_ && decide_to_keep();
    add_headers(head);
    AnswerFraming framing;
    framing.chunked = chunked_;
    framing.close = !keep_;
    framing.date = io_.date();
    if (chunked_) framing.trailer_names = trailer_names;
    output_.clear();
    append_head(output_, head, framing);
    co_return co_await send(output_);
}

Task<Status> Connection::write(std::string chunk) {
    if (answer_ == AnswerState::broken) co_return socket_failed();
    INSULA_CHECK(answer_ == AnswerState::streaming, "write() outside a stream");
    if (chunk.empty() || head_.method == Method::head) co_return Status();
    bytes_sent_ += chunk.size();
    if (!chunked_) co_return co_await send(chunk);
    output_.clear();
    append_chunk_size(output_, chunk.size());
    co_return co_await send(output_, chunk, "\r\n");
}

Task<Status> Connection::finish(std::vector<Header> trailers) {
    if (answer_ == AnswerState::broken) co_return socket_failed();
    INSULA_CHECK(answer_ == AnswerState::streaming, "finish() outside a stream");
    if (chunked_ && head_.method != Method::head) {
        output_.assign("0\r\n");
        append_trailers(output_, trailers);
        if (Status sent = co_await send(output_); !sent) co_return sent;
    }
    answer_ = AnswerState::finished;
    co_return Status();
}

const RequestHead& Exchange::request() const { return connection_.head_; }
SteadyTime Exchange::started() const { return connection_.started_; }
Task<Result<std::string>> Exchange::read_body(uint64_t bytes_max, MemoryGrant* memory) {
    return connection_.read_body(bytes_max, memory);
}
void Exchange::respond(ResponseHead head, std::string body, MemoryGrant memory) {
    connection_.respond(std::move(head), std::move(body), std::move(memory));
}
void Exchange::always_send(std::vector<Header> headers) {
    connection_.added_headers_ = std::move(headers);
}
Task<Status> Exchange::start_stream(ResponseHead head, std::vector<std::string> trailer_names) {
    return connection_.start_stream(std::move(head), std::move(trailer_names));
}
Task<Status> Exchange::write(std::string chunk) { return connection_.write(std::move(chunk)); }
Task<Status> Exchange::finish(std::vector<Header> trailers) {
    return connection_.finish(std::move(trailers));
}
bool Exchange::answered() const { return connection_.answer_ != Connection::AnswerState::none; }
bool Exchange::client_gone() const { return connection_.peer_closed(); }
void Exchange::cancel_when_gone(CancelToken token) { connection_.cancel_ = std::move(token); }
uint64_t Exchange::bytes_received() const { return connection_.bytes_received_; }
uint64_t Exchange::bytes_sent() const {
    // A buffered answer goes out when the handler has returned: what it asks for is what will be
    // sent.
    const bool waits = connection_.answer_ == Connection::AnswerState::buffered &&
                       connection_.head_.method != Method::head;
    return connection_.bytes_sent_ + (waits ? connection_.answer_body_.size() : 0);
}
int Exchange::status() const { return connection_.status_; }

}  // namespace insula::net
