#include "platform/net/response_parser.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <optional>

namespace insula::net {

namespace http = boost::beast::http;
using boost::beast::error_code;

struct ResponseParser::Parser final : http::basic_parser<false> {
    Parser(ClientResponse& response_, std::function<Status(std::string_view)>& on_body_,
           size_t head_bytes_max, bool head_request)
        : response(response_), on_body(on_body_) {
        header_limit(static_cast<std::uint32_t>(head_bytes_max));
        body_limit(boost::none);
        eager(true);
        skip(head_request);
    }

    void on_response_impl(int status, boost::beast::string_view, int, error_code&) override {
        response.status = status;
    }
    void on_field_impl(http::field, boost::beast::string_view name, boost::beast::string_view value,
                       error_code&) override {
        auto& fields = in_body ? response.trailers : response.headers;
        fields.push_back({std::string(name), std::string(value)});
    }
    void on_header_impl(error_code&) override { in_body = true; }
    std::size_t on_body_impl(boost::beast::string_view piece, error_code& ec) override {
        return push(piece, ec);
    }
    std::size_t on_chunk_body_impl(std::uint64_t, boost::beast::string_view piece,
                                   error_code& ec) override {
        return push(piece, ec);
    }
    void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
    void on_chunk_header_impl(std::uint64_t, boost::beast::string_view, error_code&) override {}
    void on_finish_impl(error_code&) override {}
    // Not called for answers.
    void on_request_impl(http::verb, boost::beast::string_view, boost::beast::string_view, int,
                         error_code&) override {}

    std::size_t push(boost::beast::string_view piece, error_code& ec) {
        if (Status pushed = on_body(std::string_view(piece.data(), piece.size())); !pushed) {
            failure = std::move(pushed).error();
            ec = http::error::body_limit;
            return 0;
        }
        return piece.size();
    }

    ClientResponse& response;
    std::function<Status(std::string_view)>& on_body;
    bool in_body = false;
    std::optional<Error> failure;
};

namespace {

Error malformed(const error_code& ec) {
    return Error(Code::data_loss, "malformed_response",
                 "The server's answer is not valid HTTP/1.1: " + ec.message() + ".");
}

}  // namespace

ResponseParser::ResponseParser(ClientResponse& response,
                               std::function<Status(std::string_view)>& on_body,
                               size_t head_bytes_max, bool head_request)
    : parser_(std::make_unique<Parser>(response, on_body, head_bytes_max, head_request)) {}
ResponseParser::~ResponseParser() = default;

Result<size_t> ResponseParser::parse(std::string_view bytes) {
    error_code ec;
    const size_t used = parser_->put(boost::asio::const_buffer(bytes.data(), bytes.size()), ec);
    if (parser_->failure) return fail(*parser_->failure);
    if (ec && ec != http::error::need_more) return fail(malformed(ec));
    return used;
}

Status ResponseParser::at_end() {
    error_code ec = http::error::partial_message;
    if (parser_->got_some()) parser_->put_eof(ec);
    if (!ec) return {};
    return fail(unavailable("connection_lost",
                            "The server closed the connection in the middle of its answer."));
}

bool ResponseParser::head_done() const { return parser_->is_header_done(); }
bool ResponseParser::done() const { return parser_->is_done(); }
bool ResponseParser::keep_alive() const { return parser_->keep_alive(); }
bool ResponseParser::provisional() const {
    const int status = parser_->response.status;
    return head_done() && status >= 100 && status < 200;
}

}  // namespace insula::net
