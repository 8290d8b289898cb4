// The decision on a request: what the policies that are attached to whoever asks, and to what is
// asked for, say about it. An explicit Deny wins over every Allow; what no statement allows is
// denied. Pure functions; thread-safe as far as the request's Context is.
//
// Nothing is allocated where no variable has to be put in and no text is longer than
// LowerCase::kInPlace; a typical role of five statements takes well under a microsecond.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/policy/context.h"
#include "core/policy/planted_fault.h"
#include "core/policy/policy.h"

namespace insula::policy {

// What a decision says of a policy is its name: it and the policy must outlive the decision.
struct AttachedPolicy {
    std::string_view name;  // "writer", "bucket/reports"
    const Policy* policy = nullptr;
};

struct Request {
    std::string_view action;  // "tables:Write"
    Resource resource;
    // "user/alice", "service-account/etl"; empty for a request without a credential. Statements of
    // resource policies name it.
    std::string_view principal;
    const Context& context;
};

enum class Reason : uint8_t { explicit_deny, allowed, no_statement_matched };
std::string_view reason_name(Reason reason);  // "explicit_deny"

struct Decision {
    bool allowed = false;
    Reason reason = Reason::no_statement_matched;
    // The deciding statement: the first that denies, else the first that allows. Nothing where
    // none matched.
    std::string_view policy;
    std::string_view sid;  // empty where it has none
    size_t statement = 0;  // its place in the policy, from 0
};

Decision evaluate(std::span<const AttachedPolicy> policies, const Request& request);

// "The statement "ReadOnly" of the policy "reader" allows it.", for logs and audit.
std::string describe(const Decision& decision);

// With a fault, for tests of tests.
Decision evaluate_with_fault(std::span<const AttachedPolicy> policies, const Request& request,
                             PlantedFault fault);

}  // namespace insula::policy
