#include "stores/tables/ingest/json_shredder.h"

#include <simdjson.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "platform/json/append.h"
#include "platform/json/json_problem.h"
#include "stores/tables/ingest/batch_builder.h"

namespace insula::tables {

namespace {

namespace ondemand = simdjson::ondemand;

constexpr size_t kReusedParserBytesMax = 1u << 20;  // larger bodies bring a parser of their own
constexpr size_t kPredictedKeyBytesMax =
    60;  // a comparison past the body's end stays in the padding

// What the parser found wrong; located_error() says where.
Error parse_error(simdjson::error_code code) {
    switch (code) {
        case simdjson::UTF8_ERROR:
            return invalid_argument("invalid_utf8", "The body is not valid UTF-8");
        case simdjson::DEPTH_ERROR:
            return invalid_argument("too_deep", "The body nests arrays and objects deeper than " +
                                                    std::to_string(kJsonNestingMax) + " levels");
        case simdjson::CAPACITY:
            return invalid_argument("document_too_large",
                                    "A document is larger than " +
                                        std::to_string(kNdjsonDocumentBytesMax >> 20) + " MiB");
        case simdjson::MEMALLOC:
            return Error(Code::resource_exhausted, "memory_exhausted",
                         "The server has no memory to read this body.")
                .with_hint("Retry after a moment.");
        default:
            return invalid_argument("malformed_json", simdjson::error_message(code));
    }
}

bool is_syntax_reason(std::string_view reason) {
    return reason == "malformed_json" || reason == "invalid_utf8" || reason == "too_deep";
}

// Adds the place to a syntax error: the first byte at which `text`, which begins at `begin` in the
// body, stops being JSON.
Error located_error(const Error& error, std::string_view text, size_t begin) {
    if (!is_syntax_reason(error.reason())) return error;
    if (const auto problem = json::find_json_problem(text, kJsonNestingMax)) {
        return json::json_error(*problem, "body", begin);
    }
    return invalid_argument(error.reason(), "The body is not valid JSON in the document at byte " +
                                                std::to_string(begin) + ".");
}

bool is_json_number(std::string_view token) {
    size_t at = token.starts_with('-') ? 1 : 0;
    const auto digits = [&] {
        const size_t from = at;
        while (at < token.size() && token[at] >= '0' && token[at] <= '9') ++at;
        return at - from;
    };
    const size_t first = at;
    const size_t whole = digits();
    if (whole == 0 || (whole > 1 && token[first] == '0')) return false;
    if (at < token.size() && token[at] == '.') {
        ++at;
        if (digits() == 0) return false;
    }
    if (at < token.size() && (token[at] == 'e' || token[at] == 'E')) {
        ++at;
        if (at < token.size() && (token[at] == '+' || token[at] == '-')) ++at;
        if (digits() == 0) return false;
    }
    return at == token.size();
}

std::string_view trimmed(std::string_view token) {
    const size_t end = token.find_last_not_of(" \t\r\n");
    return end == std::string_view::npos ? std::string_view{} : token.substr(0, end + 1);
}

// Whether a key is written in a document the way it reads.
bool is_plain_key(std::string_view key) {
    if (key.size() > kPredictedKeyBytesMax) return false;
    for (const char c : key) {
        if (c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20) return false;
    }
    return true;
}

// Something that begins like null and is not gives an error, which must not be read as a bool: the
// conversion throws.
bool is_null(ondemand::value value) {
    bool null = false;
    return value.is_null().get(null) == simdjson::SUCCESS && null;
}

class DocumentShredder {
  public:
    explicit DocumentShredder(SchemaPtr schema) : builder_(std::move(schema)) {}

    Status document(simdjson::simdjson_result<ondemand::object> object) {
        if (object.error() == simdjson::INCORRECT_TYPE) {
            return fail(
                invalid_argument("not_an_object", "Document " + std::to_string(builder_.rows()) +
                                                      " (counted from 0) is not a JSON object."));
        }
        if (object.error()) return fail(parse_error(object.error()));
        builder_.begin_row();
        RETURN_IF_ERROR(members(object.value_unsafe(), 1));
        return builder_.end_row();
    }

    uint64_t rows() const { return builder_.rows(); }
    Batch finish() { return builder_.finish(); }

