// Operations on policies and roles.
#include <array>

#include "core/tenancy/built_in_roles.h"
#include "core/tenancy/simulation.h"
#include "frontends/rest/operation.h"

namespace insula::rest {

namespace {

using tenancy::PolicyDocument;
using tenancy::Role;

constexpr std::array<std::string_view, 2> kRoleKeys{"description", "policies"};
constexpr std::array<std::string_view, 6> kSimulateKeys{"user",     "service_account", "action",
                                                        "resource", "context",         "policy"};
constexpr size_t kContextMax = 64;

void write_policy(json::JsonWriter& writer, const PolicyDocument& policy) {
    writer.begin_object();
    writer.key("name").string(policy.name);
    writer.key("created_at").timestamp(policy.created_at);
    // As it was sent; what is stored was parsed before.
    writer.key("document").raw(policy.document);
    writer.end_object();
}

void write_role(json::JsonWriter& writer, const Role& role) {
    writer.begin_object();
    writer.key("name").string(role.name);
    writer.key("description").string(role.description);
    writer.key("built_in").boolean(false);
    write_texts(writer, "policies", role.policies);
    writer.end_object();
}

OperationAnswer answer_removed(const OperationRequest& request) {
    return answer_with([&](json::JsonWriter& writer) {
        writer.begin_object().key("name").string(request.arguments[0]);
        writer.key("removed").boolean(true);
        writer.end_object();
    });
}

}  // namespace

Result<OperationAnswer> simulate_policy(const OperationRequest& request) {
    ASSIGN_OR_RETURN(const BodyFields fields, BodyFields::read(request.body, kSimulateKeys));
    ASSIGN_OR_RETURN(auto member, read_member(request, fields, "request"));
    tenancy::SimulatedRequest wanted{.member_kind = member.kind, .member = std::move(member.name)};
    ASSIGN_OR_RETURN(wanted.action, fields.required_text("action"));
    ASSIGN_OR_RETURN(wanted.resource, fields.required_text("resource"));
    ASSIGN_OR_RETURN(wanted.context, fields.text_pairs("context", kContextMax));
    wanted.policy = fields.document("policy");
    ASSIGN_OR_RETURN(const auto simulation, request.administration.simulate(request.actor, wanted));
    return answer_with([&](json::JsonWriter& writer) {
        writer.begin_object().key("allowed").boolean(simulation.allowed);
        writer.key("decided_by").string(simulation.decided_by);
        write_texts(writer, "statements", simulation.statements);
        writer.end_object();
    });
}

Result<OperationAnswer> put_policy(const OperationRequest& request) {
    PolicyDocument policy;
    policy.name = request.arguments[0];
    policy.document = request.body;
    ASSIGN_OR_RETURN(policy, request.administration.put_policy(request.actor, std::move(policy)));
    return answer_with([&](json::JsonWriter& writer) { write_policy(writer, policy); });
}

Result<OperationAnswer> list_policies(const OperationRequest& request) {
    ASSIGN_OR_RETURN(const auto view, request.administration.view(request.actor));
    return answer_with([&](json::JsonWriter& writer) {
        writer.begin_object().key("policies").begin_array();
        for (const PolicyDocument* policy : view->policies()) write_policy(writer, *policy);
        writer.end_array().end_object();
    });
}

Result<OperationAnswer> get_policy(const OperationRequest& request) {
    ASSIGN_OR_RETURN(const auto view, request.administration.view(request.actor));
    const PolicyDocument* policy = view->policy(request.arguments[0]);
    if (policy == nullptr) {
        return fail(not_found("policy_not_found", "The tenant has no such policy."));
    }
    return answer_with([&](json::JsonWriter& writer) { write_policy(writer, *policy); });
}

Result<OperationAnswer> remove_policy(const OperationRequest& request) {
    RETURN_IF_ERROR(request.administration.remove_policy(request.actor, request.arguments[0]));
    return answer_removed(request);
}

Result<OperationAnswer> put_role(const OperationRequest& request) {
    ASSIGN_OR_RETURN(const BodyFields fields, BodyFields::read(request.body, kRoleKeys));
    Role role;
    role.name = request.arguments[0];
    ASSIGN_OR_RETURN(const auto description, fields.text("description"));
    ASSIGN_OR_RETURN(const auto policies, fields.texts("policies", tenancy::kRolesMax));
    role.description = description.value_or("");
    role.policies = policies.value_or(std::vector<std::string>());
    ASSIGN_OR_RETURN(role, request.administration.put_role(request.actor, std::move(role)));
    return answer_with([&](json::JsonWriter& writer) { write_role(writer, role); });
}

Result<OperationAnswer> list_roles(const OperationRequest& request) {
    ASSIGN_OR_RETURN(const auto view, request.administration.view(request.actor));
    return answer_with([&](json::JsonWriter& writer) {
        writer.begin_object().key("roles").begin_array();
        for (const tenancy::BuiltInRole& role : tenancy::built_in_roles()) {
            if (role.of_platform != view->is_platform()) continue;
            writer.begin_object();
            writer.key("name").string(role.name);
            writer.key("description").string(role.description);
            writer.key("built_in").boolean(true);
            writer.end_object();
        }
        for (const Role* role : view->roles()) write_role(writer, *role);
        writer.end_array().end_object();
    });
}

Result<OperationAnswer> remove_role(const OperationRequest& request) {
    RETURN_IF_ERROR(request.administration.remove_role(request.actor, request.arguments[0]));
    return answer_removed(request);
}

}  // namespace insula::rest
