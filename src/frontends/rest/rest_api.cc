#include "frontends/rest/rest_api.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <map>

#include "base/check.h"
#include "core/tenancy/planted_fault.h"
#include "frontends/rest/error_response.h"
#include "frontends/rest/public_codes.h"
#include "frontends/rest/request_checks.h"
#include "platform/net/hop.h"
#include "platform/runtime/log.h"

namespace insula::rest {

namespace {

constexpr std::string_view kTablesActions = "tables:";
constexpr std::string_view kJson = "application/json";
constexpr std::chrono::seconds kRetryAfter{1};
constexpr std::chrono::milliseconds kRefusalPause{50};
// Pages up to here are not counted: the number of connections bounds them.
constexpr size_t kUncountedPageBytes = 64u << 10;

uint64_t microseconds_since(SteadyTime begin) {
    const auto elapsed = std::chrono::steady_clock::now() - begin;
    return static_cast<uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(elapsed).count());
}

std::string_view route_name(const Route* route) {
    return route == nullptr ? std::string_view("unknown") : route->pattern;
}

// "Bearer abc" -> "abc".
std::optional<std::string_view> bearer_key(std::string_view authorization) {
    constexpr std::string_view kScheme = "bearer ";
    if (authorization.size() <= kScheme.size() ||
        !net::equal_without_case(authorization.substr(0, kScheme.size()), kScheme)) {
        return std::nullopt;
    }
    return authorization.substr(kScheme.size());
}

Result<tenancy::Credential> read_credential(const net::RequestHead& request) {
    tenancy::Credential credential;
    // Two credentials in one request would leave it to chance which one counts.
    size_t found = 0;
    for (const net::HeaderView& header : request.headers) {
        if (net::equal_without_case(header.name, "authorization")) {
            ++found;
            credential.key = bearer_key(header.value).value_or("");
        } else if (net::equal_without_case(header.name, "x-api-key")) {
            ++found;
            credential.key = header.value;
        } else if (net::equal_without_case(header.name, "x-tenant-id")) {
            if (credential.tenant) {
                return fail(invalid_argument("duplicate_header", "X-Tenant-Id was sent twice."));
            }
            credential.tenant = header.value;
        }
    }
    if (found > 1) {
        return fail(
            invalid_argument("duplicate_header", "The request has more than one credential."));
    }
    return credential;
}

}  // namespace

// Series of one route, resolved once a status.
struct RestApi::RouteMetrics {
    explicit RouteMetrics(metrics::Registry& registry)
        : requests(registry.counter("insula_http_requests_total", "Requests answered.",
                                    {"route", "method", "status"})),
          seconds(registry.histogram("insula_http_request_duration_seconds",
                                     "From the first byte of a request to the end of its answer.",
                                     metrics::kLatencySeconds, {"route"})) {
        for (const Route& route : routes()) {
            durations.emplace(&route, &seconds.with({route.pattern}));
            ok.emplace(&route,
                       &requests.with({route.pattern, net::method_name(route.method), "200"}));
        }
    }
    metrics::Family<metrics::Counter>& requests;
    metrics::Family<metrics::Histogram>& seconds;
    std::map<const Route*, metrics::Histogram*> durations;
    std::map<const Route*, metrics::Counter*> ok;
};

void respond_json(Call& call, std::string body, int status, MemoryGrant memory) {
    call.exchange.respond({.status = status,
                           .content_type = std::string(kJson),
                           .headers = {{"X-Request-Id", call.context.request_id}}},
                          std::move(body), std::move(memory));
}

void log_failure(const Error& error, std::string_view request_id) {
    if (http_status(error) < 500) return;
    const bool ours = error.code() == Code::internal || error.code() == Code::data_loss;
    log::write(ours ? log::Level::error : log::Level::warn, "request failed",
               {{"request_id", request_id}, {"error", error.describe()}});
}

