// RecordProgram: how one row of a result becomes a JSON object, worked out once a query: the
// columns in such an order that nested objects are contiguous, with the text before each value
// ready to be copied. Writing a row allocates nothing. Immutable after construction; thread-safe.
//
// Members whose value is null are left out, and objects without members. A row may have members of
// its own beside the columns (of `_rest`).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/string_hash.h"
#include "platform/json/json_writer.h"
#include "stores/tables/planner/render_plan.h"

namespace insula::tables {

class RecordProgram {
  public:
    explicit RecordProgram(std::span<const RenderColumn> columns);

    // A member that a row has beside its columns: `"key":value` as JSON text, and the object that
    // it goes into.
    struct Extra {
        uint32_t object;
        std::string_view member;
    };
    // What a row has beside its columns. Reused from row to row.
    struct Extras {
        std::vector<Extra> members;      // by object, once find_extras() has returned
        std::vector<uint32_t> replaced;  // slots of columns that members stand for, ascending

        void clear() {
            members.clear();
            replaced.clear();
        }
    };
    // Takes `object`, a JSON object as minified text, apart into what the row's columns do not
    // have. Where a member stands in both, `prefers_columns` says which is taken. False if that
    // cannot be told cheaply: the two must then be merged value by value.
    bool find_extras(std::string_view object, bool prefers_columns,
                     const engine::ResultBatch& batch, uint32_t row, Extras& extras) const;

    // Writes the object at `at` (a place in `sink`); returns its end.
    char* write(json::TextSink& sink, char* at, const engine::ResultBatch& batch, uint32_t row,
                const Extras& extras) const;

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
    // What stands behind a key: a column's slot, or an object's index.
    struct Member {
        bool is_object;
        uint32_t index;
        bool is_json = false;  // of a column: its value may be an object
    };
    using Members = std::unordered_map<std::string, Member, StringHash, std::equal_to<>>;

    void add_object(const Node& node, uint32_t object);
    void add_value(const Node& node);
    void add_text(std::string_view key, std::string_view after, Op& op);
    char* put_text(char* at, const Op& op) const;
    char* put_extras(json::TextSink& sink, char* at, uint32_t object,
                     std::span<const Extra> extras) const;
    struct Row {
        const engine::ResultBatch& batch;
        uint32_t row;
        bool prefers_columns;
    };
    bool find_extras(std::string_view text, uint32_t object, const Row& row, Extras& extras) const;

    static constexpr size_t kDepthMax = 64;
    // Texts are copied in blocks of this size where they fit one.
    static constexpr size_t kTextBlock = 32;

    std::vector<Op> ops_;
    std::string texts_;
    size_t row_bytes_ = 0;          // bound on everything of a row but the text of strings
    std::vector<Members> objects_;  // the outermost one first
};

}  // namespace insula::tables
