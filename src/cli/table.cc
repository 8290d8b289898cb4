#include "cli/table.h"

#include <algorithm>
#include <utility>

#include "cli/display_text.h"

namespace insula::cli {

namespace {

constexpr std::string_view kGap = "  ";
constexpr std::string_view kMoreColumns = "…";
constexpr size_t kTextWidthMin = 8;      // narrower, a cut text says nothing
constexpr size_t kTextWidthMax = 1'000;  // where the width is not bounded: one cell's own bound
constexpr std::string_view kCsvQuoted = ",\"\r\n";

bool is_number_column(const Table& table, size_t at) {
    bool any = false;
    for (const Row& row : table.rows) {
        if (at >= row.size() || row[at].kind == Cell::Kind::absent) continue;
        if (row[at].kind != Cell::Kind::number) return false;
        any = true;
    }
    return any;
}

size_t total_width(std::span<const size_t> widths) {
    size_t total = 0;
    for (const size_t width : widths) total += width + kGap.size();
    return total == 0 ? 0 : total - kGap.size();
}

void append_csv_field(std::string& out, std::string_view text, bool absent) {
    if (absent) return;
    if (!text.empty() && text.find_first_of(kCsvQuoted) == std::string_view::npos) {
        out.append(text);
        return;
    }
    out.push_back('"');
    for (const char c : text) {
        if (c == '"') out.push_back('"');
        out.push_back(c);
    }
    out.push_back('"');
}

}  // namespace

TableBuilder::TableBuilder(std::vector<std::string> columns) : fixed_(true) {
    table_.columns = std::move(columns);
}

void TableBuilder::add(std::string_view column, Cell cell) {
    const size_t at = find_column(column);
    if (at == table_.columns.size()) {
        if (fixed_) {
            if (std::ranges::find(left_out_, column) == left_out_.end())
                left_out_.emplace_back(column);
            return;
        }
        table_.columns.emplace_back(column);
    }
    Row& row = table_.rows.back();
    if (row.size() <= at) row.resize(at + 1);
    row[at] = std::move(cell);
}

// Rows mostly have the same columns in the same order: the search begins behind the last one found.
size_t TableBuilder::find_column(std::string_view column) {
    const size_t count = table_.columns.size();
    for (size_t i = 0; i < count; ++i) {
        const size_t at = next_ + i < count ? next_ + i : next_ + i - count;
        if (table_.columns[at] != column) continue;
        next_ = at + 1 < count ? at + 1 : 0;
        return at;
    }
    next_ = 0;
    return count;
}

void TableBuilder::add_value(const std::string& column, const json::JsonValue& value) {
    // A column that was asked for by this name is shown whole.
    const bool known = fixed_ && find_column(column) < table_.columns.size();
    if (value.is_object() && !value.object().empty() && !known) {
        for (const json::JsonMember& member : value.object()) {
            add_value(column + "." + member.name, member.value);
        }
    } else if (value.is_null()) {
        add(column, Cell());
    } else if (value.is_string()) {
        add(column, Cell::of_text(value.string()));
    } else if (value.is_number()) {
        add(column, {Cell::Kind::number, value.text()});
    } else {
        add(column, Cell::of_text(value.text()));
    }
}

void TableBuilder::add_members(const json::JsonValue& object) {
    if (!object.is_object()) return;
    for (const json::JsonMember& member : object.object()) add_value(member.name, member.value);
}

TableLayout::TableLayout(const Table& table, size_t width_max) {
    for (size_t at = 0; at < table.columns.size(); ++at) {
        Column column{.name = printable(table.columns[at]), .right = is_number_column(table, at)};
        size_t widest = 0;
        for (const Row& row : table.rows) {
            if (at < row.size()) widest = std::max(widest, display_width(printable(row[at].text)));
        }
        column.width = std::max(widest, display_width(column.name));
        if (column.right) column.width_min = widest;
        columns_.push_back(std::move(column));
    }
    fit(width_max);
}

void TableLayout::fit(size_t width_max) {
    std::vector<size_t> widths;
    for (Column& column : columns_) {
        if (!column.right) column.width = std::min(column.width, kTextWidthMax);
        widths.push_back(column.width);
    }
    if (width_max == 0 || total_width(widths) <= width_max) return;
    // The greatest width of texts and names at which everything fits.
    const auto widths_at = [&](size_t text_max) {
        for (size_t i = 0; i < columns_.size(); ++i) {
            widths[i] = std::max(columns_[i].width_min, std::min(columns_[i].width, text_max));
        }
        return total_width(widths);
    };
    size_t text_max = std::max(width_max, kTextWidthMin);
    while (text_max > kTextWidthMin && widths_at(text_max) > width_max) --text_max;
    const size_t room = width_max - std::min(width_max, kGap.size() + 1);  // for "…"
    size_t shown = columns_.size();
    if (widths_at(text_max) > width_max) {
        while (shown > 1 && total_width(std::span(widths).first(shown)) > room) --shown;
    }
    more_columns_ = shown < columns_.size();
    columns_.resize(shown);
    const size_t widest = more_columns_ ? room : width_max;
    for (size_t i = 0; i < shown; ++i) columns_[i].width = std::min(widths[i], widest);
}

std::string TableLayout::line(std::span<const std::string> texts) const {
    std::string out;
    for (size_t i = 0; i < columns_.size(); ++i) {
        const Column& column = columns_[i];
        const std::string& text = texts[i];
        const size_t blanks = column.width - std::min(column.width, display_width(text));
        if (i > 0) out.append(kGap);
        if (column.right) out.append(blanks, ' ');
        out.append(text);
        if (!column.right) out.append(blanks, ' ');
    }
    if (more_columns_) out.append(kGap).append(kMoreColumns);
    out.resize(out.find_last_not_of(' ') + 1);
    return out.append("\n");
}

std::string TableLayout::header() const {
    if (columns_.empty()) return {};
    std::vector<std::string> names;
    std::vector<std::string> rules;
    for (const Column& column : columns_) {
        names.push_back(cut_to_width(column.name, column.width));
        rules.emplace_back(column.width, '-');
    }
    return line(names) + line(rules);
}

std::string TableLayout::row(const Row& row) const {
    if (columns_.empty()) return {};
    std::vector<std::string> texts(columns_.size());
    for (size_t i = 0; i < columns_.size() && i < row.size(); ++i) {
        texts[i] = printable(row[i].text);
        // A number of which digits are missing is another number: rather a line out of step.
        if (row[i].kind != Cell::Kind::number) texts[i] = cut_to_width(texts[i], columns_[i].width);
    }
    return line(texts);
}

std::string render_table(const Table& table, size_t width_max) {
    const TableLayout layout(table, width_max);
    std::string out = layout.header();
    for (const Row& row : table.rows) out += layout.row(row);
    return out;
}

std::string render_csv(const Table& table) {
    std::string out;
    const auto end_line = [&] { out.append("\n"); };
    for (size_t i = 0; i < table.columns.size(); ++i) {
        if (i > 0) out.push_back(',');
        append_csv_field(out, table.columns[i], false);
    }
    end_line();
    for (const Row& row : table.rows) {
        for (size_t i = 0; i < table.columns.size(); ++i) {
            if (i > 0) out.push_back(',');
            const bool absent = i >= row.size() || row[i].kind == Cell::Kind::absent;
            append_csv_field(out, absent ? std::string_view() : row[i].text, absent);
        }
        end_line();
    }
    return out;
}

}  // namespace insula::cli
