// RecordProgram: how one row of a result becomes a JSON object, worked out once a query: the
// columns in such an order that nested objects are contiguous, with the text before each value
// ready to be copied. Writing a row allocates nothing. Immutable after construction; thread-safe.
//
// Members whose value is null are left out, and objects without members.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "platform/json/json_writer.h"
#include "stores/tables/planner/render_plan.h"

namespace insula::tables {

class RecordProgram {
  public:
    explicit RecordProgram(std::span<const RenderColumn> columns);

    // Writes the object at `at` (a place in `sink`); returns its end.
    char* write(json::TextSink& sink, char* at, const engine::ResultBatch& batch,
                uint32_t row) const;

    // Whether the row's object could have a member that `object`, a JSON object as minified text,
    // has too. Says true where it cannot tell cheaply.
    bool may_share_member(std::string_view object, const engine::ResultBatch& batch,
                          uint32_t row) const;

  private:
    enum class Step : uint8_t { open, close, value, string, json };
    struct Op {
        Step step;
        engine::ResultType type;
        uint32_t slot;
        uint32_t text;  // offset in texts_ of what comes first: `"key":` or `"key":{`
        uint32_t text_size;
    };
    struct Node;
    struct Hash {
        using is_transparent = void;
        size_t operator()(std::string_view text) const {
            return std::hash<std::string_view>{}(text);
        }
    };

    void add(const Node& node, size_t depth);
    uint32_t add_text(std::string_view key, std::string_view after);
    char* put_text(char* at, const Op& op) const;

    static constexpr size_t kDepthMax = 64;
    static constexpr uint32_t kObject = UINT32_MAX;
    // Texts are copied in blocks of this size where they fit one.
    static constexpr size_t kTextBlock = 32;

    std::vector<Op> ops_;
    std::string texts_;
    size_t row_bytes_ = 0;  // bound on everything of a row but the text of strings
    // The slot of each member of the outermost object; kObject for nested ones.
    std::unordered_map<std::string, uint32_t, Hash, std::equal_to<>> members_;
};

}  // namespace insula::tables
