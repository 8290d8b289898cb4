#include "frontends/rest/error_response.h"

#include "platform/json/json_writer.h"

namespace insula::rest {

int http_status(Code code) {
    switch (code) {
        case Code::invalid_argument:
            return 400;
        case Code::unauthenticated:
            return 401;
        case Code::permission_denied:
            return 403;
        case Code::not_found:
            return 404;
        case Code::already_exists:
        case Code::failed_precondition:
        case Code::aborted:
            return 409;
        case Code::payload_too_large:
            return 413;
        case Code::unsupported_media:
            return 415;
        case Code::unprocessable:
            return 422;
        case Code::resource_exhausted:
            return 429;
        case Code::cancelled:
            return 499;  // the client went away: nobody reads it, the log does
        case Code::unimplemented:
            return 501;
        case Code::unavailable:
            return 503;
        case Code::deadline_exceeded:
            return 504;
        case Code::storage_exhausted:
            return 507;
        case Code::data_loss:
        case Code::internal:
            return 500;
    }
    return 500;
}

std::string error_body(const Error& error, std::string_view request_id) {
    std::string body;
    json::JsonWriter writer(body);
    writer.begin_object().key("error").begin_object();
    writer.key("code").string(error.reason());
    writer.key("message").string(error.message());
    if (!error.hint().empty()) writer.key("hint").string(error.hint());
    if (!request_id.empty()) writer.key("request_id").string(request_id);
    writer.end_object().end_object();
    writer.newline();
    writer.finish();
    return body;
}

}  // namespace insula::rest
