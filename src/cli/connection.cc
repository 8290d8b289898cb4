#include "cli/connection.h"

#include <charconv>
#include <utility>

#include "cli/exit_code.h"
#include "platform/json/json_value.h"

namespace insula::cli {

namespace {

constexpr uint16_t kDefaultPort = 8000;
constexpr uint16_t kHttpPort = 80;
constexpr uint16_t kHttpsPort = 443;
constexpr uint64_t kAnswerBytesMax = 256 * kMiB;  // a page of the server has at most 128
constexpr size_t kErrorBytesMax = 1 * kMiB;
constexpr int kUnauthenticated = 401;

Error bad_address(std::string_view text, std::string_view why) {
    return usage_error("The server \"" + std::string(text) + "\" " + std::string(why))
        .with_hint("Write --server http://127.0.0.1:8000, or set INSULA_SERVER so.");
}

// Kinds of failure that matter to a command: the server's own code stands in the reason.
Code code_of_status(int status) {
    switch (status) {
        case 404:
            return Code::not_found;
        case 409:
            return Code::already_exists;
        case 429:
            return Code::resource_exhausted;
        case 502:
        case 503:
            return Code::unavailable;
        case 504:
            return Code::deadline_exceeded;
        default:
            return status >= 500 ? Code::internal : Code::invalid_argument;
    }
}

std::string text_of(const json::JsonValue& object, std::string_view name) {
    const json::JsonValue* value = object.find(name);
    return value != nullptr && value->is_string() ? value->string() : std::string();
}

bool is_success(int status) { return status >= 200 && status < 300; }

}  // namespace

Result<ServerAddress> parse_server_address(std::string_view text) {
    constexpr std::string_view kHttp = "http://";
    constexpr std::string_view kHttps = "https://";
    std::string_view rest = text;
    ServerAddress address{.host = {}, .port = kDefaultPort};
    address.tls = rest.starts_with(kHttps);
    if (address.tls) {
        rest.remove_prefix(kHttps.size());
        address.port = kHttpsPort;
    } else if (rest.starts_with(kHttp)) {
        rest.remove_prefix(kHttp.size());
        address.port = kHttpPort;
    }
    if (rest.ends_with('/')) rest.remove_suffix(1);
    const size_t host_end = rest.starts_with('[') ? rest.find(']') : rest.find(':');
    address.host = rest.substr(0, host_end);
    rest.remove_prefix(std::min(rest.size(), host_end));
    if (address.host.starts_with('[')) {
        if (rest.empty()) return fail(bad_address(text, "lacks the bracket behind its address."));
        address.host.erase(0, 1);
        rest.remove_prefix(1);
    }
    if (address.host.find('/') != std::string::npos) {
        return fail(bad_address(text, "has a path; an address has none."));
    }
    const bool odd_host = address.host.find_first_of("@?# \t") != std::string::npos;
    if (address.host.empty() || odd_host) return fail(bad_address(text, "names no host."));
    if (rest.empty()) return address;
    if (!rest.starts_with(':')) return fail(bad_address(text, "is not HOST:PORT."));
    rest.remove_prefix(1);
    if (rest.find('/') != std::string_view::npos) {
        return fail(bad_address(text, "has a path; an address has none."));
    }
    const bool digits =
        !rest.empty() && rest.find_first_not_of("0123456789") == std::string_view::npos;
    if (!digits) return fail(bad_address(text, "has no port number behind its colon."));
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), address.port);
    if (error != std::errc() || address.port == 0) {
        return fail(bad_address(text, "has a port that is not between 1 and 65535."));
    }
    return address;
}

