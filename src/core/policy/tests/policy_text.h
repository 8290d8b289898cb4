// Policies of tests, put together from their parts.
#pragma once

#include <gtest/gtest.h>

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "core/policy/policy.h"

namespace insula::policy {

// A policy of one statement; `rest` are further elements, beginning with a comma.
inline std::string allow_text(std::string_view action, std::string_view resource,
                              std::string_view rest = "") {
    return fmt::format(R"({{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"{}",)"
                       R"("Resource":"{}"{}}}}})",
                       action, resource, rest);
}

// One that allows everything where its condition holds.
inline std::string condition_text(std::string_view condition, std::string_view effect = "Allow") {
    return fmt::format(
        R"({{"Version":"2012-10-17","Statement":{{"Effect":"{}","Action":"*","Resource":"*",)"
        R"("Condition":{}}}}})",
        effect, condition);
}

inline Policy parsed(std::string_view text, PolicyKind kind = PolicyKind::identity) {
    auto policy = Policy::parse(text, kind);
    EXPECT_TRUE(policy) << (policy ? "" : policy.error().describe()) << " in " << text;
    return policy ? *std::move(policy) : Policy();
}

}  // namespace insula::policy
