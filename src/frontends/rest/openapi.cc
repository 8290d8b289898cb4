#include "frontends/rest/openapi.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "base/version.h"
#include "platform/json/json_writer.h"

namespace insula::rest {

namespace {

using json::JsonWriter;
using net::Method;

std::string_view method_key(Method method) {
    switch (method) {
        case Method::get:
            return "get";
        case Method::post:
            return "post";
        case Method::put:
            return "put";
        case Method::patch:
            return "patch";
        case Method::delete_:
            return "delete";
        case Method::head:
        case Method::options:
        case Method::other:
            break;
    }
    return "trace";
}

bool takes_body(Method method) {
    return method == Method::post || method == Method::put || method == Method::patch;
}

// "/sources/{id}/stats" -> "id"
std::vector<std::string_view> path_parameters(std::string_view pattern) {
    std::vector<std::string_view> names;
    for (size_t open = pattern.find('{'); open != std::string_view::npos;
         open = pattern.find('{', open + 1)) {
        names.push_back(pattern.substr(open + 1, pattern.find('}', open) - open - 1));
    }
    return names;
}

// "POST /data/search/stream" -> "post_data_search_stream"
std::string operation_id(const Route& route) {
    std::string id(method_key(route.method));
    for (const char c : route.pattern) {
        if (c == '{' || c == '}') continue;
        id.push_back(c == '/' || c == '-' ? '_' : c);
    }
    return id;
}

void write_parameter(JsonWriter& writer, std::string_view name, std::string_view place,
                     bool repeatable) {
    writer.begin_object();
    writer.key("name").string(name);
    writer.key("in").string(place);
    writer.key("required").boolean(place == "path");
    writer.key("schema").begin_object();
    writer.key("type").string(repeatable ? "array" : "string");
    if (repeatable) writer.key("items").raw(R"({"type":"string"})");
    writer.end_object().end_object();
}

void write_operation(JsonWriter& writer, const Route& route) {
    writer.key(method_key(route.method)).begin_object();
    writer.key("operationId").string(operation_id(route));
    writer.key("summary").string(route.summary);
    if (route.access == Access::open) {
        writer.key("security").begin_array().end_array();
    } else {
        writer.key("x-insula-action").string(route.action);
        writer.key("x-insula-resource").string(route.resource);
    }
    writer.key("parameters").begin_array();
    for (const std::string_view name : path_parameters(route.pattern)) {
        write_parameter(writer, name, "path", false);
    }
    for (const Parameter& parameter : route.parameters) {
        write_parameter(writer, parameter.name, "query", parameter.repeatable);
    }
    writer.end_array();
    if (takes_body(route.method)) {
        writer.key("requestBody").raw(R"({"content":{"application/json":{"schema":{}}}})");
    }
    writer.key("responses")
        .raw(
            R"({"2XX":{"description":"Done."},"default":{"$ref":"#/components/responses/Error"}})");
    writer.end_object();
}

constexpr std::string_view kComponents = R"({
"securitySchemes":{"key":{"type":"http","scheme":"bearer","description":"An API key."}},
"responses":{"Error":{"description":"Refused, or failed.","content":{"application/json":{"schema":{
"type":"object","required":["error"],"properties":{"error":{"type":"object",
"required":["code","message","hint","request_id"],"properties":{"code":{"type":"string"},
"message":{"type":"string"},"hint":{"type":"string"},"request_id":{"type":"string"}}}}}}}}}})";

std::string without_line_breaks(std::string_view text) {
    std::string out(text);
    std::erase(out, '\n');
    return out;
}

constexpr std::string_view kPageHead =
    "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Insula: HTTP API</title>"
    "<style>body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 "
    "1rem}"
    "table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .8rem;"
    "border-bottom:1px solid #ddd}code{white-space:nowrap}</style>"
    "<h1>Insula: HTTP API</h1><p>For machines: <a href=\"/openapi.json\">openapi.json</a> "
    "(OpenAPI 3.1). Requests send an API key as <code>Authorization: Bearer &lt;key&gt;</code>.</p>"
    "<table><tr><th>Request</th><th>What it does</th><th>Action</th><th>Resource</th></tr>";

}  // namespace

std::string openapi_document(std::span<const Route> table) {
    std::string text;
    JsonWriter writer(text);
    writer.begin_object();
    writer.key("openapi").string("3.1.0");
    writer.key("info").begin_object();
    writer.key("title").string("Insula");
    writer.key("version").string(version());
    writer.end_object();
    writer.key("security").raw(R"([{"key":[]}])");
    writer.key("paths").begin_object();
    std::vector<std::string_view> patterns;
    for (const Route& route : table) {
        if (std::ranges::find(patterns, route.pattern) != patterns.end()) continue;
        patterns.push_back(route.pattern);
        writer.key(route.pattern).begin_object();
        for (const Route& other : table) {
            if (other.pattern == route.pattern) write_operation(writer, other);
        }
        writer.end_object();
    }
    writer.end_object();
    writer.key("components").raw(without_line_breaks(kComponents));
    writer.end_object().newline();
    writer.finish();
    return text;
}

// Patterns, actions and summaries are ours and hold nothing that HTML would read.
std::string openapi_page(std::span<const Route> table) {
    std::string page(kPageHead);
    for (const Route& route : table) {
        page += fmt::format(
            "<tr><td><code>{} {}</code></td><td>{}</td><td><code>{}</code></td><td><code>{}</code>"
            "</td></tr>",
            net::method_name(route.method), route.pattern, route.summary,
            route.access == Access::open ? "open to everybody" : route.action, route.resource);
    }
    return page + "</table></html>\n";
}

}  // namespace insula::rest
