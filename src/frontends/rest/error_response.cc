#include "frontends/rest/error_response.h"

#include "platform/json/json_writer.h"
#include "platform/json/utf8.h"

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

int http_status(const Error& error) {
    // The server was in time, the client was not.
    if (error.reason() == "client_stalled") return 408;
    return http_status(error.code());
}

namespace {

std::string_view hint_of(Code code) {
    switch (code) {
        case Code::invalid_argument:
        case Code::unprocessable:
            return "Change the request; sent again as it is, it fails again.";
        case Code::unauthenticated:
            return "Send a valid key as \"Authorization: Bearer ...\".";
        case Code::permission_denied:
            return "Use a credential that may do this.";
        case Code::not_found:
            return "Check the name; the list that it belongs to (GET) shows what there is.";
        case Code::already_exists:
        case Code::failed_precondition:
            return "Look at what is there now before you send it again.";
        case Code::payload_too_large:
            return "Send less at once.";
        case Code::unsupported_media:
            return "Send one of the formats that docs/reference/http-api.md lists.";
        case Code::unimplemented:
            return "This version of the server cannot do it yet.";
        case Code::cancelled:
        case Code::aborted:
        case Code::resource_exhausted:
        case Code::unavailable:
        case Code::deadline_exceeded:
            return "Retry after a moment.";
        case Code::storage_exhausted:
            return "Free space on the server; writes resume by themselves.";
        case Code::data_loss:
        case Code::internal:
            return "Tell the server's operator the request_id; the log has the details.";
    }
    return "";
}

}  // namespace

Error with_hint_of_code(const Error& error) {
    return error.hint().empty() ? error.with_hint(std::string(hint_of(error.code()))) : error;
}

std::string error_body(const Error& error, std::string_view request_id) {
    std::string body;
    json::JsonWriter writer(body);
    writer.begin_object().key("error").begin_object();
    writer.key("code").string(error.reason());
    // They may quote what was sent, which need not be UTF-8, or is cut within a character.
    writer.key("message").string(json::replace_invalid_utf8(error.message()));
    writer.key("hint").string(
        json::replace_invalid_utf8(error.hint().empty() ? hint_of(error.code()) : error.hint()));
    writer.key("request_id").string(request_id);
    writer.end_object().end_object();
    writer.newline();
    writer.finish();
    return body;
}

}  // namespace insula::rest
