#include "stores/tables/ingest/envelope_look.h"

#include <simdjson.h>

#include "stores/tables/ingest/json_shredder.h"

namespace insula::tables {

namespace {

namespace ondemand = simdjson::ondemand;

// As the members of the body's object are met.
struct Members {
    std::optional<std::string> source_id;
    bool records = false;
    bool records_of_fields = false;  // the first one has "fields" and nothing else
    bool others = false;
};

// False where the parser stumbles: then there is nothing to tell.
bool look_at_records(simdjson::simdjson_result<ondemand::value> value, Members& members) {
    ondemand::array records;
    if (value.get_array().get(records)) return false;
    members.records = true;
    for (auto element : records) {
        ondemand::object record;
        if (element.get_object().get(record)) return true;
        bool fields = false;
        bool others = false;
        for (auto member : record) {
            std::string_view key;
            if (member.unescaped_key().get(key)) return false;
            (key == "fields" ? fields : others) = true;
        }
        members.records_of_fields = fields && !others;
        break;
    }
    return true;
}

bool look_at_members(ondemand::object object, Members& members) {
    for (auto member : object) {
        std::string_view key;
        if (member.unescaped_key().get(key)) return false;
        if (key == "source_id") {
            std::string_view text;
            if (member.value().get_string().get(text)) return false;
            members.source_id = text;
        } else if (key == "records") {
            if (!look_at_records(member.value(), members)) return false;
        } else {
            members.others = true;
        }
    }
    return true;
}

}  // namespace

std::optional<EnvelopeLook> find_envelope(std::string_view body) {
    if (body.starts_with("\xEF\xBB\xBF")) body.remove_prefix(3);
    const size_t begin = body.find_first_not_of(" \t\r\n");
    if (begin == std::string_view::npos || body[begin] != '{') return std::nullopt;
    // Most documents are told apart without a parser.
    if (body.find("\"records\"", begin) == std::string_view::npos) return std::nullopt;
    ondemand::parser parser;
    ondemand::document document;
    const simdjson::padded_string_view padded(body.data(), body.size(), body.size() + kJsonPadding);
    ondemand::object object;
    if (parser.iterate(padded).get(document) || document.get_object().get(object)) {
        return std::nullopt;
    }
    Members members;
    if (!look_at_members(object, members) || !members.records) return std::nullopt;
    const bool bare = !members.source_id && !members.others && members.records_of_fields;
    if (!members.source_id && !bare) return std::nullopt;
    return EnvelopeLook{std::move(members.source_id)};
}

}  // namespace insula::tables
