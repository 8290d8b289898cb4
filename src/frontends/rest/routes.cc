#include "frontends/rest/routes.h"

#include <algorithm>
#include <array>

#include "frontends/rest/audit_operations.h"
#include "frontends/rest/rest_api.h"

namespace insula::rest {

namespace {

using net::Method;

constexpr std::array kWriteParameters{Parameter{"source_id"}, Parameter{"column", true}};
constexpr std::array kListParameters{Parameter{"limit"}, Parameter{"after"}};
constexpr std::array kAuditSearchParameters{
    Parameter{"from"},       Parameter{"to"},       Parameter{"actor"},
    Parameter{"action"},     Parameter{"resource"}, Parameter{"decision"},
    Parameter{"request_id"}, Parameter{"limit"},    Parameter{"before"}};
constexpr std::array kAuditExportParameters{Parameter{"from"}, Parameter{"size"}};
constexpr std::array kAuditCheckpointParameters{Parameter{"since"}};
constexpr std::array kAuditProofParameters{Parameter{"index"}};

// One of administration, on a worker.
constexpr Route operation(Method method, std::string_view pattern, std::string_view action,
                          std::string_view resource, std::string_view summary, Operation run,
                          std::span<const Parameter> parameters = {}) {
    return {
        method,     pattern, action, resource, Access::authorised, summary, &RestApi::administrate,
        parameters, run};
}

constexpr std::array kRoutes{
    Route{Method::get, "/health", "", "", Access::open, "whether the server takes requests",
          &RestApi::health},
    Route{Method::get, "/openapi.json", "", "", Access::open, "this interface, as OpenAPI 3.1",
          &RestApi::openapi},
    Route{Method::get, "/docs", "", "", Access::open, "this interface, as a page", &RestApi::docs},
    Route{Method::post, "/v1/login", "", "", Access::open, "gives a user a token for a password",
          &RestApi::login},
    Route{Method::get, "/health/details", "node:GetHealth", "node", Access::authorised,
          "what the server says of its parts", &RestApi::health_details},
    Route{Method::get, "/metrics", "node:GetMetrics", "node", Access::authorised,
          "the server's metrics, for Prometheus", &RestApi::metrics},
    Route{Method::post, "/data/write", "tables:Write", "source/{source_id}", Access::by_content,
          "writes rows into a source", &RestApi::write, kWriteParameters},
    Route{Method::post, "/data/search", "tables:Search", "source/{source_id}", Access::by_content,
          "finds rows", &RestApi::search},
    Route{Method::post, "/data/search/stream", "tables:Search", "source/{source_id}",
          Access::by_content, "streams rows", &RestApi::search_stream},
    Route{Method::post, "/data/aggregate", "tables:Aggregate", "source/{source_id}",
          Access::by_content, "counts, sums and groups rows", &RestApi::aggregate},
    Route{Method::post, "/sources/add", "tables:CreateSource", "source/{source_id}",
          Access::by_content, "adds a source", &RestApi::add_source},
    Route{Method::get, "/sources", "tables:ListSources", "source/{source_id}", Access::by_content,
          "lists sources", &RestApi::list_sources, kListParameters},
    Route{Method::delete_, "/sources/{id}", "tables:DeleteSource", "source/{id}",
          Access::authorised, "removes a source and its rows", &RestApi::remove_source},
    Route{Method::get, "/sources/{id}/stats", "tables:GetSourceStats", "source/{id}",
          Access::authorised, "statistics of a source", &RestApi::source_stats},
    Route{Method::get, "/tenant/stats", "tables:GetTenantStats", "tenant", Access::authorised,
          "statistics of the tenant's tables", &RestApi::tenant_stats},
    Route{Method::get, "/debug/pprof/heap", "node:GetHeapProfile", "node", Access::authorised,
          "what the memory is used for, for pprof", &RestApi::heap_profile},
    Route{Method::get, "/admin/log-level", "node:GetLogLevel", "node", Access::authorised,
          "the level of the log", &RestApi::get_log_level},
    Route{Method::put, "/admin/log-level", "node:SetLogLevel", "node", Access::authorised,
          "changes the level of the log", &RestApi::set_log_level},

    operation(Method::post, "/v1/tenants", "node:CreateTenant", "tenant/*",
              "adds a tenant with an owner, whose key is shown once", &add_tenant),
    operation(Method::get, "/v1/tenants", "node:ListTenants", "tenant/*", "lists tenants",
              &list_tenants),
    operation(Method::get, "/v1/tenants/{tenant}", "node:GetTenant", "tenant/{tenant}",
              "shows a tenant", &get_tenant),
    operation(Method::patch, "/v1/tenants/{tenant}", "node:UpdateTenant", "tenant/{tenant}",
              "changes a tenant's names, plan and limits", &update_tenant),
    operation(Method::delete_, "/v1/tenants/{tenant}", "node:RemoveTenant", "tenant/{tenant}",
              "removes a tenant with all that it has", &remove_tenant),
    operation(Method::post, "/v1/tenants/{tenant}/suspend", "node:SuspendTenant", "tenant/{tenant}",
              "lets nobody act for a tenant", &suspend_tenant),
    operation(Method::post, "/v1/tenants/{tenant}/resume", "node:ResumeTenant", "tenant/{tenant}",
              "ends a tenant's suspension", &resume_tenant),
    operation(Method::post, "/v1/tenants/{tenant}/reset-owner", "node:ResetTenantOwner",
              "tenant/{tenant}", "makes another key for the tenant's user owner",
              &reset_tenant_owner),
    operation(Method::post, "/v1/tenants/{tenant}/grants", "node:RequestTenantAccess",
              "tenant/{tenant}", "lets the caller act in a tenant for a while", &add_grant),
    operation(Method::get, "/v1/tenants/{tenant}/usage", "node:GetUsage", "tenant/{tenant}",
              "what a tenant uses and may use", &get_tenant_usage),
    operation(Method::post, "/v1/tenants/{tenant}/check-quota", "node:CheckQuota",
              "tenant/{tenant}", "whether a tenant could store so much more", &check_tenant_quota),
    operation(Method::put, "/v1/plans/{name}", "node:PutPlan", "plan/{name}",
              "adds or replaces a plan: limits that several tenants have", &put_plan),
    operation(Method::get, "/v1/plans", "node:ListPlans", "plan/*", "lists plans", &list_plans),
    operation(Method::delete_, "/v1/plans/{name}", "node:DeletePlan", "plan/{name}",
              "removes a plan that no tenant is on", &remove_plan),
    operation(Method::get, "/v1/tenant/usage", "tenant:GetUsage", "tenant",
              "what the tenant uses and may use", &get_own_usage),
    operation(Method::post, "/v1/tenant/check-quota", "tenant:CheckQuota", "tenant",
              "whether the tenant could store so much more", &check_own_quota),
    operation(Method::get, "/v1/tenant", "tenant:GetTenant", "tenant",
              "shows the tenant of the credential", &get_own_tenant),
    operation(Method::get, "/v1/grants", "tenant:ListPlatformAccess", "grant/*",
              "lists who was let into the tenant", &list_grants),
    operation(Method::delete_, "/v1/grants/{id}", "tenant:RevokePlatformAccess", "grant/{id}",
              "ends a grant", &remove_grant),
    operation(Method::post, "/v1/users", "tenant:CreateUser", "user/*", "adds a user", &add_user),
    operation(Method::get, "/v1/users", "tenant:ListUsers", "user/*", "lists users", &list_users),
    operation(Method::get, "/v1/users/{name}", "tenant:GetUser", "user/{name}", "shows a user",
              &get_user),
    operation(Method::patch, "/v1/users/{name}", "tenant:UpdateUser", "user/{name}",
              "changes a user", &update_user),
    operation(Method::delete_, "/v1/users/{name}", "tenant:DeleteUser", "user/{name}",
              "removes a user and its keys", &remove_user),
    operation(Method::put, "/v1/users/{name}/password", "tenant:SetPassword", "user/{name}",
              "sets a user's password", &set_password),
    operation(Method::post, "/v1/service-accounts", "tenant:CreateServiceAccount",
              "service-account/*", "adds a service account", &add_service_account),
    operation(Method::get, "/v1/service-accounts", "tenant:ListServiceAccounts",
              "service-account/*", "lists service accounts", &list_service_accounts),
    operation(Method::get, "/v1/service-accounts/{name}", "tenant:GetServiceAccount",
              "service-account/{name}", "shows a service account", &get_service_account),
    operation(Method::patch, "/v1/service-accounts/{name}", "tenant:UpdateServiceAccount",
              "service-account/{name}", "changes a service account", &update_service_account),
    operation(Method::delete_, "/v1/service-accounts/{name}", "tenant:DeleteServiceAccount",
              "service-account/{name}", "removes a service account and its keys",
              &remove_service_account),
    operation(Method::post, "/v1/keys", "tenant:CreateKey", "key/*",
              "makes a key, which is shown once", &add_key),
    operation(Method::get, "/v1/keys", "tenant:ListKeys", "key/*", "lists keys", &list_keys),
    operation(Method::get, "/v1/keys/{id}", "tenant:GetKey", "key/{id}",
              "shows a key, without what is secret", &get_key),
    operation(Method::post, "/v1/keys/{id}/rotate", "tenant:RotateKey", "key/{id}",
              "makes a key in the place of another", &rotate_key),
    operation(Method::delete_, "/v1/keys/{id}", "tenant:RevokeKey", "key/{id}", "ends a key",
              &remove_key),
    operation(Method::post, "/v1/tokens", "tenant:IssueToken", "token/*",
              "issues a token, which is shown once", &issue_token),
    operation(Method::post, "/v1/tokens/revoke", "tenant:RevokeToken", "token/*",
              "ends one token, a member's, or all of the tenant's", &revoke_tokens),
    operation(Method::post, "/v1/policies/simulate", "tenant:SimulatePolicy", "policy/*",
              "what would become of a request, and which statement decides", &simulate_policy),
    operation(Method::put, "/v1/policies/{name}", "tenant:PutPolicy", "policy/{name}",
              "adds or replaces a policy", &put_policy),
    operation(Method::get, "/v1/policies", "tenant:ListPolicies", "policy/*", "lists policies",
              &list_policies),
    operation(Method::get, "/v1/policies/{name}", "tenant:GetPolicy", "policy/{name}",
              "shows a policy", &get_policy),
    operation(Method::delete_, "/v1/policies/{name}", "tenant:DeletePolicy", "policy/{name}",
              "removes a policy", &remove_policy),
    operation(Method::put, "/v1/roles/{name}", "tenant:PutRole", "role/{name}",
              "adds or replaces a role", &put_role),
    operation(Method::get, "/v1/roles", "tenant:ListRoles", "role/*",
              "lists roles, built-in ones too", &list_roles),
    operation(Method::delete_, "/v1/roles/{name}", "tenant:DeleteRole", "role/{name}",
              "removes a role", &remove_role),
    operation(Method::get, "/v1/audit", "tenant:SearchAudit", "audit",
              "finds entries of the tenant's part of the audit log", &search_audit,
              kAuditSearchParameters),
    operation(Method::get, "/v1/audit/export", "tenant:ExportAudit", "audit",
              "the tenant's part of the audit log, with what is needed to verify it", &export_audit,
              kAuditExportParameters),
    operation(Method::get, "/v1/audit/checkpoint", "tenant:VerifyAudit", "audit",
              "what the audit log signs of itself", &get_audit_checkpoint,
              kAuditCheckpointParameters),
    operation(Method::get, "/v1/audit/proof", "tenant:VerifyAudit", "audit",
              "that an entry is in the audit log", &prove_audit_entry, kAuditProofParameters),
    operation(Method::get, "/v1/platform/audit", "node:SearchAudit", "audit",
              "finds entries of the platform's part of the audit log", &search_platform_audit,
              kAuditSearchParameters),
    operation(Method::get, "/v1/platform/audit/export", "node:ExportAudit", "audit",
              "the platform's part of the audit log, with what is needed to verify it",
              &export_platform_audit, kAuditExportParameters),
    operation(Method::get, "/v1/platform/audit/checkpoint", "node:VerifyAudit", "audit",
              "what the audit log signs of itself", &get_audit_checkpoint,
              kAuditCheckpointParameters),
    operation(Method::get, "/v1/platform/audit/proof", "node:VerifyAudit", "audit",
              "that an entry is in the audit log", &prove_platform_audit_entry,
              kAuditProofParameters),
};

// Takes the next segment off the front of a pattern: "/sources/{id}" -> "sources".
std::string_view next_segment(std::string_view& pattern) {
    pattern.remove_prefix(1);
    const size_t end = std::min(pattern.find('/'), pattern.size());
    const std::string_view segment = pattern.substr(0, end);
    pattern.remove_prefix(end);
    return segment;
}

bool is_argument(std::string_view segment) { return segment.starts_with('{'); }

bool matches(std::string_view pattern, std::span<const std::string> segments,
             std::vector<std::string>& arguments) {
    arguments.clear();
    size_t at = 0;
    while (!pattern.empty()) {
        if (at == segments.size()) return false;
        const std::string_view segment = next_segment(pattern);
        if (is_argument(segment)) {
            arguments.push_back(segments[at]);
        } else if (segment != segments[at]) {
            return false;
        }
        ++at;
    }
    return at == segments.size();
}

}  // namespace

std::span<const Route> routes() { return kRoutes; }

RouteMatch match_route(const net::RequestHead& request) {
    RouteMatch match;
    // Most requests name a route without arguments, as it stands.
    for (const Route& route : kRoutes) {
        if (route.method == request.method && route.pattern == request.path) {
            match.route = &route;
            return match;
        }
    }
    const std::vector<std::string> segments = net::path_segments(request);
    const Method method = request.method == Method::head ? Method::get : request.method;
    for (const Route& route : kRoutes) {
        std::vector<std::string> arguments;
        if (!matches(route.pattern, segments, arguments)) continue;
        match.allowed.push_back(route.method);
        if (route.method != method) continue;
        match.route = &route;
        match.arguments = std::move(arguments);
        return match;
    }
    return match;
}

std::string fill_resource(const Route& route, std::span<const std::string> arguments) {
    std::string resource;
    size_t next = 0;
    std::string_view rest = route.resource;
    while (!rest.empty()) {
        const size_t open = std::min(rest.find('{'), rest.size());
        resource.append(rest.substr(0, open));
        rest.remove_prefix(open);
        if (rest.empty()) break;
        rest.remove_prefix(rest.find('}') + 1);
        resource.append(arguments[next++]);
    }
    return resource;
}

std::string find_route_fault(std::span<const Route> table) {
    for (size_t i = 0; i < table.size(); ++i) {
        const Route& route = table[i];
        const std::string name =
            std::string(net::method_name(route.method)) + " " + std::string(route.pattern);
        const bool declared = !route.action.empty() && !route.resource.empty();
        if (route.access != Access::open && !declared) {
            return name + " declares no action or resource";
        }
        if (route.access == Access::open && declared)
            return name + " is open and declares an action";
        for (size_t k = i + 1; k < table.size(); ++k) {
            if (table[k].method == route.method && table[k].pattern == route.pattern) {
                return name + " stands twice";
            }
        }
    }
    return {};
}

}  // namespace insula::rest
