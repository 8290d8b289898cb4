// The arguments that search and aggregate share: sources, filters, order, limit.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "platform/json/json_value.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the library's own name
class App;
}

namespace insula::cli {

class QueryFlags {
  public:
    // Adds SOURCE..., --filter, --filters, --order-by and --limit. This object must outlive the
    // parse.
    void add_to(CLI::App& command);
    // "sources", "filters", "order_by" and "limit" of the request, as far as they were given.
    Status add_members(json::JsonValue::Object& request) const;
    size_t source_count() const { return sources_.size(); }
    const std::optional<uint64_t>& limit() const { return limit_; }

  private:
    std::vector<std::string> sources_;
    std::vector<std::string> expressions_;
    std::string filters_;
    std::string order_by_;
    std::optional<uint64_t> limit_;
};

// One filter that holds where all expressions and `json` (which may be empty) do; nothing if there
// are none.
Result<std::optional<json::JsonValue>> read_filters(const std::vector<std::string>& expressions,
                                                    std::string_view json, std::string_view flag);

}  // namespace insula::cli
