// Operations on users and service accounts.
#include <array>

#include "frontends/rest/operation.h"

namespace insula::rest {

namespace {

using tenancy::Member;
using tenancy::MemberKind;

constexpr std::array<std::string_view, 6> kAddKeys{"name",  "display_name", "email",
                                                   "roles", "policies",     "disabled"};
constexpr std::array<std::string_view, 5> kUpdateKeys{"display_name", "email", "roles", "policies",
                                                      "disabled"};

constexpr std::array<std::string_view, 1> kPasswordKeys{"password"};

void write_member(json::JsonWriter& writer, const Member& member) {
    writer.begin_object();
    writer.key("name").string(member.name);
    writer.key("display_name").string(member.display_name);
    writer.key("email").string(member.email);
    write_texts(writer, "roles", member.roles);
    write_texts(writer, "policies", member.policies);
    writer.key("disabled").boolean(member.disabled);
    if (member.kind == MemberKind::user) {
        writer.key("has_password").boolean(!member.password_hash.empty());
    }
    writer.key("created_at").timestamp(member.created_at);
    writer.end_object();
}

OperationAnswer answer_member(const Member& member, int status = 200) {
    return answer_with([&](json::JsonWriter& writer) { write_member(writer, member); }, status);
}

Result<tenancy::MemberChanges> read_changes(const BodyFields& fields) {
    tenancy::MemberChanges changes;
    ASSIGN_OR_RETURN(changes.display_name, fields.text("display_name"));
    ASSIGN_OR_RETURN(changes.email, fields.text("email"));
    ASSIGN_OR_RETURN(changes.roles, fields.texts("roles", tenancy::kRolesMax));
    ASSIGN_OR_RETURN(changes.policies, fields.texts("policies", tenancy::kRolesMax));
    ASSIGN_OR_RETURN(changes.disabled, fields.boolean("disabled"));
    return changes;
}

Result<OperationAnswer> add(const OperationRequest& request, MemberKind kind) {
    ASSIGN_OR_RETURN(const BodyFields fields, BodyFields::read(request.body, kAddKeys));
    ASSIGN_OR_RETURN(const std::string name, fields.required_text("name"));
    ASSIGN_OR_RETURN(const tenancy::MemberChanges wanted, read_changes(fields));
    ASSIGN_OR_RETURN(const Member added,
                     request.administration.add_member(request.actor, kind, name, wanted));
    return answer_member(added, 201);
}

Result<OperationAnswer> list(const OperationRequest& request, MemberKind kind,
                             std::string_view key) {
    ASSIGN_OR_RETURN(const auto view, request.administration.view(request.actor));
    return answer_with([&](json::JsonWriter& writer) {
        writer.begin_object().key(key).begin_array();
        for (const Member* member : view->members(kind)) write_member(writer, *member);
        writer.end_array().end_object();
    });
}

Result<OperationAnswer> get(const OperationRequest& request, MemberKind kind) {
    ASSIGN_OR_RETURN(const auto view, request.administration.view(request.actor));
    const Member* member = view->member(kind, request.arguments[0]);
    if (member == nullptr) {
        return fail(not_found("member_not_found", "The tenant has no such member."));
    }
    return answer_member(*member);
}

Result<OperationAnswer> update(const OperationRequest& request, MemberKind kind) {
    ASSIGN_OR_RETURN(const BodyFields fields, BodyFields::read(request.body, kUpdateKeys));
    ASSIGN_OR_RETURN(const tenancy::MemberChanges changes, read_changes(fields));
    ASSIGN_OR_RETURN(const Member updated, request.administration.update_member(
                                               request.actor, kind, request.arguments[0], changes));
    return answer_member(updated);
}

Result<OperationAnswer> remove(const OperationRequest& request, MemberKind kind) {
    RETURN_IF_ERROR(
        request.administration.remove_member(request.actor, kind, request.arguments[0]));
    return answer_with([&](json::JsonWriter& writer) {
        writer.begin_object().key("name").string(request.arguments[0]);
        writer.key("removed").boolean(true);
        writer.end_object();
    });
}

}  // namespace

Result<OperationAnswer> add_user(const OperationRequest& request) {
    return add(request, MemberKind::user);
}
Result<OperationAnswer> list_users(const OperationRequest& request) {
    return list(request, MemberKind::user, "users");
}
Result<OperationAnswer> get_user(const OperationRequest& request) {
    return get(request, MemberKind::user);
}
Result<OperationAnswer> update_user(const OperationRequest& request) {
    return update(request, MemberKind::user);
}
Result<OperationAnswer> set_password(const OperationRequest& request) {
    ASSIGN_OR_RETURN(const BodyFields fields, BodyFields::read(request.body, kPasswordKeys));
    ASSIGN_OR_RETURN(const std::string password, fields.required_text("password"));
    const std::string& name = request.arguments[0];
    RETURN_IF_ERROR(request.administration.set_password(request.actor, name, password));
    return answer_with([&](json::JsonWriter& writer) {
        writer.begin_object().key("name").string(name);
        writer.key("has_password").boolean(true);
        writer.end_object();
    });
}

Result<OperationAnswer> remove_user(const OperationRequest& request) {
    return remove(request, MemberKind::user);
}
Result<OperationAnswer> add_service_account(const OperationRequest& request) {
    return add(request, MemberKind::service_account);
}
Result<OperationAnswer> list_service_accounts(const OperationRequest& request) {
    return list(request, MemberKind::service_account, "service_accounts");
}
Result<OperationAnswer> get_service_account(const OperationRequest& request) {
    return get(request, MemberKind::service_account);
}
Result<OperationAnswer> update_service_account(const OperationRequest& request) {
    return update(request, MemberKind::service_account);
}
Result<OperationAnswer> remove_service_account(const OperationRequest& request) {
    return remove(request, MemberKind::service_account);
}

}  // namespace insula::rest