  private:
    // The keys of an object in the order that the last document had them: documents repeat
    // themselves, so the next key is mostly the next of these.
    struct Known {
        std::string key;
        Schema::NodeIndex node;
    };

    Status members(ondemand::object object, size_t depth) {
        const Schema::NodeIndex parent = builder_.current_node();
        size_t cursor = 0;
        for (auto member : object) {
            if (member.error()) return fail(parse_error(member.error()));
            ondemand::field pair = member.value_unsafe();
            BatchBuilder::Field field;
            const Known* predicted = predict(parent, cursor, pair.key().raw());
            if (predicted != nullptr) {
                field = {predicted->key, predicted->node};
                RETURN_IF_ERROR(builder_.visit(field));
            } else {
                const auto key = pair.unescaped_key();
                if (key.error()) return fail(parse_error(key.error()));
                ASSIGN_OR_RETURN(field, builder_.field(key.value_unsafe()));
                remember(parent, cursor, field);
            }
            ++cursor;
            RETURN_IF_ERROR(value(field, pair.value(), depth));
        }
        return {};
    }

    const Known* predict(Schema::NodeIndex parent, size_t cursor, const char* raw) const {
        if (parent >= order_.size() || cursor >= order_[parent].size()) return nullptr;
        const Known& known = order_[parent][cursor];
        const size_t size = known.key.size();
        if (std::memcmp(raw, known.key.data(), size) != 0 || raw[size] != '"') return nullptr;
        return &known;
    }

    void remember(Schema::NodeIndex parent, size_t cursor, const BatchBuilder::Field& field) {
        // Only keys with a node: one without may have one in the next document.
        if (parent == Schema::kNone || field.node == Schema::kNone || !is_plain_key(field.key))
            return;
        if (parent >= order_.size()) order_.resize(parent + 1);
        std::vector<Known>& order = order_[parent];
        if (cursor < order.size()) {
            order[cursor] = {std::string(field.key), field.node};
        } else if (cursor == order.size()) {
            order.push_back({std::string(field.key), field.node});
        }
    }

    Status value(const BatchBuilder::Field& field, ondemand::value value, size_t depth) {
        const auto type = value.type();
        if (type.error()) return fail(parse_error(type.error()));
        switch (type.value_unsafe()) {
            case ondemand::json_type::string:
                return string(field, value);
            case ondemand::json_type::number:
                return number(field, value);
            case ondemand::json_type::boolean: {
                const auto truth = value.get_bool();
                if (truth.error()) return fail(parse_error(truth.error()));
                builder_.put_bool(field, truth.value_unsafe());
                return {};
            }
            case ondemand::json_type::null:
                if (!is_null(value)) return fail(parse_error(simdjson::N_ATOM_ERROR));
                builder_.put_null(field);
                return {};
            case ondemand::json_type::object:
                return object(field, value, depth);
            case ondemand::json_type::array:
                break;
        }
        return raw_json(field, value, depth);
    }

    Status string(const BatchBuilder::Field& field, ondemand::value value) {
        // Text without an escape is taken from the body as it stands.
        const std::string_view token = trimmed(value.raw_json_token());
        if (token.size() >= 2 && token.back() == '"' &&
            std::memchr(token.data(), '\\', token.size()) == nullptr) {
            builder_.put_string(field, token.substr(1, token.size() - 2));
            return {};
        }
        const auto text = value.get_string();
        if (text.error()) return fail(parse_error(text.error()));
        builder_.put_string(field, text.value_unsafe());
        return {};
    }

    Status number(const BatchBuilder::Field& field, ondemand::value value) {
        auto number = value.get_number();
        if (number.error()) {
            // Beyond 64 bits or beyond a double's range, but JSON all the same.
            const std::string_view token = trimmed(value.raw_json_token());
            if (!is_json_number(token)) return fail(parse_error(number.error()));
            builder_.put_rest(field, token);
            return {};
        }
        ondemand::number held = number.value_unsafe();
        if (held.is_int64()) {
            builder_.put_int(field, held.get_int64());
        } else if (held.is_uint64()) {
            builder_.put_rest(field, std::to_string(held.get_uint64()));
        } else {
            builder_.put_double(field, held.get_double());
        }
        return {};
    }

