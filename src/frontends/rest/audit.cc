// What requests leave in the audit log. Changes are told by records that are stored with them; this
// has what those say of the request, and tells of requests that change nothing.
#include "frontends/rest/rest_api.h"

namespace insula::rest {

namespace {

constexpr int kUnauthenticatedStatus = 401;
constexpr int kForbiddenStatus = 403;
constexpr int kFirstFailedStatus = 400;

bool is_refusal(int status) {
    return status == kUnauthenticatedStatus || status == kForbiddenStatus;
}

// Those of machines that look at the server's health every few seconds say nothing of anybody.
bool is_worth_an_entry(const Route& route) {
    const bool watches = route.action == "node:GetHealth" || route.action == "node:GetMetrics";
    if (route.access == Access::open || watches) return false;
    return route.method == net::Method::get || route.action == "tables:Search" ||
           route.action == "tables:Aggregate";
}

// Changes nothing that is stored, and is to be known all the same.
bool is_always_told(const Call& call) {
    return call.route.action == "node:SetLogLevel" || call.route.action == "tenant:IssueToken" ||
           !call.judged.action.empty();
}

}  // namespace

audit::Entry RestApi::audit_entry(const Call& call) {
    audit::Entry entry;
    if (call.actor && call.context.tenant != TenantId()) entry.tenant = call.context.tenant;
    if (call.judged.tenant) entry.tenant = call.judged.tenant;
    entry.actor = call.context.principal;
    entry.action = call.judged.action.empty() ? call.route.action : call.judged.action;
    entry.resource = call.judged.resource;
    entry.remote_address = call.exchange.request().remote_address;
    entry.request_id = call.context.request_id;
    entry.decision = audit::kAllowed;
    const policy::Decision& decision = call.judged.decision;
    entry.policy = decision.policy;
    if (!decision.policy.empty()) {
        entry.statement =
            decision.sid.empty() ? std::to_string(decision.statement) : std::string(decision.sid);
    }
    return entry;
}

void RestApi::tell_audit(Call& call) {
    const int status = call.exchange.status();
    if (is_refusal(status)) {
        audit::Entry entry = audit_entry(call);
        const bool known = call.actor.has_value();
        entry.decision =
            known || status == kForbiddenStatus ? audit::kDenied : audit::kUnauthenticated;
        // What stands in a body was not read where the credential was refused.
        if (entry.resource.empty() && call.route.access == Access::authorised) {
            entry.resource = fill_resource(call.route, call.arguments);
        }
        entry.reason = call.refusal.empty() ? "not_permitted" : call.refusal;
        // The last that was asked and allowed is not what refused this.
        entry.policy.clear();
        entry.statement.clear();
        return services_.audit.tell(std::move(entry));
    }
    if (status >= kFirstFailedStatus) return;
    const bool read = options_.audit_reads && is_worth_an_entry(call.route);
    if (read || is_always_told(call)) services_.audit.tell(audit_entry(call));
}

}  // namespace insula::rest
