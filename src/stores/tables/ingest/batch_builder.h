// BatchBuilder: turns documents, row by row and value by value, into typed columns against a
// source's schema. The JSON, CSV and Parquet readers all write through it, so that the rules of
// kinds live here alone:
//
//  - a value of its column's kind is stored; int64 and float64 are one kind: a fraction turns an
//    integer column into float64 if every value stored so far is exact in it (and otherwise goes to
//    `_rest`);
//  - a new key becomes a column if Schema allows; everything else goes to `_rest`, a JSON object of
//    the same nesting: values of another kind, explicit nulls, empty objects, numbers beyond 64
//    bits;
//  - a date or timestamp column takes text; the text itself is kept in `_rest` where it is not what
//    the value prints as, so that the document can be had back.
//
// Use: begin_row(), then for each member of the document field() and one put_…(), enter_object()/
// leave_object() for nested ones, end_row(); finish() at the end. Not thread-safe; any error ends
// the batch.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "base/string_hash.h"
#include "stores/tables/ingest/batch.h"
#include "stores/tables/ingest/schema.h"

namespace insula::tables {

inline constexpr size_t kDocumentLeavesMax = 9'999;  // values in one document
inline constexpr size_t kRestBytesMax = 16u << 20;   // `_rest` of one document

class BatchBuilder {
  public:
    explicit BatchBuilder(SchemaPtr schema);

    // Where a member of the current object stands. `key` must outlive the put that follows.
    struct Field {
        std::string_view key;
        Schema::NodeIndex node = Schema::kNone;
    };

    void begin_row();
    // Makes the column `key` of this type below the root, unless the source has one or may not have
    // it. `declared`: by somebody, rather than concluded from the values.
    void declare(std::string_view key, ColumnType type, bool declared);
    // The member `key` of the current object. Fails with duplicate_key and too_many_columns.
    Result<Field> field(std::string_view key);
    // The same where the caller knows the node from an earlier row.
    Status visit(const Field& field);

    void put_null(const Field& field);
    void put_bool(const Field& field, bool value);
    void put_int(const Field& field, int64_t value);
    void put_double(const Field& field, double value);
    void put_string(const Field& field, std::string_view value);
    void put_date(const Field& field, int32_t days);
    void put_timestamp(const Field& field, int64_t nanos);
    // An array, or an object that is not taken apart: one JSON value as minified text.
    void put_json(const Field& field, std::string_view text);
    // A value that no column may hold, as JSON text: a number beyond 64 bits.
    void put_rest(const Field& field, std::string_view text);

    // Whether an object at `field` is taken apart. If not, it goes by put_json().
    bool enters_object(const Field& field) const;
    void enter_object(const Field& field);
    void leave_object();

    Status end_row();
    uint64_t rows() const { return rows_ + row_; }
    uint64_t bytes() const { return bytes_; }  // of finished chunks
    const Schema& schema() const { return *schema_; }
    Schema::NodeIndex current_node() const { return frames_[depth_].node; }

    Batch finish();

  private:
    struct Column {
        ColumnType type = ColumnType::int64;
        std::vector<std::byte> values;
        std::vector<uint8_t> valid;
        uint32_t filled = 0;  // rows that have a value or a null
    };
    struct Frame {
        Schema::NodeIndex node = Schema::kRoot;  // kNone: no column below this object yet
        std::string key;
        bool rest_open = false;
        bool empty = true;
        // Seen without a node, for duplicates.
        std::unordered_set<std::string, StringHash, std::equal_to<>> unknown_keys;

        void forget_unknown_keys();
    };

    // The column for a value of `type` at `field`, made if new; kNone if the value goes to `_rest`.
    uint32_t column_for(const Field& field, ColumnType type);
    uint32_t add_column(const Field& field, ColumnType type);
    uint32_t make_column(std::string_view key, ColumnType type, bool declared);
    Schema& changed_schema();
    void mark_changed(uint32_t column);
    Column& builder(uint32_t column);
    template <class T>
    void store(uint32_t column, T value);
    void store_text(uint32_t column, std::string_view text);
    void put_int_into(uint32_t column, const Field& field, int64_t value);
    bool promote(uint32_t column);
    void put_time_text(uint32_t column, const Field& field, std::string_view text);
    void finish_chunk();

    SchemaPtr base_;
    SchemaPtr schema_;
    std::shared_ptr<Schema> changed_;  // == schema_ once the batch has changed it
    std::vector<uint32_t> changed_columns_;

    std::vector<Column> columns_;  // by index in the schema
    std::vector<uint32_t> used_;   // columns with a value in the current chunk
    TextArena text_;
    Column rest_;
    uint32_t row_ = 0;  // in the current chunk

    std::vector<Frame> frames_;
    size_t depth_ = 0;
    std::vector<std::string> path_;  // keys of the frames below the root
    std::vector<uint64_t> seen_;     // by node: the document that visited it last
    uint64_t document_ = 0;
    size_t leaves_ = 0;
    std::string rest_text_;

    std::vector<std::shared_ptr<const Chunk>> chunks_;
    uint64_t rows_ = 0;
    uint64_t bytes_ = 0;
};

// Whether `value` and back is the same integer.
bool exact_in_double(int64_t value);

}  // namespace insula::tables
