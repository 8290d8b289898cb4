// Operations on tenants and on grants.
#include <array>

#include "frontends/rest/operation.h"

namespace insula::rest {

namespace {

using catalog::Tenant;
using catalog::TenantStatus;

constexpr std::array<std::string_view, 14> kAddKeys{"id",
                                                    "slug",
                                                    "name",
                                                    "owner",
                                                    "plan",
                                                    "limits",
                                                    "regions",
                                                    "features",
                                                    "data_residency",
                                                    "isolation_level",
                                                    "networks",
                                                    "storage_quota",
                                                    "bandwidth_quota",
                                                    "request_rate_limit"};
constexpr std::array<std::string_view, 12> kUpdateKeys{"slug",
                                                       "name",
                                                       "plan",
                                                       "limits",
                                                       "regions",
                                                       "features",
                                                       "data_residency",
                                                       "isolation_level",
                                                       "networks",
                                                       "storage_quota",
                                                       "bandwidth_quota",
                                                       "request_rate_limit"};
// The seeds' CreateTenant has these beside the others.
constexpr std::array<std::string_view, 3> kLimitNames{"storage_quota", "bandwidth_quota",
                                                      "request_rate_limit"};
constexpr std::array<std::string_view, 3> kGrantKeys{"role", "reason", "expires_in_seconds"};
constexpr std::array<std::string_view, 0> kNoKeys{};
constexpr uint64_t kGrantSeconds = 3600;  // where the request does not say
constexpr uint64_t kSecondsMax = 1ull << 31;

std::string_view status_name(TenantStatus status) {
    switch (status) {
        case TenantStatus::active:
            return "active";
        case TenantStatus::suspended:
            return "suspended";
        case TenantStatus::removing:
            return "removing";
    }
    return "unknown";
}

void write_tenant(json::JsonWriter& writer, const Tenant& tenant) {
    writer.begin_object();
    writer.key("id").string(tenant.id.to_string());
    writer.key("slug").string(tenant.slug);
    writer.key("name").string(tenant.name);
    writer.key("status").string(status_name(tenant.status));
    writer.key("created_at").timestamp(tenant.created_at);
    // The directory keeps no row whose profile cannot be read.
    const tenancy::TenantProfile profile =
        tenancy::read_profile(tenant.profile).value_or(tenancy::TenantProfile());
    writer.key("plan").string(profile.plan);
    write_limits(writer, "limits", profile.limits);
    write_texts(writer, "regions", profile.regions);
    writer.key("data_residency").string(profile.data_residency);
    write_texts(writer, "features", profile.features);
    writer.key("isolation_level").string(tenancy::isolation_level_name(profile.isolation));
    write_texts(writer, "networks", profile.networks);
    writer.end_object();
}

OperationAnswer answer_tenant(const Tenant& tenant, int status = 200) {
    return answer_with([&](json::JsonWriter& writer) { write_tenant(writer, tenant); }, status);
}

OperationAnswer answer_added(const tenancy::AddedTenant& added, int status) {
    return answer_with(
        [&](json::JsonWriter& writer) {
            writer.begin_object().key("tenant");
            write_tenant(writer, added.tenant);
            writer.key("owner").begin_object();
            writer.key("user").string(added.owner);
            writer.key("secret").string(added.owner_secret);
            writer.end_object().end_object();
        },
        status);
}

void write_grant(json::JsonWriter& writer, const tenancy::Grant& grant) {
    writer.begin_object();
    writer.key("id").string(grant.id);
    writer.key("administrator").string(grant.administrator);
    writer.key("role").string(grant.role);
    writer.key("reason").string(grant.reason);
    writer.key("created_at").timestamp(grant.created_at);
    writer.key("expires_at").timestamp(grant.expires_at);
    writer.end_object();
}

Result<OperationAnswer> set_status(const OperationRequest& request, TenantStatus status) {
    RETURN_IF_ERROR(BodyFields::read(request.body, kNoKeys));
    tenancy::TenantChanges changes;
    changes.status = status;
    ASSIGN_OR_RETURN(const Tenant tenant,
                     request.administration.update_tenant(request.arguments[0], changes));
    return answer_tenant(tenant);
}

// What is agreed with a tenant, of a request that adds or changes one.
Result<tenancy::TenantChanges> read_terms(const BodyFields& fields) {
    tenancy::TenantChanges terms;
    ASSIGN_OR_RETURN(terms.plan, fields.text("plan"));
    ASSIGN_OR_RETURN(terms.limits, fields.limits("limits"));
    for (const std::string_view name : kLimitNames) {
        const tenancy::LimitField& limit = *tenancy::find_limit(name);
        ASSIGN_OR_RETURN(const auto value, fields.whole_number(name, limit.max));
        if (value) terms.limits.push_back({&limit, value});
    }
    ASSIGN_OR_RETURN(terms.regions, fields.texts("regions", tenancy::kNetworksMax));
    ASSIGN_OR_RETURN(terms.data_residency, fields.text("data_residency"));
    ASSIGN_OR_RETURN(terms.features, fields.texts("features", tenancy::kNetworksMax));
    ASSIGN_OR_RETURN(terms.networks, fields.texts("networks", tenancy::kNetworksMax));
    ASSIGN_OR_RETURN(const auto level, fields.text("isolation_level"));
    if (!level) return terms;
    terms.isolation = tenancy::find_isolation_level(*level);
    if (terms.isolation) return terms;
    if (*level == "shared") {
        return fail(Error(Code::unprocessable, "isolation_not_available",
                          "This release does not have the isolation level \"shared\".")
                        .with_hint("Levels: strict, network."));
    }
    return fail(
        invalid_argument("invalid_request", "There is no isolation level \"" + *level + "\".")
            .with_hint("Levels: strict, network."));
}

}  // namespace

Result<OperationAnswer> add_tenant(const OperationRequest& request) {
    ASSIGN_OR_RETURN(const BodyFields fields, BodyFields::read(request.body, kAddKeys));
    tenancy::NewTenant wanted;
    ASSIGN_OR_RETURN(wanted.slug, fields.required_text("slug"));
    ASSIGN_OR_RETURN(const auto name, fields.text("name"));
    ASSIGN_OR_RETURN(const auto owner, fields.text("owner"));
    ASSIGN_OR_RETURN(const auto id, fields.text("id"));
    wanted.name = name.value_or("");
    wanted.owner = owner.value_or("");
    ASSIGN_OR_RETURN(const tenancy::TenantChanges terms, read_terms(fields));
    wanted.profile = tenancy::changed({}, terms);
    if (id) {
        ASSIGN_OR_RETURN(wanted.id, TenantId::parse(*id));
    }
    ASSIGN_OR_RETURN(const auto added, request.administration.add_tenant(std::move(wanted)));
    request.tables.add_tenant(added.tenant);
    return answer_added(added, 201);
}

Result<OperationAnswer> list_tenants(const OperationRequest& request) {
    const std::vector<Tenant> tenants = request.administration.tenants();
    return answer_with([&](json::JsonWriter& writer) {
        writer.begin_object().key("tenants").begin_array();
        for (const Tenant& tenant : tenants) write_tenant(writer, tenant);
        writer.end_array().end_object();
    });
}

Result<OperationAnswer> get_tenant(const OperationRequest& request) {
    ASSIGN_OR_RETURN(const Tenant tenant, request.administration.tenant(request.arguments[0]));
    return answer_tenant(tenant);
}

Result<OperationAnswer> get_own_tenant(const OperationRequest& request) {
    return answer_tenant(request.actor.tenant());
}

Result<OperationAnswer> update_tenant(const OperationRequest& request) {
    ASSIGN_OR_RETURN(const BodyFields fields, BodyFields::read(request.body, kUpdateKeys));
    ASSIGN_OR_RETURN(tenancy::TenantChanges changes, read_terms(fields));
    ASSIGN_OR_RETURN(changes.slug, fields.text("slug"));
    ASSIGN_OR_RETURN(changes.name, fields.text("name"));
    ASSIGN_OR_RETURN(const Tenant tenant,
                     request.administration.update_tenant(request.arguments[0], changes));
    return answer_tenant(tenant);
}

Result<OperationAnswer> suspend_tenant(const OperationRequest& request) {
    return set_status(request, TenantStatus::suspended);
}
Result<OperationAnswer> resume_tenant(const OperationRequest& request) {
    return set_status(request, TenantStatus::active);
}

Result<OperationAnswer> remove_tenant(const OperationRequest& request) {
    ASSIGN_OR_RETURN(Tenant tenant, request.administration.begin_removal(request.arguments[0]));
    RETURN_IF_ERROR(request.tables.remove_tenant(tenant.id, request.deadline));
    RETURN_IF_ERROR(request.administration.finish_removal(tenant.id));
    request.meters.forget(tenant.id);
    return answer_with([&](json::JsonWriter& writer) {
        writer.begin_object().key("id").string(tenant.id.to_string());
        writer.key("slug").string(tenant.slug);
        writer.key("removed").boolean(true);
        writer.end_object();
    });
}

Result<OperationAnswer> reset_tenant_owner(const OperationRequest& request) {
    RETURN_IF_ERROR(BodyFields::read(request.body, kNoKeys));
    ASSIGN_OR_RETURN(const auto reset, request.administration.reset_owner(request.arguments[0]));
    return answer_added(reset, 200);
}

Result<OperationAnswer> add_grant(const OperationRequest& request) {
    ASSIGN_OR_RETURN(const BodyFields fields, BodyFields::read(request.body, kGrantKeys));
    tenancy::NewGrant wanted;
    ASSIGN_OR_RETURN(wanted.role, fields.required_text("role"));
    ASSIGN_OR_RETURN(wanted.reason, fields.required_text("reason"));
    ASSIGN_OR_RETURN(const auto seconds, fields.whole_number("expires_in_seconds", kSecondsMax));
    wanted.lasts = std::chrono::seconds(seconds.value_or(kGrantSeconds));
    ASSIGN_OR_RETURN(const tenancy::Grant grant,
                     request.administration.add_grant(request.actor, request.arguments[0], wanted));
    return answer_with([&](json::JsonWriter& writer) { write_grant(writer, grant); }, 201);
}

Result<OperationAnswer> list_grants(const OperationRequest& request) {
    ASSIGN_OR_RETURN(const auto view, request.administration.view(request.actor));
    return answer_with([&](json::JsonWriter& writer) {
        writer.begin_object().key("grants").begin_array();
        for (const tenancy::Grant* grant : view->grants()) write_grant(writer, *grant);
        writer.end_array().end_object();
    });
}

Result<OperationAnswer> remove_grant(const OperationRequest& request) {
    RETURN_IF_ERROR(request.administration.remove_grant(request.actor, request.arguments[0]));
    return answer_with([&](json::JsonWriter& writer) {
        writer.begin_object().key("id").string(request.arguments[0]);
        writer.key("removed").boolean(true);
        writer.end_object();
    });
}

}  // namespace insula::rest