Error answer_error(const net::ClientResponse& response) {
    const auto parsed = json::JsonValue::parse(response.body, {.bytes_max = kErrorBytesMax});
    const json::JsonValue* error = parsed ? parsed->find("error") : nullptr;
    std::string code = error == nullptr ? std::string() : text_of(*error, "code");
    if (code.empty()) {
        return Error(code_of_status(response.status), "unexpected_answer",
                     "The answer has status " + std::to_string(response.status) +
                         " and is not in Insula's form.")
            .with_hint("Is it an Insula server that listens there?");
    }
    Error made = Error(code_of_status(response.status), code, text_of(*error, "message"));
    std::string hint = text_of(*error, "hint");
    if (response.status == kUnauthenticated) {
        hint =
            "Set INSULA_API_KEY to a key of this server; it showed the administrator's at its "
            "first start.";
    }
    if (!hint.empty()) made = made.with_hint(std::move(hint));
    const std::string id = text_of(*error, "request_id");
    return id.empty() ? made : made.with_detail("request " + id);
}

Result<ServerConnection> ServerConnection::open(ConnectionOptions options) {
    ASSIGN_OR_RETURN(const ServerAddress address, parse_server_address(options.server));
    for (const std::string* value : {&options.key, &options.tenant}) {
        if (net::valid_header_value(*value)) continue;
        return fail(usage_error(value == &options.key
                                    ? "INSULA_API_KEY holds characters that no key has."
                                    : "--tenant holds characters that no tenant's name has."));
    }
    if (options.tls.cert_file.empty() != options.tls.key_file.empty()) {
        return fail(
            usage_error("--client-cert and --client-key go together: a certificate is worth "
                        "nothing without its key."));
    }
    return ServerConnection(std::move(options), address);
}

ServerConnection::ServerConnection(ConnectionOptions options, const ServerAddress& address)
    : options_(std::move(options)),
      client_({.host = address.host,
               .port = address.port,
               .tls = address.tls ? std::optional(options_.tls) : std::nullopt,
               .io_timeout = options_.io_timeout,
               .body_bytes_max = kAnswerBytesMax}) {}

void ServerConnection::add_headers(net::ClientRequest& request) const {
    if (!options_.key.empty())
        request.headers.push_back({"Authorization", "Bearer " + options_.key});
    if (!options_.tenant.empty()) request.headers.push_back({"X-Tenant-Id", options_.tenant});
}

Error ServerConnection::explain(Error error) const {
    if (error.reason() == "connection_refused") {
        return error.with_hint(
            "Start a server with `insula serve --dev`, or name one with --server or "
            "INSULA_SERVER.");
    }
    if (error.reason() == "certificate_not_trusted" &&
        error.hint().find("file") != error.hint().npos) {
        return error.with_hint(
            "Name the certificate of its authority, or a self-signed one itself, with --ca-file or "
            "INSULA_CA_FILE.");
    }
    if (error.reason() == "client_certificate_refused") {
        return error.with_hint("Name one that it takes with --client-cert and --client-key.");
    }
    return error;
}

Result<net::ClientResponse> ServerConnection::exchange(net::ClientRequest request) {
    add_headers(request);
    auto response = client_.send(request);
    if (!response) return fail(explain(response.error()));
    return response;
}

Result<std::string> ServerConnection::send(net::Method method, std::string target,
                                           std::string_view json) {
    net::ClientRequest request;
    request.method = method;
    request.target = std::move(target);
    request.body = json;
    if (!json.empty()) request.headers.push_back({"Content-Type", "application/json"});
    ASSIGN_OR_RETURN(net::ClientResponse response, exchange(std::move(request)));
    if (!is_success(response.status)) return fail(answer_error(response));
    return std::move(response.body);
}

Status ServerConnection::stream(net::ClientRequest request,
                                const std::function<Status(std::string_view)>& on_piece) {
    add_headers(request);
    std::string error_body;
    auto response = client_.stream(
        request, [&](const net::ClientResponse& head, std::string_view piece) -> Status {
            if (is_success(head.status)) return on_piece(piece);
            error_body.append(piece.substr(0, kErrorBytesMax - error_body.size()));
            return {};
        });
    if (!response) return fail(explain(response.error()));
    if (is_success(response->status)) return {};
    response->body = std::move(error_body);
    return fail(answer_error(*response));
}

}  // namespace insula::cli
