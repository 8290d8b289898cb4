#include "frontends/rest/routes.h"

#include <algorithm>
#include <array>

#include "frontends/rest/rest_api.h"

namespace insula::rest {

namespace {

using net::Method;

constexpr std::array kWriteParameters{Parameter{"source_id"}, Parameter{"column", true}};
constexpr std::array kListParameters{Parameter{"limit"}, Parameter{"after"}};

constexpr std::array kRoutes{
    Route{Method::get, "/health", "", "", Access::open, &RestApi::health},
    Route{Method::get, "/health/details", "node:GetHealth", "node", Access::authorised,
          &RestApi::health_details},
    Route{Method::get, "/metrics", "node:GetMetrics", "node", Access::authorised,
          &RestApi::metrics},
    Route{Method::post, "/data/write", "tables:Write", "source/*", Access::authorised,
          &RestApi::write, kWriteParameters},
    Route{Method::post, "/data/search", "tables:Search", "source/*", Access::authorised,
          &RestApi::search},
    Route{Method::post, "/data/search/stream", "tables:Search", "source/*", Access::authorised,
          &RestApi::search_stream},
    Route{Method::post, "/data/aggregate", "tables:Aggregate", "source/*", Access::authorised,
          &RestApi::aggregate},
    Route{Method::post, "/sources/add", "tables:CreateSource", "source/*", Access::authorised,
          &RestApi::add_source},
    Route{Method::get, "/sources", "tables:ListSources", "source/*", Access::authorised,
          &RestApi::list_sources, kListParameters},
    Route{Method::delete_, "/sources/{id}", "tables:DeleteSource", "source/{id}",
          Access::authorised, &RestApi::remove_source},
    Route{Method::get, "/sources/{id}/stats", "tables:GetSourceStats", "source/{id}",
          Access::authorised, &RestApi::source_stats},
    Route{Method::get, "/tenant/stats", "tables:GetTenantStats", "tenant", Access::authorised,
          &RestApi::tenant_stats},
    Route{Method::get, "/debug/pprof/heap", "node:GetHeapProfile", "node", Access::authorised,
          &RestApi::heap_profile},
    Route{Method::get, "/admin/log-level", "node:GetLogLevel", "node", Access::authorised,
          &RestApi::get_log_level},
    Route{Method::put, "/admin/log-level", "node:SetLogLevel", "node", Access::authorised,
          &RestApi::set_log_level},
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
        if (route.access == Access::authorised && !declared) {
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
