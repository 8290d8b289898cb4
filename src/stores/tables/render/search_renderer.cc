#include "stores/tables/render/search_renderer.h"

#include <unordered_map>

#include "base/check.h"
#include "platform/json/json_value.h"

namespace insula::tables {

namespace {

using engine::ResultBatch;
using json::JsonMember;
using json::JsonValue;

// `_rest` and rows come from documents that passed the ingest's limits; these only stop damage.
constexpr json::ParseLimits kStoredLimits{
    .bytes_max = 256 * kMiB, .depth_max = 1000, .subject = "stored document"};

// `winner` with what only `other` has; objects that both have are merged in turn.
JsonValue merged(const JsonValue& winner, const JsonValue& other) {
    if (!winner.is_object() || !other.is_object()) return winner;
    JsonValue::Object members = winner.object();
    std::unordered_map<std::string_view, size_t> places;
    for (size_t i = 0; i < members.size(); ++i) places.emplace(winner.object()[i].name, i);
    for (const JsonMember& member : other.object()) {
        const auto at = places.find(member.name);
        if (at == places.end()) {
            members.push_back(member);
        } else {
            members[at->second].value = merged(members[at->second].value, member.value);
        }
    }
    return JsonValue(std::move(members));
}

Result<JsonValue> parse_stored(std::string_view text) {
    auto parsed = JsonValue::parse(text, kStoredLimits);
    if (parsed) return std::move(*parsed);
    return fail(internal_error("a stored row cannot be read: " + parsed.error().describe()));
}

std::string quoted(std::string_view text) {
    std::string out;
    json::JsonWriter(out).string(text);
    return out;
}

char* put(char* at, std::string_view text) {
    std::memcpy(at, text.data(), text.size());
    return at + text.size();
}

}  // namespace

struct SearchRenderer::SourceWriter {
    SourceWriter(const RenderSource& plan, bool lines, bool with_document)
        : source(plan),
          fields(plan.fields),
          document(plan.document),
          include_document(with_document),
          head((lines ? R"({"record":{"source_id":)" : R"(,{"source_id":)") +
               quoted(plan.source_id) + R"(,"fields":)"),
          tail(lines ? "}}\n" : "}") {}

    // `first` of an envelope's records: there is none before it to be told apart from.
    Status write(json::TextSink& sink, char*& at, const ResultBatch& batch, uint32_t row,
                 bool first) {
        at = put(sink.more(at, head.size()), std::string_view(head).substr(first ? 1 : 0));
        std::string_view rest;
        if (source.rest_slot && batch.columns[*source.rest_slot].valid(row)) {
            rest = batch.columns[*source.rest_slot].values<StringRef>()[row].view();
        }
        RETURN_IF_ERROR(write_object(sink, at, fields, batch, row,
                                     source.rest_in_fields ? rest : std::string_view(), false));
        if (include_document) {
            constexpr std::string_view kDocument = R"(,"document":)";
            at = put(sink.more(at, kDocument.size()), kDocument);
            RETURN_IF_ERROR(write_object(sink, at, document, batch, row, rest, true));
        }
        at = put(sink.more(at, tail.size()), tail);
        return {};
    }

    Status write_object(json::TextSink& sink, char*& at, const RecordProgram& program,
                        const ResultBatch& batch, uint32_t row, std::string_view rest,
                        bool rest_wins) {
        const auto start = static_cast<size_t>(at - sink.begin());
        extras.clear();
        const bool simple =
            rest.empty() || program.find_extras(rest, !rest_wins, batch, row, extras);
        at = program.write(sink, at, batch, row, extras);
        if (simple) return {};
        return merge(sink, at, start, rest, rest_wins);
    }

    // Replaces the object that stands from `start` to `at` by its union with `rest`.
    static Status merge(json::TextSink& sink, char*& at, size_t start, std::string_view rest,
                        bool rest_wins) {
        const std::string_view written(sink.begin() + start, at - (sink.begin() + start));
        ASSIGN_OR_RETURN(const auto columns, parse_stored(written));
        ASSIGN_OR_RETURN(const auto others, parse_stored(rest));
        const std::string text =
            (rest_wins ? merged(others, columns) : merged(columns, others)).text();
        at = sink.more(sink.begin() + start, text.size());
        at = put(at, text);
        return {};
    }

    const RenderSource& source;
    const RecordProgram fields;
    const RecordProgram document;
    const bool include_document;
    const std::string head;
    const std::string tail;
    RecordProgram::Extras extras;  // of the row at hand
};

SearchRenderer::SearchRenderer(const SearchRenderPlan& plan, RecordFormat format)
    : plan_(plan), format_(format) {
    for (const RenderSource& source : plan_.sources) {
        sources_.push_back(std::make_unique<SourceWriter>(source, format == RecordFormat::lines,
                                                          plan_.include_document));
    }
}

SearchRenderer::~SearchRenderer() = default;

void SearchRenderer::begin(std::string& out) {
    if (format_ == RecordFormat::envelope) out += R"({"records":[)";
}

Status SearchRenderer::append(const ResultBatch& batch, std::string& out) {
    json::TextSink sink(out);
    char* at = sink.at();
    for (uint32_t row = 0; row < batch.rows; ++row) {
        size_t source = 0;
        if (plan_.source_slot) {
            source = static_cast<size_t>(batch.columns[*plan_.source_slot].values<int64_t>()[row]);
        }
        INSULA_CHECK(source < sources_.size(), "a row is of a source of the plan");
        const bool first = rows_ == 0 && format_ == RecordFormat::envelope;
        RETURN_IF_ERROR(sources_[source]->write(sink, at, batch, row, first));
        ++rows_;
    }
    sink.finish(at);
    return {};
}

void SearchRenderer::end(RequestStats stats, std::string& out) {
    stats.rows_returned = rows_;
    if (format_ == RecordFormat::envelope) {
        out += R"(],"stats":)";
    } else {
        out += R"({"end":)";
    }
    json::JsonWriter writer(out);
    write_stats(writer, stats);
    writer.finish();
    out += format_ == RecordFormat::envelope ? "}" : "}\n";
}

void write_error(json::JsonWriter& writer, const Error& error, std::string_view request_id) {
    writer.begin_object();
    writer.key("code").string(error.reason());
    writer.key("message").string(error.message());
    if (!error.hint().empty()) writer.key("hint").string(error.hint());
    writer.key("request_id").string(request_id);
    writer.end_object();
}

void append_error_line(const Error& error, std::string_view request_id, std::string& out) {
    json::JsonWriter writer(out);
    writer.begin_object();
    writer.key("error");
    write_error(writer, error, request_id);
    writer.end_object();
    writer.newline();
    writer.finish();
}

}  // namespace insula::tables
