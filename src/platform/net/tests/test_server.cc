#include "platform/net/tests/test_server.h"

#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <cstdlib>

namespace insula::net::testing {

HttpServerOptions test_options() {
    HttpServerOptions options;
    options.listen = {{"127.0.0.1", 0}};
    options.io_threads = 2;
    options.tick = std::chrono::milliseconds(5);
    return options;
}

Task<void> echo(Exchange& exchange) {
    const RequestHead& request = exchange.request();
    std::string text(request.method_name);
    text.append(" ").append(request.path);
    for (const QueryParameter& each : request.query) {
        text.append(each.name.data() == request.query.front().name.data() ? "?" : "&");
        text.append(each.name).append("=").append(each.value);
    }
    text.append("\n");
    if (request.has_body()) {
        const auto body = co_await exchange.read_body(kMiB);
        if (!body) {
            const int status = body.error().code() == Code::payload_too_large   ? 413
                               : body.error().code() == Code::unsupported_media ? 415
                                                                                : 400;
            exchange.respond({status, "text/plain", {}}, std::string(body.error().reason()));
            co_return;
        }
        text.append(*body);
    }
    exchange.respond({200, "text/plain", {}}, std::move(text));
}

TestServer::TestServer(HttpServer::Handler handler, HttpServerOptions options)
    : server_(std::move(options)) {
    const Status started = server_.start(std::move(handler));
    if (!started) ADD_FAILURE() << started.error().describe();
}

HttpClient TestServer::client() const {
    HttpClientOptions options;
    options.port = port();
    options.io_timeout = kPatience;
    return HttpClient(options);
}

RawClient::RawClient(uint16_t port) {
    const Status connected = socket_.connect("127.0.0.1", port, kPatience);
    if (!connected) ADD_FAILURE() << connected.error().describe();
}

RawClient& RawClient::send(std::string_view bytes) {
    bool early_answer = false;
    const Status sent = socket_.send(bytes, {}, kPatience, early_answer);
    if (!sent) ADD_FAILURE() << sent.error().describe();
    return *this;
}

bool RawClient::receive_more() {
    char room[4096];
    const auto got = socket_.receive(room, sizeof room, kPatience);
    if (!got) {
        if (got.error().code() != Code::unavailable) ADD_FAILURE() << got.error().describe();
        return false;
    }
    input_.append(room, *got);
    return *got > 0;
}

std::optional<RawClient::Answer> RawClient::answer(bool to_head_request) {
    size_t end;
    while ((end = input_.find("\r\n\r\n")) == std::string::npos) {
        if (!receive_more()) return std::nullopt;
    }
    Answer answer;
    answer.head = input_.substr(0, end + 4);
    input_.erase(0, end + 4);
    answer.status = std::atoi(answer.head.c_str() + 9);
    answer.close = answer.head.find("Connection: close") != std::string::npos;
    if (answer.status < 200 || to_head_request) return answer;
    if (const size_t at = answer.head.find("Content-Length: "); at != std::string::npos) {
        const size_t length = std::strtoull(answer.head.c_str() + at + 16, nullptr, 10);
        while (input_.size() < length) {
            if (!receive_more()) return std::nullopt;
        }
        answer.body = input_.substr(0, length);
        input_.erase(0, length);
    } else if (answer.head.find("chunked") != std::string::npos) {
        // The coding as it is, up to the end of the trailers.
        while ((end = input_.find("0\r\n")) == std::string::npos ||
               (end = input_.find("\r\n\r\n", end)) == std::string::npos) {
            if (!receive_more()) return std::nullopt;
        }
        answer.body = input_.substr(0, end + 4);
        input_.erase(0, end + 4);
    }
    return answer;
}

std::string RawClient::until_closed() {
    while (receive_more()) {
    }
    return std::exchange(input_, {});
}

std::string RawClient::some() {
    if (input_.empty()) receive_more();
    return std::exchange(input_, {});
}

std::string gzip(std::string_view text) {
    z_stream stream{};
    EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    std::string out(deflateBound(&stream, text.size()), '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

std::string zstd(std::string_view text) {
    std::string out(ZSTD_compressBound(text.size()), '\0');
    out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
    return out;
}

}  // namespace insula::net::testing
