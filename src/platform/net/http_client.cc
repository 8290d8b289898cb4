#include "platform/net/http_client.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "platform/net/client_socket.h"
#include "platform/net/response_parser.h"
#include "platform/net/response_writer.h"
#include "platform/net/tls_client.h"

namespace insula::net {

namespace {

constexpr size_t kReadBytes = 256 * kKiB;

std::optional<std::string_view> find_header(const std::vector<Header>& fields,
                                            std::string_view name) {
    for (const Header& field : fields) {
        if (equal_without_case(field.name, name)) return field.value;
    }
    return std::nullopt;
}

Status check_request(const ClientRequest& request) {
    const auto bad = [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; };
    if (!request.target.starts_with('/') || std::ranges::any_of(request.target, bad)) {
        return fail(invalid_argument("malformed_target",
                                     "The target of a request begins with '/' and is encoded."));
    }
    for (const Header& field : request.headers) {
        if (field.name.empty() || std::ranges::any_of(field.name, bad) ||
            !valid_header_value(field.value)) {
            return fail(invalid_argument("malformed_header",
                                         "The header '" + field.name + "' cannot be sent."));
        }
    }
    return {};
}

}  // namespace

std::optional<std::string_view> ClientResponse::header(std::string_view name) const {
    return find_header(headers, name);
}
std::optional<std::string_view> ClientResponse::trailer(std::string_view name) const {
    return find_header(trailers, name);
}

struct HttpClient::State {
    explicit State(HttpClientOptions given) : options(std::move(given)) {}

    std::string render_head(const ClientRequest& request) const;
    // `early_answer`: the server answered before it had all of the body, of which the rest was not
    // sent.
    Status send_request(const ClientRequest& request, bool& early_answer);
    Status connect();
    Result<ClientResponse> receive_response(bool head_request, const OnPiece& on_piece);

    HttpClientOptions options;
    std::shared_ptr<ssl_ctx_st> tls;  // made with the first connection
    ClientSocket socket;
    std::string input;
    size_t begin = 0;  // [begin, end) of input is not used up
    size_t end = 0;
};

HttpClient::HttpClient(HttpClientOptions options)
    : state_(std::make_unique<State>(std::move(options))) {}
HttpClient::~HttpClient() = default;
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&&) noexcept = default;

Status HttpClient::State::connect() {
    begin = end = 0;
    if (options.tls && !tls) {
        ASSIGN_OR_RETURN(tls, make_client_context(*options.tls));
    }
    RETURN_IF_ERROR(socket.connect(options.host, options.port, options.connect_timeout));
    if (!tls) return {};
    const Status secured = socket.secure(tls, options.host, options.connect_timeout);
    if (!secured) socket.close();
    return secured;
}

std::string HttpClient::State::render_head(const ClientRequest& request) const {
    std::string out(method_name(request.method));
    out.append(" ").append(request.target).append(" HTTP/1.1\r\n");
    const bool address_v6 = options.host.find(':') != std::string::npos;
    out.append("Host: ").append(address_v6 ? "[" + options.host + "]" : options.host);
    out.append(":").append(std::to_string(options.port)).append("\r\n");
    const bool sends_body = request.method == Method::post || request.method == Method::put ||
                            request.method == Method::patch;
    if (request.body_producer) {
        out.append("Transfer-Encoding: chunked\r\n");
    } else if (sends_body || !request.body.empty()) {
        out.append("Content-Length: ").append(std::to_string(request.body.size())).append("\r\n");
    }
    for (const Header& field : request.headers) {
        out.append(field.name).append(": ").append(field.value).append("\r\n");
    }
    return out.append("\r\n");
}

