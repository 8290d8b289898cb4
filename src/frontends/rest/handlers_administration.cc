// Runs the operations of administration.
#include "frontends/rest/request_checks.h"
#include "frontends/rest/rest_api.h"
#include "platform/net/hop.h"

namespace insula::rest {

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
            return call.route.operation({.administration = services_.administration,
                                         .tables = services_.tables,
                                         .meters = services_.meters,
                                         .actor = *call.actor,
                                         .arguments = call.arguments,
                                         .body = *body,
                                         .deadline = call.context.deadline});
        });
    } else {
        answer = fail(body.error());
    }
    if (!answer) {
        respond_error(call.exchange, answer.error(), call.context.request_id);
        co_return;
    }
    respond_json(call, std::move(answer->body), answer->status, std::move(memory));
}

}  // namespace insula::rest
