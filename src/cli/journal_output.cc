#include "cli/journal_output.h"

#include <fmt/format.h>

#include "cli/display_text.h"
#include "cli/progress.h"
#include "platform/json/time_text.h"

namespace insula::cli {

namespace {

using journal::Damage;
using server::JournalRecord;

// A hybrid time holds milliseconds since 1970 above 16 bits of counter.
constexpr int kCounterBits = 16;
constexpr int64_t kNanosPerMillisecond = 1'000'000;

int64_t wall_time(const JournalRecord& record) {
    return static_cast<int64_t>(record.header.hybrid_time >> kCounterBits) * kNanosPerMillisecond;
}

void write_damages(json::JsonWriter& writer, std::string_view key,
                   const std::vector<Damage>& damages) {
    writer.key(key).begin_array();
    for (const Damage& damage : damages) write_damage(writer, damage);
    writer.end_array();
}

void write_segments(json::JsonWriter& writer, const server::JournalReport& report,
                    StreamId stream) {
    writer.key("segments").begin_array();
    for (const server::JournalSegment& segment : report.segments) {
        if (segment.stream != stream) continue;
        writer.begin_object();
        writer.key("file").string(printable(segment.path));
        writer.key("sequence").uint64(segment.sequence);
        writer.key("bytes").uint64(segment.file_bytes);
        writer.key("kept").boolean(segment.kept);
        writer.key("records").uint64(segment.records);
        if (segment.records > 0) {
            writer.key("first_position").uint64(segment.first_position);
            writer.key("end_position").uint64(segment.end_position);
        }
        writer.end_object();
    }
    writer.end_array();
}

std::string segment_text(const server::JournalSegment& segment) {
    return journal::segment_name(segment.sequence) + (segment.kept ? " (kept)" : "");
}

std::string_view ending(const journal::StreamSummary& stream) {
    if (stream.ended) return "stopped cleanly";
    return stream.cut_bytes > 0 ? "torn tail" : "no end";
}

std::string state_of(const JournalRecord& record) {
    if (record.removed && !record.tenant.empty()) return "source removed";
    return record.in_files ? "in files" : "";
}

std::string lost_line(const server::LostJournalRecord& lost) {
    const JournalRecord& record = lost.record;
    std::string line = fmt::format(
        "lost{}: stream {} position {}: {}", lost.certain ? "" : ", by what its damaged bytes say",
        journal::stream_name(record.header.stream), record.header.position, record.kind);
    if (!record.tenant.empty()) {
        line += fmt::format(
            ", tenant {}, source {}", printable(record.tenant),
            record.source_id ? printable(*record.source_id)
                             : fmt::format("{} (removed or unknown)", record.header.source.value));
    }
    line += record.rows ? fmt::format(", {} rows", *record.rows)
                        : fmt::format(", {} bytes", record.header.body_bytes);
    if (record.in_files) line += "; its rows are in files already";
    return line + "\n";
}

void write_stream_plan(json::JsonWriter& writer, const journal::StreamPlan& stream) {
    writer.begin_object();
    writer.key("stream").string(journal::stream_name(stream.stream));
    write_damages(writer, "damage", stream.damages);
    writer.key("kept_records").uint64(stream.kept_records);
    writer.key("lost_bytes").uint64(stream.lost_bytes);
    writer.key("lost_ranges").begin_array();
    for (const auto& [sequence, segment] : stream.segments) {
        for (const journal::LostRange& range : segment.lost) {
            writer.begin_object();
            writer.key("from_position").uint64(range.position);
            writer.key("to_position").uint64(range.end);
            writer.end_object();
        }
    }
    writer.end_array().end_object();
}

}  // namespace

void write_record(json::JsonWriter& writer, const JournalRecord& record) {
    writer.begin_object();
    writer.key("stream").string(journal::stream_name(record.header.stream));
    writer.key("position").uint64(record.header.position);
    writer.key("segment").uint64(record.sequence);
    writer.key("offset").uint64(record.offset);
    writer.key("kind").string(record.kind);
    writer.key("body_bytes").uint64(record.header.body_bytes);
    writer.key("time").timestamp(wall_time(record));
    writer.key("durable_before").uint64(record.header.durable_before);
    if (!record.tenant.empty()) {
        writer.key("tenant").string(printable(record.tenant));
        writer.key("tenant_id").string(record.header.tenant.to_string());
        writer.key("incarnation").uint64(record.header.source.value);
        writer.key("epoch").uint64(record.header.epoch.value);
        writer.key("in_files").boolean(record.in_files);
        writer.key("source_removed").boolean(record.removed);
    }
    if (record.source_id) writer.key("source_id").string(printable(*record.source_id));
    if (record.rows) writer.key("rows").uint64(*record.rows);
    writer.end_object();
}

void write_damage(json::JsonWriter& writer, const Damage& damage) {
    writer.begin_object();
    writer.key("stream").string(journal::stream_name(damage.stream));
    writer.key("segment").uint64(damage.sequence);
    writer.key("file").string(printable(damage.path));
    if (damage.offset) writer.key("offset").uint64(*damage.offset);
    if (damage.position) writer.key("position").uint64(*damage.position);
    if (damage.bytes > 0) writer.key("bytes").uint64(damage.bytes);
    if (damage.kept) writer.key("kept").boolean(true);
    writer.key("what").string(damage.what);
    writer.end_object();
}

void write_report(json::JsonWriter& writer, const server::JournalReport& report) {
    writer.key("streams").begin_array();
    for (const journal::StreamSummary& stream : report.streams) {
        writer.begin_object();
        writer.key("stream").string(journal::stream_name(stream.stream));
        writer.key("ended_cleanly").boolean(stream.ended);
        writer.key("segment_bytes").uint64(stream.segment_bytes);
        writer.key("kept").uint64(stream.kept);
        writer.key("kept_bytes").uint64(stream.kept_bytes);
        writer.key("spares").uint64(stream.spares);
        writer.key("spare_bytes").uint64(stream.spare_bytes);
        write_segments(writer, report, stream.stream);
        writer.end_object();
    }
    writer.end_array();
    writer.key("records_read").uint64(report.records);
    write_damages(writer, "damage", report.damages);
    write_damages(writer, "torn_tails", report.tails);
}

std::vector<std::string> record_columns() {
    return {"stream", "position", "segment", "offset", "kind", "tenant",
            "source", "rows",     "bytes",   "time",   "state"};
}

Row record_row(const JournalRecord& record) {
    const std::string source = record.source_id        ? *record.source_id
                               : record.tenant.empty() ? std::string()
                                                       : std::to_string(record.header.source.value);
    return {Cell::of_text(journal::stream_name(record.header.stream)),
            Cell::of_count(record.header.position),
            Cell::of_count(record.sequence),
            Cell::of_count(record.offset),
            Cell::of_text(record.kind),
            Cell::of_text(record.tenant),
            Cell::of_text(source),
            record.rows ? Cell::of_count(*record.rows) : Cell(),
            Cell::of_count(record.header.body_bytes),
            Cell::of_text(json::timestamp_text(wall_time(record))),
            Cell::of_text(state_of(record))};
}

std::string damage_text(const Damage& damage) {
    std::string text = printable(damage.error().detail());
    if (damage.kept) text += std::string(server::kKeptRemark);
    return text;
}

std::string report_text(const server::JournalReport& report) {
    Table table{.columns = {"stream", "segment", "records", "first position", "end position",
                            "bytes", "ending"},
                .rows = {}};
    for (const journal::StreamSummary& stream : report.streams) {
        for (const server::JournalSegment& segment : report.segments) {
            if (segment.stream != stream.stream) continue;
            const bool any = segment.records > 0;
            table.rows.push_back({Cell::of_text(journal::stream_name(stream.stream)),
                                  Cell::of_text(segment_text(segment)),
                                  Cell::of_count(segment.records),
                                  any ? Cell::of_count(segment.first_position) : Cell(),
                                  any ? Cell::of_count(segment.end_position) : Cell(),
                                  Cell::of_count(segment.file_bytes)});
        }
        if (stream.spares > 0) {
            table.rows.push_back({Cell::of_text(journal::stream_name(stream.stream)),
                                  Cell::of_text(fmt::format("{} spare", stream.spares)), Cell(),
                                  Cell(), Cell(), Cell::of_count(stream.spare_bytes)});
        }
        if (!table.rows.empty()) {
            table.rows.back().resize(table.columns.size());
            table.rows.back().back() = Cell::of_text(std::string(ending(stream)));
        }
    }
    std::string text = render_table(table, 0);
    for (const Damage& tail : report.tails) {
        text += fmt::format(
            "torn tail, which is no damage: {} ({} bytes that were never acknowledged)\n",
            damage_text(tail), tail.bytes);
    }
    for (const Damage& damage : report.damages) text += "damage: " + damage_text(damage) + "\n";
    return text;
}

void write_salvage(json::JsonWriter& writer, const server::SalvageReport& report) {
    writer.key("streams").begin_array();
    for (const journal::StreamPlan& stream : report.plan.streams) {
        write_stream_plan(writer, stream);
    }
    writer.end_array();
    writer.key("lost_records").begin_array();
    for (const server::LostJournalRecord& lost : report.lost) {
        writer.begin_object().key("certain").boolean(lost.certain);
        writer.key("record");
        write_record(writer, lost.record);
        writer.end_object();
    }
    writer.end_array();
    writer.key("lost_records_unlisted").uint64(report.lost_unlisted);
    writer.key("salvaged").begin_array();
    for (const journal::SalvagedStream& stream : report.salvaged) {
        writer.begin_object();
        writer.key("stream").string(journal::stream_name(stream.stream));
        writer.key("copy").string(printable(stream.copy));
        writer.key("segments_replaced").uint64(stream.segments_replaced);
        writer.end_object();
    }
    writer.end_array();
}

std::string salvage_text(const server::SalvageReport& report, const std::string& data_dir) {
    if (report.plan.streams.empty()) return "The journal is not damaged: nothing to salvage.\n";
    std::string text;
    for (const journal::StreamPlan& stream : report.plan.streams) {
        for (const Damage& damage : stream.damages) text += "damage: " + damage_text(damage) + "\n";
    }
    for (const server::LostJournalRecord& lost : report.lost) text += lost_line(lost);
    if (report.lost_unlisted > 0) {
        text += fmt::format("lost: {} more records\n", report.lost_unlisted);
    }
    for (const journal::StreamPlan& stream : report.plan.streams) {
        const std::string name = journal::stream_name(stream.stream);
        for (const auto& [sequence, segment] : stream.segments) {
            for (const journal::LostRange& range : segment.lost) {
                text += fmt::format("lost: all of stream {} from position {} to {} ({} bytes)\n",
                                    name, range.position, range.end, range.end - range.position);
            }
        }
        text += fmt::format("stream {}: {} records are good and stay, {} bytes are lost\n", name,
                            stream.kept_records, stream.lost_bytes);
    }
    for (const journal::SalvagedStream& stream : report.salvaged) {
        text += fmt::format("stream {}: {} segments replaced; as it was it lies in {}\n",
                            journal::stream_name(stream.stream), stream.segments_replaced,
                            printable(stream.copy));
    }
    if (report.salvaged.empty()) {
        text += fmt::format(
            "Nothing was changed. To give up what is lost, so that the server starts:\n"
            "  insula journal salvage --data-dir {} --accept-loss\n",
            printable(data_dir));
    } else {
        text +=
            "The server starts from here. Nothing needs the copies; remove them when you do "
            "not either.\n";
    }
    return text;
}

}  // namespace insula::cli
