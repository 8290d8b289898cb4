#include "stores/tables/ingest/record_ends.h"

namespace insula::tables {

namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// Documents one after another, or one array of them, whose brackets and commas become white space.
// Within a document only brackets and quotes are looked at: whether it is JSON is seen later.
class JsonEnds final : public RecordEnds {
  public:
    Result<Scan> scan(std::string& text, size_t from, bool first) override {
        size_t end = 0;
        for (size_t at = from; at < text.size(); ++at, ++offset_) {
            ended_one_ = false;
            if (in_string_) {
                look_in_string(text[at]);
            } else if (depth_ > 0) {
                look_in_document(text[at]);
            } else {
                RETURN_IF_ERROR(look_between(text[at]));
            }
            if (!ended_one_) continue;
            end = at + 1;
            if (!first) continue;
            ++offset_;
            return Scan{end, end};
        }
        return Scan{end, text.size()};
    }

    Status finish() override {
        if (!array_ || place_ == Place::behind) return {};
        return fail(malformed("is not closed at its end,"));
    }

  private:
    // In an array of documents.
    enum class Place : uint8_t { opened, value, after_value, after_comma, behind };

    Status look_between(char& c) {
        if (is_space(c)) {
            end_scalar();
            // A line that is no document is seen as one: the reader says what is wrong with it.
            ended_one_ = !array_ && c == '\n';
            return {};
        }
        if (!begun_) {
            begun_ = true;
            if (c == '[') {
                array_ = true;
                c = ' ';
                return {};
            }
        }
        return array_ ? look_in_array(c) : begin_value(c);
    }

    void look_in_string(char c) {
        if (escaped_) {
            escaped_ = false;
        } else if (c == '\\') {
            escaped_ = true;
        } else if (c == '"') {
            in_string_ = false;
            if (depth_ == 0) end_value();
        }
    }

    void look_in_document(char c) {
        if (c == '"') {
            in_string_ = true;
        } else if (c == '{' || c == '[') {
            ++depth_;
        } else if ((c == '}' || c == ']') && --depth_ == 0) {
            end_value();
        }
    }

    Status look_in_array(char& c) {
        if (place_ == Place::behind) return fail(malformed("is followed by something"));
        if (c != ',' && c != ']') return begin_value(c);
        end_scalar();
        const bool closes = c == ']' && place_ == Place::opened;
        if (place_ != Place::after_value && !closes) return fail(malformed("lacks a document"));
        place_ = c == ',' ? Place::after_comma : Place::behind;
        ended_one_ = true;
        c = '\n';
        return {};
    }

    Status begin_value(char c) {
        if (array_ && place_ == Place::after_value) return fail(malformed("lacks a comma"));
        place_ = Place::value;
        if (c == '{' || c == '[') {
            depth_ = 1;
        } else if (c == '"') {
            in_string_ = true;
        }
        return {};
    }

    void end_scalar() {
        if (place_ == Place::value) place_ = Place::after_value;
    }
    void end_value() {
        place_ = Place::after_value;
        ended_one_ = true;
    }

    Error malformed(std::string_view what) const {
        return invalid_argument("malformed_json", "The array of documents " + std::string(what) +
                                                      " at byte " + std::to_string(offset_) + ".");
    }

    uint64_t offset_ = 0;
    uint64_t depth_ = 0;  // in the current document
    bool begun_ = false;
    bool array_ = false;
    bool in_string_ = false;
    bool escaped_ = false;
    bool ended_one_ = false;
    Place place_ = Place::opened;
};

// A line end outside quotes: "\n", "\r\n" or "\r" alone. A doubled quote opens and closes at once.
class CsvEnds final : public RecordEnds {
  public:
    Result<Scan> scan(std::string& text, size_t from, bool first) override {
        size_t end = 0;
        for (size_t at = from; at < text.size(); ++at) {
            const char c = text[at];
            // Whether "\n" follows a "\r" is only known with the next byte.
            if (after_return_ && c != '\n') {
                after_return_ = false;
                end = at;
                if (first) return Scan{end, at};
            }
            if (c == '"') quoted_ = !quoted_;
            after_return_ = c == '\r' && !quoted_;
            if (c != '\n' || quoted_) continue;
            end = at + 1;
            if (first) return Scan{end, end};
        }
        return Scan{end, text.size()};
    }
    Status finish() override { return {}; }

  private:
    bool quoted_ = false;
    bool after_return_ = false;
};

}  // namespace

std::unique_ptr<RecordEnds> json_record_ends() { return std::make_unique<JsonEnds>(); }
std::unique_ptr<RecordEnds> csv_record_ends() { return std::make_unique<CsvEnds>(); }

}  // namespace insula::tables
