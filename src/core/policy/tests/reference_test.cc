// The evaluator against the reference, over random policies and requests; and the comparison
// against evaluators with a planted fault.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <array>
#include <memory>

#include "base/tests/seeds.h"
#include "core/policy/context_table.h"
#include "core/policy/evaluate.h"
#include "core/policy/explain.h"
#include "core/policy/tests/random_policies.h"
#include "core/policy/tests/reference_evaluator.h"

namespace insula::policy {
namespace {

constexpr uint64_t kSeeds = 100;
constexpr uint64_t kSeedsSanitized = 6;
constexpr int kSetsOfASeed = 100;
constexpr int kRequestsOfASet = 10;

// One to three random policies, for both evaluators.
struct PolicySet {
    std::vector<reference::NamedPolicy> documents;
    std::vector<std::unique_ptr<Policy>> policies;
    std::vector<AttachedPolicy> attached;
};

PolicySet make_set(RandomPolicies& random, uint64_t count) {
    PolicySet set;
    for (uint64_t i = 0; i < count; ++i) {
        const auto document = random.policy();
        const auto kind = document.of_resource ? PolicyKind::resource : PolicyKind::identity;
        auto policy = Policy::parse(document.text, kind);
        auto json = json::JsonValue::parse(document.text);
        if (!policy || !json) {
            ADD_FAILURE() << (policy ? "no JSON" : policy.error().describe()) << "\n"
                          << document.text;
            continue;
        }
        set.documents.push_back({fmt::format("p{}", i), *std::move(json), document.of_resource});
        set.policies.push_back(std::make_unique<Policy>(*std::move(policy)));
    }
    for (size_t i = 0; i < set.policies.size(); ++i) {
        set.attached.push_back({.name = set.documents[i].name, .policy = set.policies[i].get()});
    }
    return set;
}

// The reference's request as the evaluator takes it.
struct Question {
    explicit Question(const reference::Request& from) : source(from) {
        for (const auto& [key, values] : from.context) {
            for (const std::string& value : values) {
                EXPECT_TRUE(context.add(key, value)) << key;
            }
        }
    }
    Request request() const {
        return {.action = source.action,
                .resource = {.service = source.service, .path = source.path},
                .principal = source.principal,
                .context = context};
    }
    const reference::Request& source;
    ContextTable context;
};

reference::Verdict verdict_of(const Decision& decision) {
    return {.reason = std::string(reason_name(decision.reason)),
            .policy = std::string(decision.policy),
            .statement = decision.statement};
}

std::string show(const PolicySet& set, const reference::Request& request) {
    std::string text = fmt::format("{} on {} of {} by \"{}\"\n", request.action, request.path,
                                   request.service, request.principal);
    for (const auto& [key, values] : request.context) {
        for (const std::string& value : values) text += fmt::format("  {}={}\n", key, value);
    }
    for (const auto& policy : set.documents) {
        text += fmt::format("{}: {}\n", policy.name, policy.document.text());
    }
    return text;
}

struct Tally {
    uint64_t pairs = 0;
    uint64_t allowed = 0;
    uint64_t denied = 0;
    uint64_t differ = 0;
};

bool agree(const Decision& decision, const reference::Verdict& verdict) {
    return verdict_of(decision) == verdict && decision.allowed == (verdict.reason == "allowed");
}

// `each` is called for every pair, and ends the walk with false.
template <class Each>
void walk(uint64_t seed, Each each) {
    RandomPolicies random(seed);
    std::mt19937_64 counts(seed);
    for (int s = 0; s < kSetsOfASeed; ++s) {
        const PolicySet set = make_set(random, 1 + counts() % 3);
        for (int r = 0; r < kRequestsOfASet; ++r) {
            const reference::Request request = random.request();
            const Question question(request);
            if (!each(set, question)) return;
        }
    }
}

TEST(PolicyReference, DecidesLikeTheEvaluator) {
    const SeedRange seeds = test_seeds(kSeeds, kSeedsSanitized);
    fmt::print("seeds {} to {}\n", seeds.first, seeds.last);
    Tally tally;
    for (uint64_t seed = seeds.first; seed <= seeds.last && tally.differ < 3; ++seed) {
        walk(seed, [&](const PolicySet& set, const Question& question) {
            const Decision decision = evaluate(set.attached, question.request());
            const auto verdict = reference::judge(set.documents, question.source);
            ++tally.pairs;
            if (decision.reason == Reason::allowed) ++tally.allowed;
            if (decision.reason == Reason::explicit_deny) ++tally.denied;
            if (agree(decision, verdict)) return true;
            ADD_FAILURE() << "INSULA_TEST_SEED=" << seed << ": " << describe(decision)
                          << " The reference says: " << verdict.reason << " by " << verdict.policy
                          << " " << verdict.statement << "\n"
                          << show(set, question.source);
            return ++tally.differ < 3;
        });
    }
    fmt::print("{} pairs, {} allowed, {} denied\n", tally.pairs, tally.allowed, tally.denied);
    if (!seeds.usual(kSeeds)) return;
    EXPECT_GT(tally.allowed * 100, tally.pairs * 20);
    EXPECT_GT(tally.denied * 100, tally.pairs * 10);
    EXPECT_GT((tally.pairs - tally.allowed - tally.denied) * 100, tally.pairs * 10);
}

// Of each statement, whether it applies; the decision tells of one only.
TEST(PolicyReference, ExplainsLikeTheEvaluator) {
    const SeedRange seeds = test_seeds(kSeeds / 10, 1);
    fmt::print("seeds {} to {}\n", seeds.first, seeds.last);
    for (uint64_t seed = seeds.first; seed <= seeds.last; ++seed) {
        walk(seed, [&](const PolicySet& set, const Question& question) {
            const Request request = question.request();
            const Explanation explanation = explain(set.attached, request);
            size_t at = 0;
            for (const auto& policy : set.documents) {
                for (const auto& statement : reference::statements_of(policy.document)) {
                    const StatementExplanation& one = explanation.statements.at(at++);
                    const bool applies = reference::applies(policy, statement, question.source);
                    if (one.applies() == applies) continue;
                    ADD_FAILURE() << "INSULA_TEST_SEED=" << seed << ": " << one.describe(request)
                                  << "\n"
                                  << show(set, question.source);
                    return false;
                }
            }
            EXPECT_EQ(at, explanation.statements.size());
            return true;
        });
    }
}

struct Fault {
    PlantedFault fault;
    std::string_view name;
};

constexpr std::array kFaults{
    Fault{PlantedFault::deny_does_not_win, "deny_does_not_win"},
    Fault{PlantedFault::deny_ignored, "deny_ignored"},
    Fault{PlantedFault::allow_by_default, "allow_by_default"},
    Fault{PlantedFault::conditions_ignored, "conditions_ignored"},
    Fault{PlantedFault::one_condition_is_enough, "one_condition_is_enough"},
    Fault{PlantedFault::not_action_as_action, "not_action_as_action"},
    Fault{PlantedFault::not_resource_as_resource, "not_resource_as_resource"},
    Fault{PlantedFault::principal_ignored, "principal_ignored"},
    Fault{PlantedFault::action_case_matters, "action_case_matters"},
    Fault{PlantedFault::resource_service_ignored, "resource_service_ignored"},
    Fault{PlantedFault::missing_key_matches, "missing_key_matches"},
    Fault{PlantedFault::missing_key_never_matches, "missing_key_never_matches"},
    Fault{PlantedFault::if_exists_ignored, "if_exists_ignored"},
    Fault{PlantedFault::null_inverted, "null_inverted"},
    Fault{PlantedFault::null_of_empty_is_value, "null_of_empty_is_value"},
    Fault{PlantedFault::negation_of_each, "negation_of_each"},
    Fault{PlantedFault::for_all_of_none_fails, "for_all_of_none_fails"},
    Fault{PlantedFault::for_any_of_none_holds, "for_any_of_none_holds"},
    Fault{PlantedFault::for_any_as_for_all, "for_any_as_for_all"},
    Fault{PlantedFault::for_all_as_for_any, "for_all_as_for_any"},
    Fault{PlantedFault::like_without_wildcards, "like_without_wildcards"},
    Fault{PlantedFault::ignore_case_ignored, "ignore_case_ignored"},
    Fault{PlantedFault::less_or_equal_as_less, "less_or_equal_as_less"},
    Fault{PlantedFault::greater_as_greater_or_equal, "greater_as_greater_or_equal"},
    Fault{PlantedFault::prefix_length_ignored, "prefix_length_ignored"},
    Fault{PlantedFault::mapped_addresses_apart, "mapped_addresses_apart"},
    Fault{PlantedFault::arn_resource_alone, "arn_resource_alone"},
    Fault{PlantedFault::variable_value_as_pattern, "variable_value_as_pattern"},
    Fault{PlantedFault::default_value_ignored, "default_value_ignored"},
    Fault{PlantedFault::unresolved_widens_allow, "unresolved_widens_allow"},
};

// A new fault must be listed, or nobody looks for it.
static_assert(kFaults.size() == static_cast<size_t>(PlantedFault::unresolved_widens_allow));

class PolicyMutant : public testing::TestWithParam<Fault> {};

TEST_P(PolicyMutant, IsToldFromTheReference) {
    const SeedRange seeds = test_seeds(kSeeds, kSeedsSanitized);
    uint64_t pairs = 0;
    bool found = false;
    for (uint64_t seed = seeds.first; seed <= seeds.last && !found; ++seed) {
        walk(seed, [&](const PolicySet& set, const Question& question) {
            ++pairs;
            const Decision decision =
                evaluate_with_fault(set.attached, question.request(), GetParam().fault);
            found = !agree(decision, reference::judge(set.documents, question.source));
            return !found;
        });
    }
    EXPECT_TRUE(found) << "not in " << pairs << " pairs";
    // With room before the number of pairs that every run compares.
    if (seeds.usual(kSeeds)) EXPECT_LT(pairs, 50'000u);
}

INSTANTIATE_TEST_SUITE_P(All, PolicyMutant, testing::ValuesIn(kFaults),
                         [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace insula::policy