    Status object(const BatchBuilder::Field& field, ondemand::value value, size_t depth) {
        if (!builder_.enters_object(field)) return raw_json(field, value, depth);
        const auto object = value.get_object();
        if (object.error()) return fail(parse_error(object.error()));
        builder_.enter_object(field);
        RETURN_IF_ERROR(members(object.value_unsafe(), depth + 1));
        builder_.leave_object();
        return {};
    }

    Status raw_json(const BatchBuilder::Field& field, ondemand::value value, size_t depth) {
        raw_.clear();
        RETURN_IF_ERROR(append_minified(value, depth));
        builder_.put_json(field, raw_);
        return {};
    }

    // Appends the value to raw_ without white space, checking all of it.
    Status append_minified(ondemand::value value, size_t depth) {
        if (depth > kJsonNestingMax) return fail(parse_error(simdjson::DEPTH_ERROR));
        const auto type = value.type();
        if (type.error()) return fail(parse_error(type.error()));
        switch (type.value_unsafe()) {
            case ondemand::json_type::array:
                return append_array(value, depth);
            case ondemand::json_type::object:
                return append_object(value, depth);
            case ondemand::json_type::string: {
                const auto text = value.get_string();
                if (text.error()) return fail(parse_error(text.error()));
                json::append_string(raw_, text.value_unsafe());
                return {};
            }
            case ondemand::json_type::number: {
                const std::string_view token = trimmed(value.raw_json_token());
                if (!is_json_number(token)) return fail(parse_error(simdjson::NUMBER_ERROR));
                raw_.append(token);
                return {};
            }
            case ondemand::json_type::boolean: {
                const auto truth = value.get_bool();
                if (truth.error()) return fail(parse_error(truth.error()));
                raw_.append(truth.value_unsafe() ? "true" : "false");
                return {};
            }
            case ondemand::json_type::null:
                if (!is_null(value)) return fail(parse_error(simdjson::N_ATOM_ERROR));
                raw_.append("null");
                return {};
        }
        return fail(parse_error(simdjson::TAPE_ERROR));
    }

    Status append_array(ondemand::value value, size_t depth) {
        auto array = value.get_array();
        if (array.error()) return fail(parse_error(array.error()));
        raw_.push_back('[');
        bool first = true;
        for (auto element : array.value_unsafe()) {
            if (element.error()) return fail(parse_error(element.error()));
            if (!first) raw_.push_back(',');
            first = false;
            RETURN_IF_ERROR(append_minified(element.value_unsafe(), depth + 1));
        }
        raw_.push_back(']');
        return {};
    }

    Status append_object(ondemand::value value, size_t depth) {
        auto object = value.get_object();
        if (object.error()) return fail(parse_error(object.error()));
        raw_.push_back('{');
        std::vector<std::string> keys;  // sorted, to find one that comes twice
        bool first = true;
        for (auto member : object.value_unsafe()) {
            if (member.error()) return fail(parse_error(member.error()));
            const auto key = member.unescaped_key();
            if (key.error()) return fail(parse_error(key.error()));
            const auto place = std::ranges::lower_bound(keys, key.value_unsafe());
            if (place != keys.end() && *place == key.value_unsafe()) {
                return fail(invalid_argument(
                    "duplicate_key",
                    "A document holds the key \"" + *place + "\" twice in the same object."));
            }
            keys.emplace(place, key.value_unsafe());
            if (!first) raw_.push_back(',');
            first = false;
            json::append_string(raw_, key.value_unsafe());
            raw_.push_back(':');
            RETURN_IF_ERROR(append_minified(member.value(), depth + 1));
        }
        raw_.push_back('}');
        return {};
    }