void respond_error(net::Exchange& exchange, const Error& failure, std::string_view request_id) {
    const Error error = public_error(failure);
    log_failure(error, request_id);
    net::ResponseHead head{.status = http_status(error),
                           .content_type = std::string(kJson),
                           .headers = {{"X-Request-Id", std::string(request_id)}}};
    if (error.retry_after()) {
        const auto seconds = std::chrono::ceil<std::chrono::seconds>(*error.retry_after());
        head.headers.push_back({"Retry-After", std::to_string(seconds.count())});
    } else if (error.code() == Code::resource_exhausted || error.code() == Code::unavailable) {
        head.headers.push_back({"Retry-After", std::to_string(kRetryAfter.count())});
    }
    if (error.code() == Code::unauthenticated)
        head.headers.push_back({"WWW-Authenticate", "Bearer"});
    exchange.respond(std::move(head), error_body(error, request_id));
}

RestApi::RestApi(RestOptions options, RestServices services)
    : options_(std::move(options)),
      cors_(options_.cors),
      services_(std::move(services)),
      route_metrics_(std::make_unique<RouteMetrics>(services_.registry)),
      request_id_base_(services_.random.next()) {
    INSULA_CHECK(find_route_fault(routes()).empty(),
                 "every route declares its action and resource");
}

RestApi::~RestApi() = default;

std::string RestApi::new_request_id() {
    // Unique and not to be guessed from one another: a random start and a step that mixes all bits
    // (the odd constant of the golden ratio).
    uint64_t value = request_id_base_ +
                     next_request_.fetch_add(1, std::memory_order_relaxed) * 0x9e3779b97f4a7c15;
    std::string id(16, '0');
    for (size_t i = 16; i-- > 0; value >>= 4) id[i] = "0123456789abcdef"[value & 15];
    return id;
}

net::ErrorAnswer RestApi::answer_error(const net::FailedRequest& failed) {
    const std::string request_id = new_request_id();
    const Error error = public_error(failed.error);
    log_failure(error, request_id);
    net::ErrorAnswer answer{error_body(error, request_id), {{"X-Request-Id", request_id}}};
    if (options_.access_log) {
        log::access({.request_id = request_id,
                     .tenant = {},
                     .method = "unknown",
                     .route = route_name(nullptr),
                     .status = failed.status,
                     .duration_us = microseconds_since(failed.started),
                     .bytes_out = answer.body.size()});
    }
    return answer;
}

net::Task<void> RestApi::handle(net::Exchange& exchange) {
    const net::RequestHead& request = exchange.request();
    const RouteMatch match = match_route(request);
    tenancy::RequestContext context;
    context.request_id = new_request_id();
    if (cors_.enabled()) exchange.always_send(cors_.answer_headers(request.header("origin")));
    if (match.route == nullptr) {
        if (cors_.enabled() && Cors::is_preflight(request)) {
            answer_preflight(exchange, match, context.request_id);
        } else if (match.allowed.empty()) {
            respond_error(
                exchange,
                not_found("unknown_route", "There is nothing at this path.")
                    .with_hint("The reference lists all paths: docs/reference/http-api.md."),
                context.request_id);
        } else {
            std::string allow;
            for (const net::Method method : match.allowed) {
                if (!allow.empty()) allow += ", ";
                allow += net::method_name(method);
            }
            const Error error =
                invalid_argument("method_not_allowed", "This path does not take " +
                                                           std::string(request.method_name) + ".");
            exchange.respond(
                {.status = 405,
                 .content_type = std::string(kJson),
                 .headers = {{"Allow", allow}, {"X-Request-Id", context.request_id}}},
                error_body(error.with_hint("It takes " + allow + "."), context.request_id));
        }
    } else {
        Call call{exchange, *match.route, match.arguments, {}};
        call.context.request_id = context.request_id;
        co_await admit_and_run(call);
        meter(call);
        tell_audit(call);
        context.tenant_slug = call.context.tenant_slug;
    }
    finish(exchange, match.route, context);
}

