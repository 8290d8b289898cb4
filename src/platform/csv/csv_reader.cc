#include "platform/csv/csv_reader.h"

namespace insula::csv {

namespace {

Error malformed_csv(std::string_view what, size_t offset) {
    return invalid_argument("malformed_csv", "The body is not valid CSV: " + std::string(what) +
                                                 " at byte " + std::to_string(offset) + ".");
}

Error too_many_fields(size_t row_offset) {
    return invalid_argument("too_many_columns", "The row at byte " + std::to_string(row_offset) +
                                                    " has more than " +
                                                    std::to_string(kCsvFieldsMax) + " fields.");
}

}  // namespace

Result<bool> CsvReader::next(std::vector<CsvField>& row) {
    row.clear();
    unescaped_.clear();
    while (at_ < text_.size() && at_line_end()) skip_line_end();
    if (at_ == text_.size()) return false;
    row_offset_ = at_;
    for (;;) {
        if (row.size() == kCsvFieldsMax) return fail(too_many_fields(row_offset_));
        ASSIGN_OR_RETURN(const CsvField next, field());
        row.push_back(next);
        if (at_line_end()) {
            if (at_ < text_.size()) skip_line_end();
            return true;
        }
        ++at_;  // the delimiter
    }
}

Result<CsvField> CsvReader::field() {
    if (at_ < text_.size() && text_[at_] == '"') return quoted_field();
    const size_t from = at_;
    while (!at_line_end() && text_[at_] != delimiter_) {
        if (text_[at_] == '"') return fail(malformed_csv("a quote inside an unquoted field", at_));
        ++at_;
    }
    return CsvField{text_.substr(from, at_ - from), false};
}

Result<CsvField> CsvReader::quoted_field() {
    const size_t open = at_++;
    size_t from = at_;
    std::string* copy = nullptr;  // made only where quotes were doubled
    for (;;) {
        const size_t quote = text_.find('"', at_);
        if (quote == std::string_view::npos) return fail(malformed_csv("an unclosed quote", open));
        at_ = quote + 1;
        if (at_ == text_.size() || text_[at_] != '"') break;
        if (copy == nullptr) copy = &unescaped_.emplace_back();
        copy->append(text_.substr(from, at_ - from));
        from = ++at_;
    }
    if (!at_line_end() && text_[at_] != delimiter_) {
        return fail(malformed_csv("text behind a closing quote", at_));
    }
    const std::string_view last = text_.substr(from, at_ - 1 - from);
    if (copy == nullptr) return CsvField{last, true};
    copy->append(last);
    return CsvField{*copy, true};
}

void CsvReader::skip_line_end() {
    if (text_[at_] == '\r' && at_ + 1 < text_.size() && text_[at_ + 1] == '\n') ++at_;
    ++at_;
}

}  // namespace insula::csv
