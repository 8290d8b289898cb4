#include "platform/net/request_parser.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include "base/check.h"
#include "platform/net/http_server.h"
#include "platform/net/target.h"

namespace insula::net {

namespace http = boost::beast::http;
using boost::beast::error_code;

namespace {

std::string_view view_of(boost::beast::string_view text) { return {text.data(), text.size()}; }

Refusal malformed(std::string message) {
    return {400, invalid_argument("malformed_http", std::move(message))};
}

Refusal too_many_headers(const HttpServerLimits& limits) {
    return {431, invalid_argument("too_many_headers", "The request has more than " +
                                                          std::to_string(limits.header_count_max) +
                                                          " headers.")
                     .with_hint("Send fewer headers.")};
}

}  // namespace

struct RequestParser::Parser final : http::basic_parser<true> {
    Parser(std::string_view bytes_, RequestHead& head_, const HttpServerLimits& limits_)
        : bytes(bytes_), head(head_), limits(limits_) {
        // The caller has bounded the head, and read_body() bounds the body.
        header_limit(static_cast<std::uint32_t>(bytes.size() + 1));
        body_limit(boost::none);
    }

    void on_request_impl(http::verb, boost::beast::string_view method,
                         boost::beast::string_view sent_target, int version, error_code&) override {
        head.method_name = view_of(method);
        head.method = net::parse_method(head.method_name);
        head.http_1_0 = version < 11;
        target = view_of(sent_target);
    }

    void on_field_impl(http::field name, boost::beast::string_view name_string,
                       boost::beast::string_view value, error_code& ec) override {
        if (in_body) return;  // a trailer
        if (head.headers.size() == limits.header_count_max) {
            refuse(too_many_headers(limits), ec);
            return;
        }
        // Beast joins folded lines in memory of its own; everything else is a view of the input.
        const bool inside =
            value.data() >= bytes.data() && value.data() <= bytes.data() + bytes.size();
        if (!inside && !value.empty()) {
            refuse(malformed("A header of the request is folded over several lines."), ec);
            return;
        }
        head.headers.push_back({view_of(name_string), view_of(value)});
        switch (name) {
            case http::field::host:
                ++hosts;
                break;
            case http::field::content_length:
                ++lengths;
                break;
            case http::field::transfer_encoding:
                ++codings;
                coding = view_of(value);
                break;
            case http::field::expect:
                expectation = view_of(value);
                break;
            default:
                break;
        }
    }

    void on_header_impl(error_code&) override {}
    void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
    std::size_t on_body_impl(boost::beast::string_view, error_code& ec) override {
        // Bodies with a length are read past this parser.
        ec = http::error::unexpected_body;
        return 0;
    }
    void on_chunk_header_impl(std::uint64_t, boost::beast::string_view, error_code&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, boost::beast::string_view piece,
                                   error_code& ec) override {
        if (Status pushed = sink->push(view_of(piece)); !pushed) {
            sink_failure = std::move(pushed).error();
            ec = http::error::body_limit;
            return 0;
        }
        return piece.size();
    }
    void on_finish_impl(error_code&) override {}
    // Not called for requests.
    void on_response_impl(int, boost::beast::string_view, int, error_code&) override {}

    void refuse(Refusal why, error_code& ec) {
        refusal = std::move(why);
        ec = http::error::bad_field;
    }

    // What RFC 9112 lets a server decide is decided strictly: a request that two servers could end
    // at different bytes is refused.
    std::optional<Refusal> check_framing() const {
        if (codings > 0 && lengths > 0) {
            return malformed("The request has both Content-Length and Transfer-Encoding.");
        }
        if (lengths > 1) return malformed("The request has more than one Content-Length.");
        if (codings > 1) return malformed("The request has more than one Transfer-Encoding.");
        if (codings == 1 && head.http_1_0) {
            return malformed("HTTP/1.0 has no Transfer-Encoding.");
        }
        if (codings == 1 && !equal_without_case(coding, "chunked")) {
            return Refusal{501, Error(Code::unimplemented, "unsupported_transfer_encoding",
                                      "The only supported Transfer-Encoding is chunked.")};
        }
        if (hosts > 1 || (hosts == 0 && !head.http_1_0)) {
            return malformed("The request must have exactly one Host header.");
        }
        if (!expectation.empty() && !equal_without_case(expectation, "100-continue")) {
            return Refusal{417, invalid_argument("unknown_expectation",
                                                 "The only supported Expect is 100-continue.")};
        }
        return std::nullopt;
    }

    std::string_view bytes;
    RequestHead& head;
    const HttpServerLimits& limits;
    std::string_view target;
    std::string_view coding;
    std::string_view expectation;
    unsigned hosts = 0;
    unsigned lengths = 0;
    unsigned codings = 0;
    bool in_body = false;
    BodySink* sink = nullptr;
    std::optional<Refusal> refusal;
    std::optional<Error> sink_failure;
};

RequestParser::RequestParser(const HttpServerLimits& limits)
    : limits_(limits), parser_(std::make_unique<std::optional<Parser>>()) {}
RequestParser::~RequestParser() = default;

std::optional<Refusal> RequestParser::parse_head(std::string_view bytes, RequestHead& head,
                                                 std::string& storage) {
    head.headers.clear();
    Parser& parser = parser_->emplace(bytes, head, limits_);
    error_code ec;
    parser.put(boost::asio::const_buffer(bytes.data(), bytes.size()), ec);
    if (parser.refusal) return std::move(parser.refusal);
    if (ec) return malformed("The request is not valid HTTP/1.1: " + ec.message() + ".");
    if (auto refusal = parser.check_framing()) return refusal;
    head.chunked = parser.codings == 1;
    head.content_length.reset();
    if (const auto length = parser.content_length(); length && !head.chunked) {
        head.content_length = *length;
    }
    head.keep_alive = parser.keep_alive();
    if (parser.target.size() > limits_.target_bytes_max) {
        return Refusal{
            414, invalid_argument("target_too_long", "The URL is longer than " +
                                                         std::to_string(limits_.target_bytes_max) +
                                                         " bytes.")
                     .with_hint("Send long parameters in the body.")};
    }
    if (auto parsed = parse_target(parser.target, limits_.query_parameters_max, head, storage);
        !parsed) {
        return Refusal{400, std::move(parsed).error()};
    }
    parser.in_body = true;
    return std::nullopt;
}

bool RequestParser::expects_continue() const {
    return !(*parser_)->expectation.empty() && !(*parser_)->head.http_1_0;
}

Result<size_t> RequestParser::parse_chunks(std::string_view bytes, BodySink& sink) {
    Parser& parser = **parser_;
    parser.sink = &sink;
    parser.eager(true);
    error_code ec;
    const size_t used = parser.put(boost::asio::const_buffer(bytes.data(), bytes.size()), ec);
    parser.sink = nullptr;
    if (parser.sink_failure) return fail(*std::move(parser.sink_failure));
    if (ec && ec != http::error::need_more) {
        return fail(invalid_argument(
            "malformed_body", "The chunked coding of the body is damaged: " + ec.message() + "."));
    }
    return used;
}

bool RequestParser::chunks_done() const { return (*parser_)->is_done(); }

bool RequestParser::hopeless(std::string_view bytes) {
    char before = 0;
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '\n' && before != '\r') return true;
        if (byte < 0x20 && c != '\r' && c != '\n' && c != '\t') return true;
        before = c;
    }
    return false;
}

}  // namespace insula::net
