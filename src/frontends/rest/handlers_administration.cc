// Runs the operations of administration; logins.
#include <array>

#include "frontends/rest/request_checks.h"
#include "frontends/rest/rest_api.h"
#include "platform/net/hop.h"

namespace insula::rest {

namespace {

constexpr std::array<std::string_view, 4> kLoginKeys{"tenant", "user", "password",
                                                     "expires_in_seconds"};
// What the audit log calls it: no policy allows or denies it.
constexpr std::string_view kLoginAction = "tenant:Login";
constexpr uint64_t kLoginSeconds = 3600;  // where the request does not say

}  // namespace

net::Task<void> RestApi::administrate(Call& call) {
    const net::RequestHead& request = call.exchange.request();
    const bool has_body = request.chunked || request.content_length.value_or(0) > 0;
    MemoryGrant memory;
    Result<std::string> body = std::string();
    // One that does nothing but name a thing may come without a body, and so without a type.
    if (has_body) body = co_await read_json(call, kAdministrationBodyBytesMax, memory);
    Result<OperationAnswer> answer = OperationAnswer();
    if (body) {
        answer = co_await net::on_pool(services_.workers, [&] {
            tenancy::Administration administration =
                services_.administration.audited(audit_entry(call));
            return call.route.operation({.administration = administration,
                                         .tables = services_.tables,
                                         .meters = services_.meters,
                                         .audit = services_.audit,
                                         .actor = *call.actor,
                                         .head = request,
                                         .arguments = call.arguments,
                                         .body = *body,
                                         .deadline = call.context.deadline});
        });
    } else {
        answer = fail(body.error());
    }
    if (!answer) {
        call.refusal = answer.error().reason();
        respond_error(call.exchange, answer.error(), call.context.request_id);
        co_return;
    }
    respond_json(call, std::move(answer->body), answer->status, std::move(memory));
}

net::Task<void> RestApi::login(Call& call) {
    if (services_.gate.development()) {
        if (const Status local = check_local(call.exchange.request(), cors_); !local) {
            respond_error(call.exchange, local.error(), call.context.request_id);
            co_return;
        }
    }
    MemoryGrant memory;
    const Result<std::string> body = co_await read_json(call, kAdministrationBodyBytesMax, memory);
    Result<tenancy::IssuedToken> issued = tenancy::IssuedToken();
    if (body) {
        issued = co_await net::on_pool(services_.workers, [&] { return log_in(call, *body); });
    } else {
        issued = fail(body.error());
    }
    if (!issued) {
        call.refusal = issued.error().reason();
        respond_error(call.exchange, issued.error(), call.context.request_id);
        co_return;
    }
    const OperationAnswer answer = answer_with([&](json::JsonWriter& writer) {
        writer.begin_object();
        writer.key("id").string(issued->id);
        writer.key("token").string(issued->token);
        writer.key("expires_at").timestamp(issued->expires_at);
        writer.end_object();
    });
    respond_json(call, answer.body);
}

Result<tenancy::IssuedToken> RestApi::log_in(Call& call, std::string_view body) {
    ASSIGN_OR_RETURN(const BodyFields fields, BodyFields::read(body, kLoginKeys));
    ASSIGN_OR_RETURN(const std::string tenant, fields.required_text("tenant"));
    ASSIGN_OR_RETURN(const std::string user, fields.required_text("user"));
    ASSIGN_OR_RETURN(const std::string password, fields.required_text("password"));
    call.judged.action = kLoginAction;
    call.judged.resource = "user/" + user;
    if (const auto named = services_.administration.tenant(tenant)) {
        call.judged.tenant = named->id;
    }
    ASSIGN_OR_RETURN(const auto seconds,
                     fields.whole_number("expires_in_seconds", tenancy::kTokenLifetimeSecondsMax));
    return services_.logins.login({.tenant = tenant,
                                   .user = user,
                                   .password = password,
                                   .lasts = std::chrono::seconds(seconds.value_or(kLoginSeconds)),
                                   .remote_address = call.exchange.request().remote_address});
}

}  // namespace insula::rest
