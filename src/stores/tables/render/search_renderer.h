// SearchRenderer: result batches to records, as one JSON envelope or as a stream of NDJSON lines.
// Text is appended to the caller's string, batch by batch; nothing is kept between batches. Used by
// one thread.
//
// A record's `fields` is the document as it was written, nested; columns that are null are absent.
// Where a value stands both in a column and in `_rest` (a date that was not written canonically),
// `fields` shows the column's and `document` the original.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "stores/tables/planner/render_plan.h"
#include "stores/tables/render/record_program.h"
#include "stores/tables/render/stats.h"

namespace insula::tables {

enum class RecordFormat : uint8_t {
    envelope,  // {"records":[…],"stats":{…}}
    lines,     // {"record":{…}} a line, the last {"end":{…}} or {"error":{…}}
};

class SearchRenderer {
  public:
    SearchRenderer(const SearchRenderPlan& plan, RecordFormat format);
    ~SearchRenderer();

    void begin(std::string& out);
    // Fails with internal if `_rest` is damaged.
    Status append(const engine::ResultBatch& batch, std::string& out);
    // `stats.rows_returned` is filled in.
    void end(RequestStats stats, std::string& out);

    uint64_t rows() const { return rows_; }

  private:
    struct SourceWriter;

    const SearchRenderPlan plan_;
    const RecordFormat format_;
    std::vector<std::unique_ptr<SourceWriter>> sources_;
    uint64_t rows_ = 0;
};

// {"code": …, "message": …, "hint": …, "request_id": …}; without a hint if there is none.
void write_error(json::JsonWriter& writer, const Error& error, std::string_view request_id);
// The last line of a stream that failed after it began: {"error":{…}}
void append_error_line(const Error& error, std::string_view request_id, std::string& out);

}  // namespace insula::tables
