#include "platform/net/connection.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstring>
#include <utility>

#include "platform/net/forwarded.h"
#include "platform/net/response_writer.h"

namespace insula::net {

namespace asio = boost::asio;

namespace {

constexpr auto kToken = asio::as_tuple(asio::use_awaitable_t<Executor>());

constexpr size_t kInputBytes = 4 * kKiB;
// Bodies up to this are copied behind their head and sent in one piece.
constexpr size_t kJoinBytesMax = 16 * kKiB;
// Buffers larger than this are given back between requests.
constexpr size_t kKeptBufferBytes = 64 * kKiB;

bool may_be_plain(const HttpServerOptions& options, const std::optional<Address>& peer) {
    if (options.plain_beyond_loopback) return true;
    const bool certified = options.tls != nullptr && options.tls->options().client_certificates ==
                                                         ClientCertificates::require;
    // Linux takes nothing from a network that claims to come from a loopback address.
    return peer && peer->is_loopback() && !certified;
}

Refusal tls_required() {
    return {400, invalid_argument("tls_required", "This port takes TLS only.")
                     .with_hint("Begin the address with https://.")};
}

}  // namespace

std::optional<Address> peer_address(const Socket& socket) {
    boost::system::error_code error;
    const auto endpoint = socket.remote_endpoint(error);
    if (error) return std::nullopt;
    if (endpoint.address().is_v6()) return Address{endpoint.address().to_v6().to_bytes()};
    return Address{
        asio::ip::make_address_v6(asio::ip::v4_mapped, endpoint.address().to_v4()).to_bytes()};
}

Connection::Connection(IoThread& io, Socket socket)
    : io_(io),
      options_(io.shared().options),
      socket_(std::move(socket)),
      peer_(peer_address(socket_)),
      remote_(peer_ ? to_text(*peer_) : "unknown"),
      behind_proxy_(peer_ && any_contains(options_.trusted_proxies, *peer_)),
      plain_allowed_(may_be_plain(options_, peer_)),
      parser_(options_.limits),
      started_(SystemClock().steady_now()) {
    boost::system::error_code ignored;  // a broken socket shows at its first read
    socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
    socket_.non_blocking(true, ignored);
    io_.add(*this);
}

Connection::~Connection() {
    io_.remove(*this);
    // An answer that was cut off must not look like one that has ended.
    const bool cut_off = answer_ == AnswerState::streaming || answer_ == AnswerState::broken;
    if (tls_ && !cut_off && socket_.is_open()) tls_->close_notify(socket_.native_handle());
}

Task<void> Connection::run() {
    for (;;) {
        std::optional<Refusal> refusal;
        while (!find_head(refusal) && !refusal) {
            if (io_.stopping() && begin_ == end_) co_return;
            const asio::mutable_buffer room = input_room();
            const auto [error, bytes] =
                tls_ ? co_await read_tls(room) : co_await socket_.async_read_some(room, kToken);
            if (!took_input(error, bytes, refusal)) co_return;
            if (refusal) break;
            if (!std::exchange(undecided_, false)) continue;
            if (speaks_tls()) {
                if (!co_await shake_hands()) co_return;
            } else if (!plain_allowed_) {
                refusal = tls_required();
                break;
            }
        }
        if (!refusal) refusal = begin_request();
        if (refusal) {
            io_.counters().malformed.add_one();
            co_await refuse(*std::move(refusal));
            co_return;
        }
        Exchange exchange(*this);
        // The one place that catches around co_await: the boundary to handlers, which belong to
        // others.
        try {
            co_await io_.shared().handler(exchange);
            if (answer_ == AnswerState::none) handler_failed("the handler gave no answer");
        } catch (const std::exception& thrown) {
            handler_failed(thrown.what());
        }
        Ending ending = end_request();
        if (ending == Ending::unfinished) ending = co_await end_request_slowly();
        if (ending == Ending::close) co_return;
        recycle();
    }
}

Task<void> Connection::run_over_limit(std::string_view why) {
    if (!plain_allowed_) co_return;
    co_await refuse({503, unavailable("too_many_connections", std::string(why))
                              .with_hint("Retry after a moment, and reuse connections.")});
}

// True when [begin_, begin_ + head_bytes_) is a complete head.
bool Connection::find_head(std::optional<Refusal>& refusal) {
    // Empty lines before a request are skipped, as RFC 9112 (2.2) asks.
    while (scanned_ == 0 && begin_ < end_ && (input_[begin_] == '\r' || input_[begin_] == '\n')) {
        ++begin_;
    }
    const std::string_view text(input_.data() + begin_, end_ - begin_);
    const size_t found = text.find("\r\n\r\n", scanned_);
    if (found != std::string_view::npos && found + 4 <= options_.limits.header_bytes_max) {
        head_bytes_ = found + 4;
        return true;
    }
    if (text.size() >= options_.limits.header_bytes_max) {
        refusal = Refusal{
            431, invalid_argument("headers_too_large",
                                  "The request's headers are larger than " +
                                      std::to_string(options_.limits.header_bytes_max) + " bytes.")
                     .with_hint("Send fewer or shorter headers.")};
    } else if (RequestParser::hopeless(text)) {
        refusal = Refusal{
            400, invalid_argument("malformed_http", "What was sent is not an HTTP/1.1 request.")};
    }
    scanned_ = text.size() < 3 ? 0 : text.size() - 3;
    return false;
}

// Room behind the input, with the deadline that the state of the head asks for.
asio::mutable_buffer Connection::input_room() {
    if (begin_ == end_) {
        begin_ = end_ = scanned_ = 0;
        phase_ = Phase::idle;
        arm(options_.limits.idle_timeout);
    } else if (phase_ != Phase::head) {
        phase_ = Phase::head;
        started_ = SystemClock().steady_now();
        arm(options_.limits.header_timeout);
    }
    if (begin_ > 0) {
        std::memmove(input_.data(), input_.data() + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
    }
    if (input_.size() - end_ < kInputBytes / 2) {
        input_.resize(std::max(kInputBytes, 2 * input_.size()));
    }
    return asio::buffer(input_.data() + end_, input_.size() - end_);
}

// False when the connection has ended.
bool Connection::took_input(const boost::system::error_code& error, size_t bytes,
                            std::optional<Refusal>& refusal) {
    if (timed_out_ && phase_ == Phase::head) {
        refusal = Refusal{408, Error(Code::deadline_exceeded, "request_timeout",
                                     "The request's headers did not arrive in time.")};
        return true;
    }
    if (error || timed_out_) return false;
    end_ += bytes;
    return true;
}

std::optional<Refusal> Connection::begin_request() {
    disarm();
    if (phase_ != Phase::head) started_ = SystemClock().steady_now();
    phase_ = Phase::handling;
    body_ = BodyState::none;
    answer_ = AnswerState::none;
    continue_due_ = false;
    bytes_received_ = bytes_sent_ = body_left_ = 0;
    status_ = 0;
    keep_ = false;
    parts_ = {};
    added_headers_.clear();
    const std::string_view text(input_.data() + begin_, head_bytes_);
    if (auto refusal = parser_.parse_head(text, head_, head_storage_)) return refusal;
    head_.remote_address = remote_;
    head_.secure = tls_ != nullptr;
    head_.client_subject = client_subject_;
    if (behind_proxy_) {
        if (auto refusal = take_forwarded()) return refusal;
    }
    begin_ += head_bytes_;
    scanned_ = 0;
    if (head_.has_body()) {
        body_ = BodyState::unread;
        body_left_ = head_.content_length.value_or(0);
        continue_due_ = parser_.expects_continue();
    }
    io_.counters().requests.add_one();
    return std::nullopt;
}

std::optional<Refusal> Connection::take_forwarded() {
    const auto address =
        forwarded_address(head_, options_.forwarded_header, options_.trusted_proxies);
    if (!address) return Refusal{400, address.error()};
    if (*address) {
        forwarded_ = to_text(**address);
        head_.remote_address = forwarded_;
    }
    return std::nullopt;
}

void Connection::handler_failed(const char* what) {
    io_.counters().handler_failures.add_one();
    // A stream that has begun is cut off instead.
    if (answer_ != AnswerState::none && answer_ != AnswerState::buffered) return;
    ErrorAnswer answer = error_answer(internal_error(what), 500);
    respond({500, "application/json", std::move(answer.headers)}, std::move(answer.body));
}

// Whether the connection can serve another request after this one.
bool Connection::decide_to_keep() {
    if (!head_.keep_alive || io_.stopping() || timed_out_) return false;
    switch (body_) {
        case BodyState::none:
        case BodyState::done:
            return true;
        case BodyState::unread:
            // A client that waits for "continue" may or may not send the body now; nobody can tell.
            return !continue_due_ && !head_.chunked &&
                   body_left_ <= options_.limits.drain_bytes_max;
        case BodyState::reading:
        case BodyState::broken:
            return false;
    }
    return false;
}

void Connection::add_headers(ResponseHead& head) {
    for (Header& header : added_headers_) head.headers.push_back(std::move(header));
    added_headers_.clear();
}

void Connection::render_answer() {
    keep_ = decide_to_keep();
    add_headers(answer_head_);
    const bool has_body = may_have_body(answer_head_.status);
    AnswerFraming framing;
    if (has_body) framing.content_length = answer_body_.size();
    framing.close = !keep_;
    framing.keep_alive_1_0 = keep_ && head_.http_1_0;
    framing.date = io_.date();
    output_.clear();
    append_head(output_, answer_head_, framing);
    parts_ = {};
    if (!has_body || head_.method == Method::head) {
        answer_body_.clear();
    } else if (answer_body_.size() <= kJoinBytesMax) {
        output_.append(answer_body_);
        bytes_sent_ += answer_body_.size();
    } else {
        parts_[1] = asio::buffer(answer_body_);
        bytes_sent_ += answer_body_.size();
    }
    parts_[0] = asio::buffer(output_);
}

// Sends a buffered answer as far as it goes without waiting, which is nearly always all of it.
Connection::Ending Connection::end_request() {
    cancel_.reset();
    if (answer_ == AnswerState::buffered) {
        render_answer();
        if (!send_now()) return Ending::close;
        if (output_left() || body_ == BodyState::unread) return Ending::unfinished;
        if (!keep_ && body_ != BodyState::none && body_ != BodyState::done) {
            return Ending::unfinished;
        }
        return keep_ ? Ending::keep : Ending::close;
    }
    // A stream that was left unfinished is cut off; so is a broken one.
    if (answer_ != AnswerState::finished) return Ending::close;
    keep_ = keep_ && decide_to_keep();
    if (body_ == BodyState::none || body_ == BodyState::done) {
        return keep_ ? Ending::keep : Ending::close;
    }
    return Ending::unfinished;
}

Task<Connection::Ending> Connection::end_request_slowly() {
    phase_ = Phase::ending;
    if (output_left() && !co_await send_parts()) co_return Ending::close;
    if (!keep_) {
        if (body_ != BodyState::none && body_ != BodyState::done) co_await linger();
        co_return Ending::close;
    }
    if (body_ == BodyState::unread && !co_await discard_body()) co_return Ending::close;
    co_return Ending::keep;
}

// Between two requests: gives large buffers back.
void Connection::recycle() {
    phase_ = Phase::idle;
    if (!carried_.empty()) {
        carried_.append(input_, begin_, end_ - begin_);
        begin_ = 0;
        end_ = carried_.size();
        input_ = std::exchange(carried_, {});
    }
    answer_body_.clear();
    if (answer_body_.capacity() > kKeptBufferBytes) answer_body_ = {};
    answer_memory_.release();
    if (output_.capacity() > kKeptBufferBytes) output_ = {};
}

// Answers without a handler and ends the connection.
Task<void> Connection::refuse(Refusal refusal) {
    disarm();
    timed_out_ = false;
    phase_ = Phase::ending;
    ErrorAnswer answer = error_answer(refusal.error, refusal.status);
    const std::string body = std::move(answer.body);
    AnswerFraming framing;
    framing.content_length = body.size();
    framing.close = true;
    framing.date = io_.date();
    ResponseHead head{refusal.status, "application/json", std::move(answer.headers)};
    if (refusal.status == 503) head.headers.push_back({"Retry-After", "1"});
    output_.clear();
    append_head(output_, head, framing);
    output_.append(body);
    if (co_await send(output_)) co_await linger();
}

ErrorAnswer Connection::error_answer(const Error& error, int status) const {
    if (!options_.answer_error) return {default_error_body(error), {}};
    return options_.answer_error({error, status, started_});
}

void Connection::check_deadline(SteadyTime now) {
    if (now >= deadline_) {
        timed_out_ = true;
        io_.counters().timeouts.add_one();
        disarm();
        boost::system::error_code ignored;  // fails only for a closed socket, whose wait has ended
        socket_.cancel(ignored);
    }
    if (cancel_ && peer_closed()) cancel_->cancel();
}

void Connection::begin_stop() {
    if (phase_ != Phase::idle) return;
    boost::system::error_code ignored;
    socket_.close(ignored);
}

bool Connection::cut() {
    if (cancel_) cancel_->cancel();
    boost::system::error_code ignored;
    socket_.close(ignored);
    return phase_ == Phase::handling || (phase_ == Phase::ending && output_left());
}

}  // namespace insula::net
