// Faults of the evaluator, chosen at run time, so that its tests can show that they would notice.
// Nothing outside of tests chooses another one than `none`.
#pragma once

#include <cstdint>

namespace insula::policy {

enum class PlantedFault : uint8_t {
    none,
    // statements
    deny_does_not_win,         // the first statement that applies decides
    deny_ignored,              // only Allow counts
    allow_by_default,          // what nothing speaks of is allowed
    conditions_ignored,        // statements apply whatever their conditions say
    one_condition_is_enough,   // conditions are ORed
    not_action_as_action,      // NotAction means Action
    not_resource_as_resource,  // NotResource means Resource
    principal_ignored,         // statements of resource policies apply to everybody
    action_case_matters,       // actions are compared with their case
    resource_service_ignored,  // a path matches in any service
    // conditions
    missing_key_matches,        // a missing key fulfils everything
    missing_key_never_matches,  // a missing key fulfils nothing, not even a negation
    if_exists_ignored,          // …IfExists means nothing
    null_inverted,              // Null: true asks for a key
    null_of_empty_is_value,     // Null counts a value that is empty
    negation_of_each,           // a negated operator holds if one policy value differs
    for_all_of_none_fails,      // ForAllValues asks for a value
    for_any_of_none_holds,      // ForAnyValue does not
    for_any_as_for_all,
    for_all_as_for_any,
    like_without_wildcards,  // * and ? stand for themselves
    ignore_case_ignored,     // …IgnoreCase compares letters as they are
    less_or_equal_as_less,
    greater_as_greater_or_equal,
    prefix_length_ignored,   // every address is in every range of its family
    mapped_addresses_apart,  // ::ffff:10.0.0.1 is not 10.0.0.1
    arn_resource_alone,      // the parts of an ARN before its resource are not compared
    // variables
    variable_value_as_pattern,  // wildcards in a request's values are wildcards
    default_value_ignored,      // ${key, 'default'} does not use the default
    unresolved_widens_allow,    // an unresolved variable is unequal to everything in an Allow too
};

}  // namespace insula::policy
