// Operations on limits: what a tenant may use and has used, and plans.
#include <array>

#include "frontends/rest/operation.h"

namespace insula::rest {

namespace {

constexpr std::array<std::string_view, 3> kQuotaKeys{"bytes", "rows", "sources"};
constexpr std::array<std::string_view, 2> kPlanKeys{"description", "limits"};
constexpr uint64_t kAmountMax = 1ull << 60;

OperationAnswer answer_usage(const OperationRequest& request, const TenantId& tenant) {
    const tenancy::Limits limits = *request.administration.limits(tenant);
    const tenancy::Stored stored = request.tables.services().storage->of(tenant)->used();
    const auto meter = request.meters.of(tenant);
    const tenancy::Usage usage = meter->usage();
    return answer_with([&](json::JsonWriter& writer) {
        writer.begin_object();
        writer.key("plan").string(request.administration.profile(tenant).plan);
        write_limits(writer, "limits", limits);
        writer.key("stored").begin_object();
        writer.key("storage_bytes").uint64(stored.bytes);
        writer.key("rows").uint64(stored.rows);
        writer.key("sources").uint64(stored.sources);
        writer.end_object();
        writer.key("since_start").begin_object();
        writer.key("requests").uint64(usage.requests);
        writer.key("bytes_received").uint64(usage.bytes_received);
        writer.key("bytes_sent").uint64(usage.bytes_sent);
        writer.key("searches").uint64(usage.searches);
        writer.key("refused").begin_object();
        for (size_t i = 0; i < tenancy::limit_fields().size(); ++i) {
            const uint64_t refused = meter->refusals(i);
            if (refused > 0) writer.key(tenancy::limit_fields()[i].name).uint64(refused);
        }
        writer.end_object().end_object();
        writer.key("searches_running").uint64(usage.searches_running);
        writer.end_object();
    });
}

// Whether so much more could be stored now. Nothing is reserved.
Result<OperationAnswer> answer_quota(const OperationRequest& request, const TenantId& tenant) {
    ASSIGN_OR_RETURN(const BodyFields fields, BodyFields::read(request.body, kQuotaKeys));
    ASSIGN_OR_RETURN(const auto bytes, fields.whole_number("bytes", kAmountMax));
    ASSIGN_OR_RETURN(const auto rows, fields.whole_number("rows", kAmountMax));
    ASSIGN_OR_RETURN(const auto sources, fields.whole_number("sources", kAmountMax));
    const tenancy::Stored wanted{bytes.value_or(0), rows.value_or(0), sources.value_or(0)};
    const auto allowed = request.tables.services().storage->of(tenant)->check(wanted);
    return answer_with([&](json::JsonWriter& writer) {
        writer.begin_object().key("allowed").boolean(allowed.has_value());
        if (!allowed) writer.key("reason").string(allowed.error().message());
        writer.end_object();
    });
}

void write_plan(json::JsonWriter& writer, const tenancy::Plan& plan) {
    writer.begin_object();
    writer.key("name").string(plan.name);
    writer.key("description").string(plan.description);
    write_limits(writer, "limits", plan.limits);
    writer.key("created_at").timestamp(plan.created_at);
    writer.end_object();
}

}  // namespace

Result<OperationAnswer> get_tenant_usage(const OperationRequest& request) {
    ASSIGN_OR_RETURN(const auto tenant, request.administration.tenant(request.arguments[0]));
    return answer_usage(request, tenant.id);
}

Result<OperationAnswer> get_own_usage(const OperationRequest& request) {
    return answer_usage(request, request.actor.tenant().id);
}

Result<OperationAnswer> check_tenant_quota(const OperationRequest& request) {
    ASSIGN_OR_RETURN(const auto tenant, request.administration.tenant(request.arguments[0]));
    return answer_quota(request, tenant.id);
}

Result<OperationAnswer> check_own_quota(const OperationRequest& request) {
    return answer_quota(request, request.actor.tenant().id);
}

Result<OperationAnswer> put_plan(const OperationRequest& request) {
    ASSIGN_OR_RETURN(const BodyFields fields, BodyFields::read(request.body, kPlanKeys));
    tenancy::Plan plan;
    plan.name = request.arguments[0];
    ASSIGN_OR_RETURN(const auto description, fields.text("description"));
    plan.description = description.value_or("");
    ASSIGN_OR_RETURN(const auto limits, fields.limits("limits"));
    for (const auto& limit : limits) plan.limits.*limit.limit->value = limit.value;
    ASSIGN_OR_RETURN(plan, request.administration.put_plan(std::move(plan)));
    return answer_with([&](json::JsonWriter& writer) { write_plan(writer, plan); });
}

Result<OperationAnswer> list_plans(const OperationRequest& request) {
    ASSIGN_OR_RETURN(const auto plans, request.administration.plans());
    return answer_with([&](json::JsonWriter& writer) {
        writer.begin_object().key("plans").begin_array();
        for (const tenancy::Plan& plan : plans) write_plan(writer, plan);
        writer.end_array().end_object();
    });
}

Result<OperationAnswer> remove_plan(const OperationRequest& request) {
    RETURN_IF_ERROR(request.administration.remove_plan(request.arguments[0]));
    return answer_with([&](json::JsonWriter& writer) {
        writer.begin_object().key("name").string(request.arguments[0]);
        writer.key("removed").boolean(true);
        writer.end_object();
    });
}

}  // namespace insula::rest
