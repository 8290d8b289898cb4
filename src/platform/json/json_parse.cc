#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <numeric>

#include "platform/json/json_value.h"

namespace insula::json {

namespace {

namespace ondemand = simdjson::ondemand;

// The parser passed over something that it should have refused, or the other way round; the text
// then is valid by the scanner. Not a malformed request.
Error parser_disagrees(simdjson::error_code code) {
    return internal_error(
        fmt::format("simdjson refused valid JSON: {}", simdjson::error_message(code)));
}

std::string_view trim_right(std::string_view text) {
    const size_t last = text.find_last_not_of(" \t\r\n");
    return text.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

// Builds the tree from the parser's events. A member function fails with false, having set error_.
class TreeBuilder {
  public:
    TreeBuilder(const char* begin, std::string_view text, const ParseLimits& limits)
        : begin_(begin), text_(text), limits_(limits) {}

    // `source` is a document or a value: both have the same readers.
    template <class Source>
    bool build(Source& source, JsonValue& out, size_t depth) {
        ondemand::json_type type;
        if (const auto error = source.type().get(type)) return refuse(error);
        switch (type) {
            case ondemand::json_type::object:
                return object(source, out, depth);
            case ondemand::json_type::array:
                return array(source, out, depth);
            case ondemand::json_type::string:
                return string(source, out);
            case ondemand::json_type::number:
                return number(source, out);
            case ondemand::json_type::boolean:
                return boolean(source, out);
            case ondemand::json_type::null:
                return null(source, out);
        }
        return refuse(simdjson::TAPE_ERROR);
    }

    bool refuse(simdjson::error_code code) {
        const auto problem = find_json_problem(text_, limits_.depth_max);
        error_ = problem ? json_error(*problem, limits_.subject) : parser_disagrees(code);
        return false;
    }

    Error take_error() { return *std::move(error_); }

  private:
    template <class Source>
    bool object(Source& source, JsonValue& out, size_t depth) {
        if (depth == limits_.depth_max) return refuse(simdjson::DEPTH_ERROR);
        ondemand::object members;
        if (const auto error = source.get_object().get(members)) return refuse(error);
        JsonValue::Object built;
        std::vector<size_t> offsets;
        for (auto next : members) {
            ondemand::field field;
            if (const auto error = std::move(next).get(field)) return refuse(error);
            // The key's text must be noted before it is unescaped, which ends its life.
            offsets.push_back(static_cast<size_t>(field.key().raw() - begin_ - 1));
            std::string_view name;
            if (const auto error = field.unescaped_key().get(name)) return refuse(error);
            built.push_back({std::string(name), {}});
            if (!build(field.value(), built.back().value, depth + 1)) return false;
        }
        if (!keys_differ(built, offsets)) return false;
        out = JsonValue(std::move(built));
        return true;
    }

    bool keys_differ(const JsonValue::Object& members, const std::vector<size_t>& offsets) {
        std::vector<uint32_t> order(members.size());
        std::iota(order.begin(), order.end(), 0u);
        std::ranges::sort(order, [&](uint32_t a, uint32_t b) {
            const int by_name = members[a].name.compare(members[b].name);
            return by_name != 0 ? by_name < 0 : a < b;
        });
        size_t second = members.size();
        for (size_t i = 1; i < order.size(); ++i) {
            if (members[order[i - 1]].name != members[order[i]].name) continue;
            second = std::min<size_t>(second, order[i]);
        }
        if (second == members.size()) return true;
        error_ = invalid_argument(
            "duplicate_key",
            fmt::format("The {} has the key \"{}\" twice in one object, at byte {}.",
                        limits_.subject, members[second].name, offsets[second]));
        return false;
    }

    template <class Source>
    bool array(Source& source, JsonValue& out, size_t depth) {
        if (depth == limits_.depth_max) return refuse(simdjson::DEPTH_ERROR);
        ondemand::array items;
        if (const auto error = source.get_array().get(items)) return refuse(error);
        JsonValue::Array built;
        for (auto next : items) {
            ondemand::value item;
            if (const auto error = std::move(next).get(item)) return refuse(error);
            if (!build(item, built.emplace_back(), depth + 1)) return false;
        }
        out = JsonValue(std::move(built));
        return true;
    }

    template <class Source>
    bool string(Source& source, JsonValue& out) {
        std::string_view text;
        if (const auto error = source.get_string().get(text)) return refuse(error);
        out = JsonValue(std::string(text));
        return true;
    }

    template <class Source>
    bool boolean(Source& source, JsonValue& out) {
        bool value = false;
        if (const auto error = source.get_bool().get(value)) return refuse(error);
        out = JsonValue(value);
        return true;
    }

    template <class Source>
    bool null(Source& source, JsonValue& out) {
        // type() looks only at the first letter, and is_null() denies a root with white space
        // behind it.
        out = JsonValue();
        if (trim_right(raw_token(source)) != "null") return refuse(simdjson::N_ATOM_ERROR);
        bool consumed = false;
        return !simdjson::simdjson_result<bool>(source.is_null()).get(consumed);
    }

    template <class Source>
    bool number(Source& source, JsonValue& out) {
        const std::string_view token = trim_right(raw_token(source));
        ondemand::number number;
        if (const auto error = source.get_number().get(number)) {
            // A number beyond 64 bits is an error to simdjson, valid to us.
            if (find_json_problem(token)) return refuse(error);
            out = JsonValue(BigNumber{std::string(token)});
            return true;
        }
        switch (number.get_number_type()) {
            case ondemand::number_type::signed_integer:
                out = JsonValue(number.get_int64());
                break;
            case ondemand::number_type::unsigned_integer:
                out = JsonValue(number.get_uint64());
                break;
            case ondemand::number_type::floating_point_number:
                out = JsonValue(number.get_double());
                break;
        }
        return true;
    }

    static std::string_view raw_token(ondemand::value& source) { return source.raw_json_token(); }
    static std::string_view raw_token(ondemand::document& source) {
        std::string_view token;
        return source.raw_json_token().get(token) ? std::string_view() : token;
    }

    const char* const begin_;
    const std::string_view text_;
    const ParseLimits& limits_;
    std::optional<Error> error_;
};

}  // namespace

Result<JsonValue> JsonValue::parse(std::string_view text, const ParseLimits& limits) {
    if (text.size() > limits.bytes_max) {
        return fail(Error(Code::payload_too_large, "body_too_large",
                          fmt::format("The {} has {} bytes; at most {} are allowed.",
                                      limits.subject, text.size(), limits.bytes_max)));
    }
    // White space behind a document that is a single value counts as a part of it to simdjson: it
    // then refuses "false" followed by two blanks, and takes a number for a larger one.
    const simdjson::padded_string padded(trim_right(text));
    TreeBuilder builder(padded.data(), text, limits);
    ondemand::parser parser;
    ondemand::document document;
    if (const auto error = parser.iterate(padded).get(document)) {
        builder.refuse(error);
        return fail(builder.take_error());
    }
    JsonValue value;
    if (!builder.build(document, value, 0)) return fail(builder.take_error());
    const char* rest = nullptr;
    if (document.current_location().get(rest) != simdjson::OUT_OF_BOUNDS) {
        // More follows, or the parser has stopped before a number that only we accept.
        const auto problem = find_json_problem(text, limits.depth_max);
        if (problem) return fail(json_error(*problem, limits.subject));
    }
    return value;
}

}  // namespace insula::json
