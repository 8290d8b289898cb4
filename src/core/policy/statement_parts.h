// The parts of a statement, each read from its place in the document. Internal to this folder.
// Errors are invalid_argument `invalid_policy`, beginning with the place.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/policy/policy.h"
#include "platform/json/json_value.h"

namespace insula::policy {

// "Statement[2].Effect <complaint>"; "The policy <complaint>" for the root.
Error policy_error(const json::JsonCursor& at, std::string_view complaint);
Error must_be(const json::JsonCursor& at, std::string_view expected);
// The same error with the place before its message.
Error placed(const json::JsonCursor& at, const Error& error);

Result<std::string_view> string_at(const json::JsonCursor& at, size_t bytes_max);
// The items of an array, or the one value that stands in its place.
std::span<const json::JsonValue> list_of(const json::JsonValue& value);

Result<PrincipalList> read_principals(const json::JsonCursor& at);
Result<ActionList> read_actions(const json::JsonCursor& at);
Result<ResourceList> read_resources(const json::JsonCursor& at, bool variables);
Result<std::vector<Condition>> read_conditions(const json::JsonCursor& at, bool variables);

}  // namespace insula::policy
