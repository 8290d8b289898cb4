#include "stores/tables/render/csv_renderer.h"

#include <algorithm>

#include "base/check.h"
#include "stores/tables/columns.h"
#include "stores/tables/render/value_text.h"

namespace insula::tables {

namespace {

bool needs_quotes(std::string_view text) {
    return text.empty() || text.find_first_of(",\"\r\n") != std::string_view::npos ||
           text.front() == ' ' || text.back() == ' ';
}

void append_field(std::string& out, std::string_view text) {
    if (!needs_quotes(text)) {
        out += text;
        return;
    }
    out += '"';
    for (size_t at = 0;;) {
        const size_t quote = text.find('"', at);
        out += text.substr(at, quote - at);
        if (quote == std::string_view::npos) break;
        out += "\"\"";
        at = quote + 1;
    }
    out += '"';
}

void append_value(std::string& out, engine::ResultType type,
                  const engine::ResultBatch::Column& column, uint32_t row) {
    if (is_text(type)) return append_field(out, column.values<StringRef>()[row].view());
    char text[kValueTextMax];
    out.append(text, format_value(text, type, column, row, 0));
}

}  // namespace

CsvRenderer::CsvRenderer(const SearchRenderPlan& plan) {
    if (plan.source_slot) {
        source_slot_ = *plan.source_slot;
        for (const RenderSource& source : plan.sources) {
            append_field(source_ids_.emplace_back(), source.source_id);
        }
    }
    for (const RenderSource& source : plan.sources) {
        for (const RenderColumn& column : source.fields) {
            add(column.name, {column.slot, result_type_of(column.type)});
        }
    }
    for (const RenderSource& source : plan.sources) {
        if (source.rest_in_fields) {
            add(kRestColumnName, {*source.rest_slot, engine::ResultType::json});
        }
    }
}

CsvRenderer::CsvRenderer(const AggregateRenderPlan& plan) : limit_(plan.limit) {
    for (uint32_t i = 0; i < plan.columns.size(); ++i) {
        columns_.push_back({plan.columns[i].alias, {{i, plan.columns[i].type}}});
    }
}

void CsvRenderer::add(std::string_view name, Value value) {
    auto at = std::ranges::find(columns_, name, &Column::name);
    if (at == columns_.end()) {
        columns_.push_back({std::string(name), {value}});
        return;
    }
    const bool known = std::ranges::any_of(
        at->values, [&](const Value& other) { return other.slot == value.slot; });
    if (!known) at->values.push_back(value);
}

void CsvRenderer::begin(std::string& out) const {
    if (!source_ids_.empty()) out += "source_id,";
    for (const Column& column : columns_) {
        append_field(out, column.name);
        out += ',';
    }
    if (out.ends_with(',')) out.pop_back();
    out += "\r\n";
}

void CsvRenderer::append(const engine::ResultBatch& batch, std::string& out) {
    for (uint32_t row = 0; row < batch.rows; ++row) {
        if (rows_ == limit_) {
            truncated_ = true;
            return;
        }
        ++rows_;
        const size_t start = out.size();
        if (!source_ids_.empty()) {
            const int64_t source = batch.columns[source_slot_].values<int64_t>()[row];
            out += source_ids_[static_cast<size_t>(source)];
            out += ',';
        }
        for (const Column& column : columns_) {
            for (const Value& value : column.values) {
                if (!batch.columns[value.slot].valid(row)) continue;
                append_value(out, value.type, batch.columns[value.slot], row);
                break;
            }
            out += ',';
        }
        if (out.size() > start) out.pop_back();
        out += "\r\n";
    }
}

}  // namespace insula::tables