Status HttpClient::State::send_request(const ClientRequest& request, bool& early_answer) {
    const std::string head = render_head(request);
    if (!request.body_producer) {
        return socket.send(head, request.body, options.io_timeout, early_answer);
    }
    RETURN_IF_ERROR(socket.send(head, {}, options.io_timeout, early_answer));
    std::string chunk;
    while (!early_answer) {
        ASSIGN_OR_RETURN(const auto piece, request.body_producer());
        chunk.clear();
        if (!piece) {
            return socket.send("0\r\n\r\n", {}, options.io_timeout, early_answer);
        }
        if (piece->empty()) continue;
        append_chunk_size(chunk, piece->size());
        RETURN_IF_ERROR(socket.send(chunk, *piece, options.io_timeout, early_answer));
        if (!early_answer) {
            RETURN_IF_ERROR(socket.send("\r\n", {}, options.io_timeout, early_answer));
        }
    }
    return {};
}

Result<ClientResponse> HttpClient::State::receive_response(bool head_request,
                                                           const OnPiece& on_piece) {
    ClientResponse response;
    std::function<Status(std::string_view)> on_body = [&](std::string_view piece) {
        return on_piece(response, piece);
    };
    auto parser =
        std::make_unique<ResponseParser>(response, on_body, options.head_bytes_max, head_request);
    input.resize(std::max(kReadBytes, options.head_bytes_max));
    for (;;) {
        if (begin < end) {
            ASSIGN_OR_RETURN(const size_t used,
                             parser->parse(std::string_view(input).substr(begin, end - begin)));
            begin += used;
        }
        if (parser->done() && parser->provisional()) {
            response = {};
            parser = std::make_unique<ResponseParser>(response, on_body, options.head_bytes_max,
                                                      head_request);
            continue;
        }
        if (parser->done()) break;
        if (begin > 0) std::memmove(input.data(), input.data() + begin, end - begin);
        end -= begin;
        begin = 0;
        if (end == input.size()) {
            return fail(Error(Code::data_loss, "malformed_response",
                              "A line of the server's answer is longer than allowed."));
        }
        ASSIGN_OR_RETURN(const size_t got, socket.receive(input.data() + end, input.size() - end,
                                                          options.io_timeout));
        if (got == 0) {
            RETURN_IF_ERROR(parser->at_end());
            break;
        }
        end += got;
    }
    if (!parser->keep_alive()) socket.close();
    return response;
}

Result<ClientResponse> HttpClient::stream(const ClientRequest& request,
                                          std::function<Status(std::string_view)> on_body) {
    return stream(request, OnPiece([&](const ClientResponse&, std::string_view piece) {
                      return on_body(piece);
                  }));
}

Result<ClientResponse> HttpClient::stream(const ClientRequest& request, OnPiece on_piece) {
    State& state = *state_;
    RETURN_IF_ERROR(check_request(request));
    if (state.socket.open() && state.socket.stale()) state.socket.close();
    if (!state.socket.open()) RETURN_IF_ERROR(state.connect());
    bool early_answer = false;
    if (Status sent = state.send_request(request, early_answer); !sent) {
        state.socket.close();
        return fail(std::move(sent).error());
    }
    auto response = state.receive_response(request.method == Method::head, on_piece);
    if (!response || early_answer) state.socket.close();
    return response;
}

Result<ClientResponse> HttpClient::send(const ClientRequest& request) {
    std::string body;
    const uint64_t bytes_max = state_->options.body_bytes_max;
    auto response = stream(request, [&body, bytes_max](std::string_view piece) -> Status {
        if (piece.size() > bytes_max - body.size()) {
            return fail(Error(Code::payload_too_large, "response_too_large",
                              "The server's answer is larger than the " +
                                  std::to_string(bytes_max) + " bytes that are kept in memory."));
        }
        body.append(piece);
        return {};
    });
    if (response) response->body = std::move(body);
    return response;
}

Result<ClientResponse> HttpClient::get(std::string target) {
    return send({Method::get, std::move(target), {}, {}, {}});
}

Result<ClientResponse> HttpClient::post(std::string target, std::string_view body,
                                        std::string content_type) {
    return send(
        {Method::post, std::move(target), {{"Content-Type", std::move(content_type)}}, body, {}});
}

void HttpClient::close() { state_->socket.close(); }

}  // namespace insula::net
