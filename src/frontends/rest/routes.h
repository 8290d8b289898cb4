// The route table: every operation with what it asks the gate for. A route without an action is
// refused when the table is built, unless it says that it is open to everybody.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "frontends/rest/operation.h"
#include "platform/net/exchange.h"
#include "platform/net/http.h"
#include "platform/net/task.h"

namespace insula::rest {

class RestApi;
struct Call;

enum class Access : uint8_t {
    authorised,
    // What the request acts on stands in its body, or is all that the tenant has: who admits it
    // asks for the action on nothing, and the handler for each thing.
    by_content,
    open,
};

// Of the part of an address behind its "?".
struct Parameter {
    std::string_view name;
    bool repeatable = false;
};

struct Route {
    net::Method method;
    std::string_view pattern;   // "/sources/{id}/stats": {id} matches one segment
    std::string_view action;    // "tables:Write"; empty only where access is open
    std::string_view resource;  // "source/{id}": {id} is filled from the path, or by the handler
    Access access;
    std::string_view summary;  // what it does, for people: no HTML
    net::Task<void> (RestApi::*handler)(Call&);
    std::span<const Parameter> parameters = {};  // all others are refused
    Operation operation = nullptr;               // of RestApi::administrate()
};

std::span<const Route> routes();

struct RouteMatch {
    const Route* route = nullptr;        // of this path and method
    std::vector<std::string> arguments;  // what the pattern's {…} matched, in order
    std::vector<net::Method> allowed;    // methods of this path, when `route` is null
};
RouteMatch match_route(const net::RequestHead& request);

// `resource` with its {…} replaced by `arguments`.
std::string fill_resource(const Route& route, std::span<const std::string> arguments);

// Why the table must not be served: an action or a resource is missing, or a route stands twice.
// Empty if it is sound.
std::string find_route_fault(std::span<const Route> table);

}  // namespace insula::rest
