// The policy language a second time, to compare with: straight from the JSON, one rule after the
// other as AWS describes them, slowly, and without any code of the evaluator's. What stands in
// docs/reference/policies.md is what both were written from.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "platform/json/json_value.h"

namespace insula::policy::reference {

struct Request {
    std::string action;
    std::string service;
    std::string path;
    std::string principal;
    std::map<std::string, std::vector<std::string>> context;  // keys in lower case
};

struct NamedPolicy {
    std::string name;
    json::JsonValue document;
    bool of_resource = false;
};

struct Verdict {
    std::string reason = "no_statement_matched";
    std::string policy;
    size_t statement = 0;
    bool operator==(const Verdict&) const = default;
};

bool applies(const NamedPolicy& policy, const json::JsonValue& statement, const Request& request);
Verdict judge(const std::vector<NamedPolicy>& policies, const Request& request);
// The statements of a document, in order.
std::vector<json::JsonValue> statements_of(const json::JsonValue& document);

}  // namespace insula::policy::reference