void RestApi::meter(const Call& call) {
    if (!call.actor) return;
    const uint64_t sent = call.exchange.bytes_sent();
    call.actor->meter()->count_bytes(call.exchange.bytes_received(),
                                     sent - std::min(sent, call.bytes_counted),
                                     *call.actor->limits(), std::chrono::steady_clock::now());
}

// Without a credential: browsers send none with it. What the request itself may do is asked when it
// comes.
void RestApi::answer_preflight(net::Exchange& exchange, const RouteMatch& match,
                               const std::string& request_id) const {
    const net::RequestHead& request = exchange.request();
    if (!cors_.allows(request.header("origin").value_or(""))) {
        respond_error(exchange,
                      Error(Code::permission_denied, "origin_not_allowed",
                            "Pages of this origin may not call this server.")
                          .with_hint("The operator lists origins in security.allowed_origins."),
                      request_id);
        return;
    }
    net::ResponseHead head{.status = 204,
                           .content_type = {},
                           .headers = cors_.preflight_headers(request, match.allowed)};
    head.headers.push_back({"X-Request-Id", request_id});
    exchange.respond(std::move(head), {});
}

Status RestApi::authorise(Call& call, std::string_view action, std::string_view resource) {
    const bool skipped = call.route.access == Access::by_content &&
                         tenancy::is_planted(tenancy::PlantedFault::content_is_not_asked);
    if (skipped) return {};
    call.judged.resource = resource;
    const auto decision = call.actor->authorise({action, call.judged.resource});
    if (!decision) return fail(decision.error());
    call.judged.decision = *decision;
    return {};
}

// Who asks, and whether the route may be used so.
net::Task<Status> RestApi::admit(Call& call) {
    const net::RequestHead& request = call.exchange.request();
    if (services_.gate.development()) {
        if (Status local = check_local(request, cors_); !local) co_return local;
    }
    ASSIGN_OR_CO_RETURN(const tenancy::Credential credential, read_credential(request));
    const tenancy::RequestOrigin origin{.remote_address = request.remote_address,
                                        .user_agent = request.header("user-agent").value_or(""),
                                        .request_id = call.context.request_id,
                                        .secure = request.secure};
    auto entered = services_.gate.enter_from_memory(credential, call.route.action, origin);
    if (!entered) {
        entered = co_await net::on_pool(services_.workers, [&] {
            return services_.gate.enter(credential, call.route.action, origin);
        });
    }
    if (!*entered) co_return fail(entered->error());
    call.actor = **std::move(entered);
    call.context.principal = call.actor->principal();
    call.context.tenant = call.actor->tenant().id;
    call.context.tenant_slug = call.actor->tenant().slug;
    call.context.action = call.route.action;
    call.context.authorise = [&call](std::string_view action, std::string_view resource) {
        return authorise(call, action, resource);
    };
    call.context.tell = [this, &call](std::string_view action) {
        std::vector<catalog::AuditRecord> records;
        if (!options_.audit_changes) return records;
        audit::Entry entry = audit_entry(call);
        entry.action = action;
        records.push_back(services_.audit.record_of(std::move(entry)));
        return records;
    };
    if (call.route.access == Access::authorised) {
        const std::string resource = fill_resource(call.route, call.arguments);
        if (Status may = authorise(call, call.route.action, resource); !may) co_return may;
    }
    if (Status known = check_parameters(call.route, request); !known) co_return known;
    co_return check_headers(request);
}

// Who is over a limit and asks again at once would take from others what the refusals cost: he is
// answered a little later.
net::Task<void> RestApi::hold_back(const Error& refusal) {
    if (!refusal.retry_after()) co_return;
    co_await pause(std::min<std::chrono::nanoseconds>(*refusal.retry_after(), kRefusalPause));
}

net::Task<void> RestApi::pause(std::chrono::nanoseconds duration) {
    // Nobody calls it: the wait ends with its time.
    std::move_only_function<void(Status)> never;
    const Status waited = co_await net::completion(
        [&never](std::move_only_function<void(Status)> done) { never = std::move(done); },
        Deadline::after(std::chrono::ceil<std::chrono::milliseconds>(duration)));
    static_cast<void>(waited);
}

