// A decision allocates nothing where no variable has to be put in. Counts what this program
// allocates with `new`; not under sanitizers, which have their own.
#ifndef INSULA_SANITIZED

#include <gtest/gtest.h>

#include <stdlib.h>

#include <new>

#include "core/policy/evaluate.h"
#include "core/policy/request_attributes.h"
#include "core/policy/tests/policy_text.h"

namespace {
thread_local size_t allocations = 0;
}

void* operator new(size_t size) {
    ++allocations;
    if (void* made = ::malloc(size == 0 ? 1 : size)) return made;
    throw std::bad_alloc();
}
// NOLINTBEGIN(clang-analyzer-cplusplus.NewDelete): this is what frees
void operator delete(void* made) noexcept { ::free(made); }
void operator delete(void* made, size_t) noexcept { ::free(made); }
// NOLINTEND(clang-analyzer-cplusplus.NewDelete)

namespace insula::policy {
namespace {

size_t allocations_of(const Policy& policy) {
    RequestAttributes context(0);
    context.set(Key::source_ip, "::ffff:10.0.0.1");
    context.set(Key::user_agent, "an agent whose name is far too long to be kept within a string");
    context.set(Key::max_keys, "10");
    context.set(Key::token_issue_time, "2026-01-15T10:20:30.5+02:00");
    context.set(Key::principal_arn, "arn:insula:tenant:::user/alice-with-a-long-name");
    const AttachedPolicy attached{.name = "p", .policy = &policy};
    const Request request{.action = "tables:Search",
                          .resource = {.service = "tables", .path = "source/orders-of-last-year"},
                          .principal = "user/alice-with-a-long-name",
                          .context = context};
    const size_t before = allocations;
    const Decision decision = evaluate({&attached, 1}, request);
    const size_t made = allocations - before;
    EXPECT_EQ(decision.reason, Reason::allowed);
    return made;
}

TEST(Evaluate, AllocatesNothingWithoutVariables) {
    EXPECT_EQ(allocations_of(parsed(R"({"Version":"2012-10-17","Statement":[
        {"Effect":"Deny","Action":"tables:Write","Resource":"*"},
        {"Effect":"Allow","Action":["tables:*e?rch","s3:*"],"Resource":["*-of-*","source/?*"],
         "Condition":{"IpAddress":{"aws:SourceIp":["192.0.2.0/24","10.0.0.0/8"]},
                      "StringLike":{"aws:UserAgent":["x","an * a string"]},
                      "StringNotEqualsIgnoreCase":{"aws:UserAgent":"SOMEBODY ELSE ALTOGETHER"},
                      "NumericLessThan":{"s3:max-keys":11},
                      "DateLessThan":{"aws:TokenIssueTime":"2027-01-01T00:00:00Z",
                                      "aws:CurrentTime":"2027-01-01T00:00:00Z"},
                      "NumericEquals":{"aws:EpochTime":0},
                      "ArnLike":{"aws:PrincipalArn":"arn:insula:*:::user/*"},
                      "StringEqualsIfExists":{"aws:RequestTag/a-rather-long-name-of-a-tag":"x"},
                      "ForAllValues:StringEquals":{"aws:TagKeys":["a","b"]}}}]})")),
              0u);
    // Which shows that they are counted.
    const std::string text = allow_text("*", "source/${s3:delimiter, 'orders-of-last-year'}*");
    EXPECT_GT(allocations_of(parsed(text)), 0u);
}

}  // namespace
}  // namespace insula::policy

#endif