    BatchBuilder builder_;
    std::vector<std::vector<Known>> order_;  // by node
    std::string raw_;
};

ondemand::parser& reused_parser() {
    thread_local ondemand::parser parser;
    return parser;
}

simdjson::padded_string_view padded(std::string_view body) {
    return simdjson::padded_string_view(body.data(), body.size(), body.size() + kJsonPadding);
}

std::string_view without_byte_order_mark(std::string_view body) {
    return body.starts_with("\xEF\xBB\xBF") ? body.substr(3) : body;
}

Status check_not_empty(std::string_view body) {
    if (body.find_first_not_of(" \t\r\n") != std::string_view::npos) return {};
    return fail(
        invalid_argument("empty_body", "The body is empty.")
            .with_hint("Send a JSON document, an array of documents or one document a line."));
}

// Runs `read` over the one JSON value that `body` is, and checks that nothing follows it.
template <class Read>
Status read_single(std::string_view body, Read read) {
    RETURN_IF_ERROR(check_not_empty(body));
    ondemand::parser own;
    ondemand::parser& parser = body.size() > kReusedParserBytesMax ? own : reused_parser();
    ondemand::document document;
    if (const auto error = parser.iterate(padded(body)).get(document)) {
        return fail(located_error(parse_error(error), body, 0));
    }
    Status status = read(document);
    if (!status) return fail(located_error(status.error(), body, 0));
    if (document.current_location().error() == simdjson::OUT_OF_BOUNDS) return {};
    return fail(located_error(parse_error(simdjson::TAPE_ERROR), body, 0));
}

Status shred_array(ondemand::array array, DocumentShredder& shredder) {
    for (auto element : array) {
        if (element.error()) return fail(parse_error(element.error()));
        RETURN_IF_ERROR(shredder.document(element.get_object()));
    }
    return {};
}

Result<std::string_view> string_member(simdjson::simdjson_result<ondemand::value> value,
                                       std::string_view name) {
    const auto text = value.get_string();
    if (text.error() == simdjson::INCORRECT_TYPE) {
        return fail(
            invalid_argument("invalid_request", "\"" + std::string(name) + "\" must be a string."));
    }
    if (text.error()) return fail(parse_error(text.error()));
    return text.value_unsafe();
}

Error unknown_member(std::string_view where, std::string_view key, std::string_view known) {
    return invalid_argument("unknown_key", "Unknown key \"" + std::string(key.substr(0, 100)) +
                                               "\" in " + std::string(where) + ".")
        .with_hint("Known: " + std::string(known) + ".");
}

Error repeated_member(std::string_view where, std::string_view key) {
    return invalid_argument("duplicate_key", "The key \"" + std::string(key) +
                                                 "\" stands twice in " + std::string(where) + ".");
}

// {"fields": {…}} as one element of "records".
Status shred_record(simdjson::simdjson_result<ondemand::value> element,
                    DocumentShredder& shredder) {
    auto record = element.get_object();
    if (record.error() == simdjson::INCORRECT_TYPE) {
        return fail(invalid_argument("invalid_request",
                                     "Record " + std::to_string(shredder.rows()) +
                                         " (counted from 0) is not an object with \"fields\"."));
    }
    if (record.error()) return fail(parse_error(record.error()));
    bool found = false;
    for (auto member : record.value_unsafe()) {
        const auto key = member.unescaped_key();
        if (key.error()) return fail(parse_error(key.error()));
        if (key.value_unsafe() != "fields") {
            return fail(unknown_member("a record", key.value_unsafe(), "fields"));
        }
        if (found) return fail(repeated_member("a record", "fields"));
        found = true;
        RETURN_IF_ERROR(shredder.document(member.value().get_object()));
    }
    if (found) return {};
    return fail(invalid_argument("invalid_request", "Record " + std::to_string(shredder.rows()) +
                                                        " (counted from 0) has no \"fields\"."));
}

Status shred_envelope_members(ondemand::object envelope, DocumentShredder& shredder) {
    bool found = false;
    for (auto member : envelope) {
        const auto key = member.unescaped_key();
        if (key.error()) return fail(parse_error(key.error()));
        if (key.value_unsafe() == "source_id") {
            RETURN_IF_ERROR(string_member(member.value(), "source_id"));
            continue;
        }
        if (key.value_unsafe() != "records") {
            return fail(unknown_member("the body", key.value_unsafe(), "source_id, records"));
        }
        if (found) return fail(repeated_member("the body", "records"));
        found = true;
        auto records = member.value().get_array();
        if (records.error() == simdjson::INCORRECT_TYPE) {
            return fail(invalid_argument("invalid_request", "\"records\" must be an array."));
        }
        if (records.error()) return fail(parse_error(records.error()));
        for (auto element : records.value_unsafe())
            RETURN_IF_ERROR(shred_record(element, shredder));
    }
    if (found) return {};
    return fail(invalid_argument("invalid_request", "The body has no \"records\"."));
}

}  // namespace

Result<Batch> shred_json(std::string_view body, SchemaPtr schema) {
    body = without_byte_order_mark(body);
    DocumentShredder shredder(std::move(schema));
    RETURN_IF_ERROR(read_single(body, [&](ondemand::document& document) -> Status {
        const auto type = document.type();
        if (type.error()) return fail(parse_error(type.error()));
        if (type.value_unsafe() != ondemand::json_type::array) {
            return shredder.document(document.get_object());
        }
        auto array = document.get_array();
        if (array.error()) return fail(parse_error(array.error()));
        return shred_array(array.value_unsafe(), shredder);
    }));
    return shredder.finish();
}

Result<Batch> shred_ndjson(std::string_view body, SchemaPtr schema) {
    body = without_byte_order_mark(body);
    RETURN_IF_ERROR(check_not_empty(body));
    DocumentShredder shredder(std::move(schema));
    ondemand::parser own;
    ondemand::parser& parser = body.size() > kReusedParserBytesMax ? own : reused_parser();
#ifdef SIMDJSON_THREADS_ENABLED
    parser.threaded = false;  // threads are lent by the node, never started by a library
#endif
    ondemand::document_stream stream;
    const size_t batch = std::clamp<size_t>(body.size(), 64, kNdjsonDocumentBytesMax);
    if (const auto error = parser.iterate_many(body.data(), body.size(), batch).get(stream)) {
        return fail(located_error(parse_error(error), body, 0));
    }
    size_t begin = 0;
    for (auto at = stream.begin(); at != stream.end(); ++at) {
        begin = at.current_index();
        auto document = *at;
        const Status status = document.error() ? Status(fail(parse_error(document.error())))
                                               : shredder.document(document.get_object());
        if (!status) {
            const size_t end = std::min(body.find('\n', begin), body.size());
            return fail(located_error(status.error(), body.substr(begin, end - begin), begin));
        }
    }
    if (const size_t cut = stream.truncated_bytes(); cut > 0) {
        begin = body.size() - cut;
        return fail(located_error(parse_error(simdjson::INCOMPLETE_ARRAY_OR_OBJECT),
                                  body.substr(begin), begin));
    }
    return shredder.finish();
}

Result<std::string> envelope_source(std::string_view body) {
    body = without_byte_order_mark(body);
    std::optional<std::string> source;
    RETURN_IF_ERROR(read_single(body, [&](ondemand::document& document) -> Status {
        auto object = document.get_object();
        if (object.error() == simdjson::INCORRECT_TYPE) {
            return fail(
                invalid_argument("missing_source_id", "The request names no source.")
                    .with_hint("Add ?source_id=… to the address, or send {\"source_id\": …, "
                               "\"records\": [{\"fields\": {…}}]}."));
        }
        if (object.error()) return fail(parse_error(object.error()));
        for (auto member : object.value_unsafe()) {
            const auto key = member.unescaped_key();
            if (key.error()) return fail(parse_error(key.error()));
            if (key.value_unsafe() != "source_id") continue;
            if (source) return fail(repeated_member("the body", "source_id"));
            ASSIGN_OR_RETURN(const std::string_view text,
                             string_member(member.value(), "source_id"));
            source = text;
        }
        return {};
    }));
    if (source) return std::move(*source);
    return fail(invalid_argument("missing_source_id", "The request names no source.")
                    .with_hint("Add ?source_id=… to the address or \"source_id\" to the body."));
}

Result<Batch> shred_envelope(std::string_view body, SchemaPtr schema) {
    body = without_byte_order_mark(body);
    DocumentShredder shredder(std::move(schema));
    RETURN_IF_ERROR(read_single(body, [&](ondemand::document& document) -> Status {
        auto object = document.get_object();
        if (object.error()) return fail(parse_error(object.error()));
        return shred_envelope_members(object.value_unsafe(), shredder);
    }));
    return shredder.finish();
}

}  // namespace insula::tables
