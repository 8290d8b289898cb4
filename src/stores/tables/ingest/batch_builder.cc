#include "stores/tables/ingest/batch_builder.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/check.h"
#include "platform/json/append.h"
#include "platform/json/time_text.h"
#include "stores/tables/columns.h"

namespace insula::tables {

namespace {

constexpr size_t kKeptBuckets = 1024;  // of a set that is cleared for each row

constexpr uint32_t kFirstCapacity = 16;  // rows; doubled as needed up to kChunkRowsMax

// Gives `column` room for row `row` and nulls for the rows since its last value.
template <class Column>
void make_room(Column& column, uint32_t row) {
    if (row >= column.valid.size()) {
        const size_t capacity = std::min<size_t>(
            kChunkRowsMax, std::max<size_t>(kFirstCapacity, std::bit_ceil(row + 1u)));
        column.valid.resize(capacity);
        column.values.resize(capacity * column_type_width(column.type));
    }
    if (column.filled < row) {
        const size_t width = column_type_width(column.type);
        std::memset(column.valid.data() + column.filled, 0, row - column.filled);
        std::memset(column.values.data() + column.filled * width, 0, (row - column.filled) * width);
        column.filled = row;
    }
}

template <class Column, class T>
void store_at(Column& column, uint32_t row, T value) {
    make_room(column, row);
    std::memcpy(column.values.data() + size_t{row} * sizeof value, &value, sizeof value);
    column.valid[row] = 1;
    column.filled = row + 1;
}

}  // namespace

bool exact_in_double(int64_t value) {
    constexpr int64_t kAllBelow = int64_t{1} << 53;
    if (value >= -kAllBelow && value <= kAllBelow) return true;
    const auto rounded = static_cast<double>(value);
    // 2^63 as a double does not fit back.
    return rounded < 0x1p63 && static_cast<int64_t>(rounded) == value;
}

BatchBuilder::BatchBuilder(SchemaPtr schema)
    : base_(schema), schema_(std::move(schema)), columns_(schema_->columns().size()), frames_(1) {
    for (size_t i = 0; i < columns_.size(); ++i) columns_[i].type = schema_->columns()[i].type;
    rest_.type = ColumnType::json;
    seen_.resize(schema_->node_count());
}

void BatchBuilder::Frame::forget_unknown_keys() {
    if (unknown_keys.empty()) return;
    // Clearing takes as long as there are buckets: one large object must not slow the next ones.
    if (unknown_keys.bucket_count() > kKeptBuckets) {
        unknown_keys = {};
    } else {
        unknown_keys.clear();
    }
}

void BatchBuilder::begin_row() {
    INSULA_CHECK(depth_ == 0, "a row begins at the root");
    ++document_;
    leaves_ = 0;
    rest_text_.clear();
    frames_[0].rest_open = false;
    frames_[0].forget_unknown_keys();
}

Result<BatchBuilder::Field> BatchBuilder::field(std::string_view key) {
    const Frame& frame = frames_[depth_];
    const Field found{
        key, frame.node == Schema::kNone ? Schema::kNone : schema_->child(frame.node, key)};
    RETURN_IF_ERROR(visit(found));
    return found;
}

Status BatchBuilder::visit(const Field& field) {
    const auto duplicate = [&] {
        return fail(invalid_argument("duplicate_key", "A document holds the key \"" +
                                                          std::string(field.key.substr(0, 100)) +
                                                          "\" twice in the same object."));
    };
    if (++leaves_ > kDocumentLeavesMax) {
        return fail(invalid_argument("too_many_columns", "A document holds more than " +
                                                             std::to_string(kDocumentLeavesMax) +
                                                             " values.")
                        .with_hint("Put repeated values into an array."));
    }
    Frame& frame = frames_[depth_];
    frame.empty = false;
    if (field.node != Schema::kNone) {
        if (seen_[field.node] == document_) return duplicate();
        seen_[field.node] = document_;
        // A key that this object first had without a node gets one only from a later document.
        return {};
    }
    if (!frame.unknown_keys.emplace(field.key).second) return duplicate();
    return {};
}

void BatchBuilder::put_null(const Field& field) { put_rest(field, "null"); }

void BatchBuilder::put_bool(const Field& field, bool value) {
    const uint32_t column = column_for(field, ColumnType::boolean);
    const std::string_view text = value ? "true" : "false";
    if (column == Schema::kNone) return put_rest(field, text);
    if (schema_->column(column).type == ColumnType::json) return store_text(column, text);
    store(column, static_cast<uint8_t>(value));
}

void BatchBuilder::put_int(const Field& field, int64_t value) {
    const uint32_t column = column_for(field, ColumnType::int64);
    if (column == Schema::kNone) return put_rest(field, std::to_string(value));
    put_int_into(column, field, value);
}

void BatchBuilder::put_int_into(uint32_t column, const Field& field, int64_t value) {
    const catalog::Column& definition = schema_->column(column);
    if (definition.type == ColumnType::json) return store_text(column, std::to_string(value));
    const bool exact = exact_in_double(value);
    if (definition.type == ColumnType::float64) {
        if (!exact) return put_rest(field, std::to_string(value));
        return store(column, static_cast<double>(value));
    }
    if (!exact && definition.exact_in_double) {
        catalog::Column changed = definition;
        changed.exact_in_double = false;
        changed_schema().upsert(changed);
        mark_changed(column);
    }
    store(column, value);
}

void BatchBuilder::put_double(const Field& field, double value) {
    INSULA_CHECK(std::isfinite(value), "documents hold finite numbers");
    const uint32_t column = column_for(field, ColumnType::float64);
    const ColumnType type =
        column == Schema::kNone ? ColumnType::json : schema_->column(column).type;
    if (type == ColumnType::float64) return store(column, value);
    std::string text;
    json::append_double(text, value);
    if (column != Schema::kNone) {
        if (type == ColumnType::json) return store_text(column, text);
        // An integer column: 5.0 is the integer 5; 5.5 turns the column if it may.
        if (value == std::trunc(value) && std::abs(value) < 0x1p63 &&
            !(value == 0 && std::signbit(value))) {
            return put_int_into(column, field, static_cast<int64_t>(value));
        }
        if (promote(column)) return store(column, value);
    }
    put_rest(field, text);
}

void BatchBuilder::put_string(const Field& field, std::string_view value) {
    const uint32_t column = column_for(field, ColumnType::string);
    if (column != Schema::kNone) {
        const ColumnType type = schema_->column(column).type;
        if (type == ColumnType::string) return store_text(column, value);
        if (type != ColumnType::json) return put_time_text(column, field, value);
    }
    std::string text;
    json::append_string(text, value);
    if (column != Schema::kNone) return store_text(column, text);
    put_rest(field, text);
}

void BatchBuilder::put_time_text(uint32_t column, const Field& field, std::string_view text) {
    std::string printed;
    if (schema_->column(column).type == ColumnType::date) {
        if (const auto days = json::parse_date(text)) {
            store(column, *days);
            printed = json::date_text(*days);
        }
    } else if (const auto nanos = json::parse_timestamp(text)) {
        store(column, *nanos);
        printed = json::timestamp_text(*nanos);
    }
    if (printed == text && !text.empty()) return;
    std::string quoted;
    json::append_string(quoted, text);
    put_rest(field, quoted);
}

void BatchBuilder::put_date(const Field& field, int32_t days) {
    const uint32_t column = column_for(field, ColumnType::date);
    if (column != Schema::kNone) {
        const ColumnType type = schema_->column(column).type;
        if (type == ColumnType::date) return store(column, days);
        if (type == ColumnType::timestamp) {
            return store(column, int64_t{days} * 86'400 * 1'000'000'000);
        }
    }
    put_string(field, json::date_text(days));
}

void BatchBuilder::put_timestamp(const Field& field, int64_t nanos) {
    const uint32_t column = column_for(field, ColumnType::timestamp);
    if (column != Schema::kNone && schema_->column(column).type == ColumnType::timestamp) {
        return store(column, nanos);
    }
    put_string(field, json::timestamp_text(nanos));
}

void BatchBuilder::put_json(const Field& field, std::string_view text) {
    const uint32_t column = column_for(field, ColumnType::json);
    if (column == Schema::kNone) return put_rest(field, text);
    store_text(column, text);
}

void BatchBuilder::put_rest(const Field& field, std::string_view text) {
    // Opens the enclosing objects in the text as far as they are not open yet.
    for (size_t i = 0; i <= depth_; ++i) {
        Frame& frame = frames_[i];
        if (frame.rest_open) continue;
        if (i > 0) {
            if (rest_text_.back() != '{') rest_text_.push_back(',');
            json::append_string(rest_text_, frame.key);
            rest_text_.push_back(':');
        }
        rest_text_.push_back('{');
        frame.rest_open = true;
    }
    if (rest_text_.back() != '{') rest_text_.push_back(',');
    json::append_string(rest_text_, field.key);
    rest_text_.push_back(':');
    rest_text_.append(text);
}

bool BatchBuilder::enters_object(const Field& field) const {
    if (depth_ + 1 >= kNestingMax) return false;
    if (depth_ == 0 && field.key.starts_with('_')) return false;
    return field.node == Schema::kNone || schema_->node_column(field.node) == Schema::kNone;
}

void BatchBuilder::enter_object(const Field& field) {
    path_.emplace_back(field.key);
    if (++depth_ == frames_.size()) frames_.emplace_back();
    Frame& frame = frames_[depth_];
    frame.node = field.node;
    frame.key.assign(field.key);
    frame.rest_open = false;
    frame.empty = true;
    frame.forget_unknown_keys();
}

void BatchBuilder::leave_object() {
    INSULA_CHECK(depth_ > 0, "every object that is left was entered");
    if (frames_[depth_].rest_open) rest_text_.push_back('}');
    const bool empty = frames_[depth_].empty;
    path_.pop_back();
    --depth_;
    if (empty) put_rest({frames_[depth_ + 1].key, Schema::kNone}, "{}");
}

Status BatchBuilder::end_row() {
    INSULA_CHECK(depth_ == 0, "every object that was entered is left");
    if (frames_[0].rest_open) {
        rest_text_.push_back('}');
        if (rest_text_.size() > kRestBytesMax) {
            return fail(invalid_argument("document_too_large",
                                         "A document holds too much that fits no column."));
        }
        store_at(rest_, row_, text_.store(rest_text_));
    }
    if (++row_ == kChunkRowsMax) finish_chunk();
    return {};
}

uint32_t BatchBuilder::column_for(const Field& field, ColumnType type) {
    uint32_t column =
        field.node == Schema::kNone ? Schema::kNone : schema_->node_column(field.node);
    if (column == Schema::kNone) {
        // A key that became a column earlier in this batch is found by its path's node.
        if (field.node != Schema::kNone && schema_->has_children(field.node)) return Schema::kNone;
        return add_column(field, type);
    }
    const ColumnType held = schema_->column(column).type;
    const bool fits = held == type || held == ColumnType::json ||
                      (is_number(held) && is_number(type)) ||
                      (type == ColumnType::string &&
                       (held == ColumnType::date || held == ColumnType::timestamp)) ||
                      (type == ColumnType::date && held == ColumnType::timestamp);
    return fits ? column : Schema::kNone;
}

void BatchBuilder::declare(std::string_view key, ColumnType type, bool declared) {
    INSULA_CHECK(depth_ == 0, "columns are declared at the root");
    // Where there is a node, there is a column, or there are columns below it.
    if (schema_->child(Schema::kRoot, key) == Schema::kNone) make_column(key, type, declared);
}

uint32_t BatchBuilder::make_column(std::string_view key, ColumnType type, bool declared) {
    const uint32_t column = changed_schema().add(path_, key, type, declared);
    if (column == Schema::kNone) return Schema::kNone;
    mark_changed(column);
    columns_.resize(schema_->columns().size());
    columns_[column].type = type;
    seen_.resize(schema_->node_count());
    return column;
}

uint32_t BatchBuilder::add_column(const Field& field, ColumnType type) {
    const uint32_t column = make_column(field.key, type, false);
    if (column == Schema::kNone) return Schema::kNone;
    // Frames that had no node may have one now; the new nodes count as visited in this document.
    Schema::NodeIndex node = Schema::kRoot;
    for (size_t i = 0; i < depth_; ++i) {
        node = schema_->child(node, path_[i]);
        frames_[i + 1].node = node;
        seen_[node] = document_;
    }
    seen_[schema_->child(node, field.key)] = document_;
    return column;
}

Schema& BatchBuilder::changed_schema() {
    if (!changed_) {
        changed_ = std::make_shared<Schema>(*schema_);
        schema_ = changed_;
    }
    return *changed_;
}

void BatchBuilder::mark_changed(uint32_t column) {
    const bool known = std::ranges::find(changed_columns_, column) != changed_columns_.end();
    if (!known) changed_columns_.push_back(column);
}

BatchBuilder::Column& BatchBuilder::builder(uint32_t column) {
    Column& builder = columns_[column];
    if (builder.filled == 0) used_.push_back(column);
    return builder;
}

template <class T>
void BatchBuilder::store(uint32_t column, T value) {
    store_at(builder(column), row_, value);
}

void BatchBuilder::store_text(uint32_t column, std::string_view text) {
    store_at(builder(column), row_, text_.store(text));
}

bool BatchBuilder::promote(uint32_t column) {
    catalog::Column definition = schema_->column(column);
    if (definition.type != ColumnType::int64 || !definition.exact_in_double) return false;
    definition.type = ColumnType::float64;
    changed_schema().upsert(definition);
    mark_changed(column);
    // Values of the current chunk turn; finished chunks keep theirs, which scans convert.
    Column& held = columns_[column];
    held.type = ColumnType::float64;
    for (uint32_t row = 0; row < held.filled; ++row) {
        std::byte* at = held.values.data() + size_t{row} * 8;
        int64_t integer;
        std::memcpy(&integer, at, 8);
        const auto real = static_cast<double>(integer);
        std::memcpy(at, &real, 8);
    }
    return true;
}

void BatchBuilder::finish_chunk() {
    if (row_ == 0) return;
    std::vector<ColumnSpec> specs;
    specs.reserve(used_.size() + 1);
    std::vector<Column*> builders;
    std::ranges::sort(used_);
    for (const uint32_t column : used_) {
        specs.push_back({schema_->column(column).id, columns_[column].type});
        builders.push_back(&columns_[column]);
    }
    if (rest_.filled > 0) {
        specs.push_back({kRestColumn, ColumnType::json});
        builders.push_back(&rest_);
    }
    auto chunk = std::make_shared<Chunk>(specs, row_, std::move(text_));
    text_ = TextArena();
    for (size_t i = 0; i < builders.size(); ++i) {
        ChunkColumn& target = chunk->writable_columns()[i];
        Column& from = *builders[i];
        const size_t width = column_type_width(from.type);
        // The tail rows without a value stay null: the chunk's validity starts as zeros.
        std::memcpy(target.data, from.values.data(), from.filled * width);
        std::memset(target.data + from.filled * width, 0, (row_ - from.filled) * width);
        std::memcpy(target.valid, from.valid.data(), from.filled);
        from.filled = 0;
    }
    used_.clear();
    chunk->add_rows(row_);
    rows_ += row_;
    row_ = 0;
    bytes_ += chunk->bytes();
    chunks_.push_back(std::move(chunk));
}

Batch BatchBuilder::finish() {
    finish_chunk();
    Batch batch;
    batch.chunks = std::move(chunks_);
    batch.rows = rows_;
    batch.bytes = bytes_;
    batch.base = base_;
    batch.schema = schema_;
    for (const uint32_t column : changed_columns_) batch.changes.push_back(schema_->column(column));
    return batch;
}

}  // namespace insula::tables
