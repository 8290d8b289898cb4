#include "server/offline/journal_report.h"

#include <algorithm>

#include "stores/tables/memtable/record_codec.h"

namespace insula::server {

namespace {

using journal::FoundRecord;
using journal::RecordKind;

std::string kind_name(uint8_t kind) {
    switch (static_cast<RecordKind>(kind)) {
        case RecordKind::table_write:
            return "table_write";
        case RecordKind::probe:
            return "probe";
        case RecordKind::lost:
            return "lost";
        case RecordKind::end:
            return "end";
    }
    return "unknown";
}

JournalRecord describe(const journal::StoredRecord& header, Bytes body, const Names& names) {
    JournalRecord record{.header = header, .kind = kind_name(header.kind)};
    if (header.kind != static_cast<uint8_t>(RecordKind::table_write)) return record;
    record.tenant = names.tenant(header.tenant);
    if (const Names::SourceName* source = names.source(header.source)) {
        record.source_id = source->source_id;
        record.in_files = Lsn{header.stream, header.position} < source->flushed_lsn;
    } else {
        record.removed = true;
    }
    if (const auto rows = tables::decode_record(body)) record.rows = rows->rows;
    return record;
}

Result<Names> load_names(StoppedNode& node) {
    ASSIGN_OR_RETURN(catalog::Catalog * catalog, node.catalog());
    return Names::load(*catalog);
}

Error unknown(std::string_view what, std::string_view name) {
    return not_found(what == "tenant" ? "tenant_not_found" : "source_not_found",
                     "There is no " + std::string(what) + " \"" + std::string(name) + "\".")
        .with_hint("Ids always work: a tenant's UUID, a source's incarnation.");
}

class Reporter final : public journal::JournalInspector {
  public:
    Reporter(const Names& names, const JournalFilter& filter, const RecordHandler& on_record,
             JournalReport& report)
        : names_(names), filter_(filter), on_record_(on_record), report_(report) {}

    Status resolve_filter() {
        if (!filter_.tenant.empty()) {
            tenant_ = names_.find_tenant(filter_.tenant);
            if (!tenant_) return fail(unknown("tenant", filter_.tenant));
        }
        if (!filter_.source.empty()) {
            sources_ = names_.find_sources(filter_.source);
            if (sources_.empty()) return fail(unknown("source", filter_.source));
        }
        return {};
    }

    Status segment(const journal::FoundSegment& found) override {
        report_.segments.push_back({.stream = found.header.stream,
                                    .sequence = found.header.sequence,
                                    .path = found.path,
                                    .file_bytes = found.file_bytes,
                                    .kept = found.kept});
        return {};
    }

    Status record(const FoundRecord& found) override {
        ++report_.records;
        JournalSegment& segment = report_.segments.back();
        if (segment.records++ == 0) segment.first_position = found.header.position;
        segment.end_position =
            found.header.position + journal::record_bytes(found.header.body_bytes);
        JournalRecord record = describe(found.header, found.body, names_);
        if (record.kind == kind_name(static_cast<uint8_t>(RecordKind::table_write)) &&
            !record.rows) {
            report_.damages.push_back(unreadable(found));
        }
        if (!wanted(found.header)) return {};
        record.sequence = found.sequence;
        record.offset = found.offset;
        return on_record_(record);
    }

    Status damage(const journal::Damage& damage) override {
        report_.damages.push_back(damage);
        return {};
    }
    Status torn_tail(const journal::Damage& tail) override {
        report_.tails.push_back(tail);
        return {};
    }
    Status stream(const journal::StreamSummary& summary) override {
        report_.streams.push_back(summary);
        return {};
    }

  private:
    // Its checksums are right, and yet it says nothing: no damage of the disk.
    journal::Damage unreadable(const FoundRecord& found) const {
        return {.stream = found.header.stream,
                .sequence = found.sequence,
                .path = report_.segments.back().path,
                .offset = found.offset,
                .bytes = journal::record_bytes(found.header.body_bytes),
                .what = "the record holds no rows that this version can read",
                .newer = true,
                .position = found.header.position};
    }

    bool wanted(const journal::StoredRecord& header) const {
        if (filter_.from_position && header.position < *filter_.from_position) return false;
        if (filter_.to_position && header.position >= *filter_.to_position) return false;
        if (tenant_ && header.tenant != *tenant_) return false;
        return sources_.empty() || std::ranges::find(sources_, header.source) != sources_.end();
    }

    const Names& names_;
    const JournalFilter& filter_;
    const RecordHandler& on_record_;
    JournalReport& report_;
    std::optional<TenantId> tenant_;
    std::vector<SourceIncarnation> sources_;
};

}  // namespace

Result<JournalReport> report_journal(StoppedNode& node, const JournalFilter& filter,
                                     const RecordHandler& on_record) {
    JournalReport report;
    auto names = load_names(node);
    if (!names) {
        report.nameless = names.error();
        names = Names();
    }
    Reporter reporter(*names, filter, on_record, report);
    RETURN_IF_ERROR(reporter.resolve_filter());
    RETURN_IF_ERROR(
        journal::inspect(node.fs(), node.directory().journal_path(), filter.stream, reporter));
    return report;
}

Result<SalvageReport> salvage_journal(StoppedNode& node, bool accept_loss) {
    SalvageReport report;
    auto names = load_names(node);
    if (!names) {
        report.nameless = names.error();
        names = Names();
    }
    const auto on_lost = [&](const journal::LostRecord& lost) {
        if (report.lost.size() >= kLostRecordsListedMax) {
            ++report.lost_unlisted;
            return;
        }
        report.lost.push_back(
            {.record = describe(lost.header, lost.body, *names), .certain = lost.certain});
    };
    const std::string directory = node.directory().journal_path();
    ASSIGN_OR_RETURN(report.plan, journal::plan_salvage(node.fs(), directory, on_lost));
    if (!accept_loss) return report;
    ASSIGN_OR_RETURN(report.salvaged, journal::salvage(node.fs(), directory, report.plan));
    return report;
}

}  // namespace insula::server
