// A table for people and spreadsheets: rows of cells, laid out for a terminal or written as CSV.
// Values; used by one thread.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "platform/json/json_value.h"

namespace insula::cli {

struct Cell {
    enum class Kind : uint8_t { absent, text, number };
    Kind kind = Kind::absent;
    std::string text;  // as it came; made printable when it is shown

    static Cell of_text(std::string text) { return {Kind::text, std::move(text)}; }
    static Cell of_count(uint64_t number) { return {Kind::number, std::to_string(number)}; }
    bool operator==(const Cell&) const = default;
};

using Row = std::vector<Cell>;

struct Table {
    std::vector<std::string> columns;
    std::vector<Row> rows;  // each may be shorter than columns: what is missing is absent
};

// Adds JSON objects as rows: nested objects become columns with dots, arrays stay JSON text, null
// is absent. Columns stand in the order in which they were first met.
class TableBuilder {
  public:
    TableBuilder() = default;
    // With these columns, in this order, and no others.
    explicit TableBuilder(std::vector<std::string> columns);

    void begin_row() { table_.rows.emplace_back(); }
    void add(std::string_view column, Cell cell);
    void add_value(const std::string& column, const json::JsonValue& value);
    void add_members(const json::JsonValue& object);

    Table& table() { return table_; }
    // Columns that came and were not asked for, or came too late to be shown.
    const std::vector<std::string>& left_out() const { return left_out_; }
    // From now on no column is added.
    void close_columns() { fixed_ = true; }

  private:
    // columns.size() where there is none of that name.
    size_t find_column(std::string_view column);

    Table table_;
    size_t next_ = 0;  // where the next column is expected
    bool fixed_ = false;
    std::vector<std::string> left_out_;
};

// How wide each column is and where its values stand: numbers at the right, all else at the left.
// Columns wider than there is room are cut, the widest first, never those of numbers; columns that
// have no room even so are left out, and "…" says so. Rows that were not there when it was made
// fit it as they can: text is cut, a wider number pushes the rest of its line to the right.
class TableLayout {
  public:
    // `width_max`: of the terminal in cells; 0: as wide as needed.
    TableLayout(const Table& table, size_t width_max);

    // Two lines: names and rules. Each with its newline; without columns nothing.
    std::string header() const;
    std::string row(const Row& row) const;

  private:
    struct Column {
        std::string name;
        size_t width = 0;
        size_t width_min = 0;  // of numbers, which are never cut
        bool right = false;
    };
    void fit(size_t width_max);
    std::string line(std::span<const std::string> texts) const;

    std::vector<Column> columns_;
    bool more_columns_ = false;
};

// The whole table.
std::string render_table(const Table& table, size_t width_max);
// RFC 4180 with a header line; an absent value is an empty field, an empty text "" in quotes.
std::string render_csv(const Table& table);

}  // namespace insula::cli
