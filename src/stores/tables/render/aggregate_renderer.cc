#include "stores/tables/render/aggregate_renderer.h"

#include "stores/tables/render/value_text.h"

namespace insula::tables {

namespace {

void write_value(json::JsonWriter& writer, engine::ResultType type,
                 const engine::ResultBatch::Column& column, uint32_t row) {
    if (!column.valid(row)) return writer.null();
    if (is_text(type)) {
        const std::string_view text = column.values<StringRef>()[row].view();
        return type == engine::ResultType::json ? writer.raw(text) : writer.string(text);
    }
    char text[kValueTextMax];
    const char* end = format_value(text, type, column, row, '"');
    writer.raw({text, end});
}

}  // namespace

void AggregateRenderer::begin(std::string& out) const { out += R"({"results":[)"; }

void AggregateRenderer::append(const engine::ResultBatch& batch, std::string& out) {
    json::JsonWriter writer(out);
    for (uint32_t row = 0; row < batch.rows; ++row) {
        if (rows_ == plan_.limit) {
            truncated_ = true;
            break;
        }
        if (rows_++ > 0) writer.separate();
        writer.begin_object();
        for (size_t i = 0; i < plan_.columns.size(); ++i) {
            writer.key(plan_.columns[i].alias);
            write_value(writer, plan_.columns[i].type, batch.columns[i], row);
        }
        writer.end_object();
    }
}

void AggregateRenderer::end(RequestStats stats, std::string& out) const {
    stats.rows_returned = rows_;
    out += truncated_ ? R"(],"truncated":true,"stats":)" : R"(],"stats":)";
    json::JsonWriter writer(out);
    write_stats(writer, stats);
    writer.finish();
    out += '}';
}

}  // namespace insula::tables