net::Task<void> RestApi::admit_and_run(Call& call) {
    if (call.route.access != Access::open) {
        if (const Status admitted = co_await admit(call); !admitted) {
            call.refusal = admitted.error().reason();
            co_await hold_back(admitted.error());
            respond_error(call.exchange, admitted.error(), call.context.request_id);
            co_return;
        }
    }
    call.context.remote_address = call.exchange.request().remote_address;
    call.context.deadline = Deadline::after(options_.request_deadline);
    if (const Status served = co_await wait_for_tenant(call); !served) {
        respond_error(call.exchange, served.error(), call.context.request_id);
        co_return;
    }
    co_await (this->*call.route.handler)(call);
}

net::Task<Result<std::string>> RestApi::read_body(Call& call, uint64_t bytes_max,
                                                  MemoryGrant& memory) {
    // Most bodies are small and say so: the budget's lock is not for them.
    const net::RequestHead& request = call.exchange.request();
    if (!request.chunked && !request.header("content-encoding") &&
        request.content_length.value_or(0) <= net::kUncountedBodyBytes) {
        co_return co_await call.exchange.read_body(bytes_max);
    }
    ASSIGN_OR_CO_RETURN(memory, services_.bodies.try_reserve(0));
    co_return co_await call.exchange.read_body(bytes_max, &memory);
}

net::Task<Result<std::string>> RestApi::read_json(Call& call, uint64_t bytes_max,
                                                  MemoryGrant& memory) {
    if (const Status type = check_json_content_type(call.exchange.request()); !type) {
        co_return fail(type.error());
    }
    co_return co_await read_body(call, bytes_max, memory);
}

Status RestApi::count_page(Page& page) const {
    if (page.text.size() <= kUncountedPageBytes) return {};
    if (page.memory.bytes() == 0) {
        ASSIGN_OR_RETURN(page.memory, services_.answers.try_reserve(page.text.size()));
        return {};
    }
    if (page.text.size() <= page.memory.bytes()) return {};
    return page.memory.grow(page.text.size() - page.memory.bytes());
}

// After a start a tenant's requests wait until what it had written is there. Where another server
// has taken the data over, this one's view of it grows old: not even reads are answered.
net::Task<Status> RestApi::wait_for_tenant(Call& call) {
    if (!call.route.action.starts_with(kTablesActions)) co_return Status();
    if (Status owned = services_.tables.services().catalog.check_owned(); !owned) co_return owned;
    tables::RecoveryGate& recovery = services_.tables.recovery();
    if (recovery.closed() == 0) co_return Status();
    const Status opened = co_await net::completion(
        [&recovery, tenant = call.context.tenant](std::move_only_function<void(Status)> done) {
            recovery.wait(tenant, std::move(done));
        },
        call.context.deadline);
    if (opened) co_return Status();
    co_return fail(tables::tenant_recovering());
}

void RestApi::finish(net::Exchange& exchange, const Route* route,
                     const tenancy::RequestContext& context) {
    const int status = exchange.status();
    const uint64_t duration_us = microseconds_since(exchange.started());
    if (route != nullptr && status == 200) {
        route_metrics_->ok.at(route)->add();
    } else {
        route_metrics_->requests
            .with({route_name(route), net::method_name(exchange.request().method),
                   std::to_string(status)})
            .add();
    }
    if (route != nullptr) {
        route_metrics_->durations.at(route)->observe(static_cast<double>(duration_us) / 1e6);
    }
    if (!options_.access_log) return;
    // Load balancers ask for health many times a second; only a failure is worth a line.
    if (route != nullptr && route->access == Access::open && status == 200) return;
    log::access({.request_id = context.request_id,
                 .tenant = context.tenant_slug,
                 .method = exchange.request().method_name,
                 .route = route_name(route),
                 .status = status,
                 .duration_us = duration_us,
                 .bytes_in = exchange.bytes_received(),
                 .bytes_out = exchange.bytes_sent()});
}

}  // namespace insula::rest
