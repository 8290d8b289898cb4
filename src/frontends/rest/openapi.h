// What the routes declare, for machines (OpenAPI 3.1) and for people. Made once; thread-safe.
#pragma once

#include <span>
#include <string>

#include "frontends/rest/routes.h"

namespace insula::rest {

// https://spec.openapis.org/oas/v3.1.0. Each operation names its action and resource in
// `x-insula-action` and `x-insula-resource`.
std::string openapi_document(std::span<const Route> table);
// One HTML page without scripts or anything from elsewhere.
std::string openapi_page(std::span<const Route> table);

}  // namespace insula::rest
