// Operations on API keys.
#include <array>

#include "frontends/rest/operation.h"
#include "platform/json/time_text.h"

namespace insula::rest {

namespace {

using tenancy::ApiKey;
using tenancy::MemberKind;

constexpr std::array<std::string_view, 4> kAddKeys{"user", "service_account", "label",
                                                   "expires_at"};
constexpr std::array<std::string_view, 1> kRotateKeys{"overlap_seconds"};
constexpr uint64_t kSecondsMax = 1ull << 31;

void write_key(json::JsonWriter& writer, const ApiKey& key) {
    writer.begin_object();
    writer.key("id").string(key.id);
    writer.key("hint").string(key.hint);
    writer.key("label").string(key.label);
    writer.key(key.owner_kind == MemberKind::user ? "user" : "service_account").string(key.owner);
    writer.key("created_at").timestamp(key.created_at);
    if (key.expires_at != 0) writer.key("expires_at").timestamp(key.expires_at);
    writer.end_object();
}

OperationAnswer answer_new(const tenancy::NewKey& made) {
    return answer_with(
        [&](json::JsonWriter& writer) {
            writer.begin_object().key("key");
            write_key(writer, made.key);
            writer.key("secret").string(made.secret);
            writer.end_object();
        },
        201);
}

}  // namespace

Result<OperationAnswer> add_key(const OperationRequest& request) {
    ASSIGN_OR_RETURN(const BodyFields fields, BodyFields::read(request.body, kAddKeys));
    ASSIGN_OR_RETURN(auto owner, read_member(request, fields, "key"));
    tenancy::KeyOptions options{.owner_kind = owner.kind, .owner = std::move(owner.name)};
    ASSIGN_OR_RETURN(const auto label, fields.text("label"));
    ASSIGN_OR_RETURN(const auto expires_at, fields.text("expires_at"));
    options.label = label.value_or("");
    if (expires_at) {
        const auto time = json::parse_timestamp(*expires_at);
        if (!time) {
            return fail(invalid_argument("invalid_expiry", "\"expires_at\" is no time.")
                            .with_hint("For example \"2027-01-31T00:00:00Z\"."));
        }
        options.expires_at = *time;
    }
    ASSIGN_OR_RETURN(const tenancy::NewKey made,
                     request.administration.add_key(request.actor, std::move(options)));
    return answer_new(made);
}

Result<OperationAnswer> list_keys(const OperationRequest& request) {
    ASSIGN_OR_RETURN(const auto view, request.administration.view(request.actor));
    return answer_with([&](json::JsonWriter& writer) {
        writer.begin_object().key("keys").begin_array();
        for (const ApiKey* key : view->keys()) write_key(writer, *key);
        writer.end_array().end_object();
    });
}

Result<OperationAnswer> get_key(const OperationRequest& request) {
    ASSIGN_OR_RETURN(const auto view, request.administration.view(request.actor));
    const ApiKey* key = view->key(request.arguments[0]);
    if (key == nullptr) return fail(not_found("key_not_found", "The tenant has no such key."));
    return answer_with([&](json::JsonWriter& writer) { write_key(writer, *key); });
}

Result<OperationAnswer> rotate_key(const OperationRequest& request) {
    ASSIGN_OR_RETURN(const BodyFields fields, BodyFields::read(request.body, kRotateKeys));
    ASSIGN_OR_RETURN(const auto overlap, fields.whole_number("overlap_seconds", kSecondsMax));
    ASSIGN_OR_RETURN(const tenancy::NewKey made,
                     request.administration.rotate_key(request.actor, request.arguments[0],
                                                       std::chrono::seconds(overlap.value_or(0))));
    return answer_new(made);
}

Result<OperationAnswer> remove_key(const OperationRequest& request) {
    RETURN_IF_ERROR(request.administration.remove_key(request.actor, request.arguments[0]));
    return answer_with([&](json::JsonWriter& writer) {
        writer.begin_object().key("id").string(request.arguments[0]);
        writer.key("removed").boolean(true);
        writer.end_object();
    });
}

}  // namespace insula::rest
