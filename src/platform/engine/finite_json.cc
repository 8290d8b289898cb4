#include "platform/engine/finite_json.h"

#include <algorithm>

#include "duckdb/common/vector_operations/unary_executor.hpp"
#include "duckdb/function/scalar_function.hpp"

namespace insula::engine {

namespace {

// The end of the string that begins at `at`.
size_t end_of_string(std::string_view json, size_t at) {
    for (++at; at < json.size() && json[at] != '"'; ++at) {
        if (json[at] == '\\') ++at;
    }
    return std::min(at + 1, json.size());
}

bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-'; }

// The end of a bare word that is no word of JSON, from `at` on; `at` itself if there is none.
size_t end_of_number_word(std::string_view json, size_t at) {
    const std::string_view rest = json.substr(at);
    for (const std::string_view word : {"NaN", "-NaN", "Infinity", "-Infinity"}) {
        if (rest.starts_with(word) && (rest.size() == word.size() || !is_word(rest[word.size()]))) {
            return at + word.size();
        }
    }
    return at;
}

void finite_json_of_vector(duckdb::DataChunk& arguments, duckdb::ExpressionState&,
                           duckdb::Vector& result) {
    duckdb::UnaryExecutor::Execute<duckdb::string_t, duckdb::string_t>(
        arguments.data[0], result, arguments.size(), [&](duckdb::string_t text) {
            const auto changed = finite_json({text.GetData(), text.GetSize()});
            return duckdb::StringVector::AddString(
                result, changed ? duckdb::string_t(changed->data(), changed->size()) : text);
        });
}

}  // namespace

std::optional<std::string> finite_json(std::string_view json) {
    if (json.find("NaN") == std::string_view::npos &&
        json.find("Infinity") == std::string_view::npos) {
        return std::nullopt;
    }
    std::string changed;
    for (size_t at = 0; at < json.size();) {
        size_t end = at + 1;
        if (json[at] == '"') {
            end = end_of_string(json, at);
        } else if (const size_t word = end_of_number_word(json, at); word > at) {
            changed += "null";
            at = word;
            continue;
        }
        changed.append(json.substr(at, end - at));
        at = end;
    }
    return changed;
}

duckdb::ScalarFunction finite_json_function() {
    return {kFiniteJson,
            {duckdb::LogicalType::VARCHAR},
            duckdb::LogicalType::VARCHAR,
            finite_json_of_vector};
}

}  // namespace insula::engine
