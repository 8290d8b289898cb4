#include "server/readiness.h"

#include <array>

#include "platform/engine/engine.h"

namespace insula::server {

namespace {

constexpr std::chrono::seconds kProbeDeadline{10};
constexpr std::string_view kProbeSetting = "readiness_probe";

Status probe_journal(journal::Journal& journal) {
    const std::array<Bytes, 1> body{as_bytes("ready")};
    ASSIGN_OR_RETURN(const Lsn lsn, journal.append({.kind = journal::RecordKind::probe}, body,
                                                   Deadline::after(kProbeDeadline)));
    return journal.wait_durable(lsn, Deadline::after(kProbeDeadline));
}

Status probe_catalog(catalog::Catalog& catalog, const std::string& value) {
    RETURN_IF_ERROR(catalog.put_setting(kProbeSetting, value));
    ASSIGN_OR_RETURN(const auto stored, catalog.setting(kProbeSetting));
    if (stored == value) return {};
    return fail(data_loss("the catalog gave back another value than was written"));
}

Status probe_files(FileSystem& fs, const std::string& path, const std::string& value) {
    RETURN_IF_ERROR(write_file_durably(fs, path, value));
    ASSIGN_OR_RETURN(const std::string stored, read_file(fs, path, value.size() + 1));
    if (stored != value)
        return fail(data_loss("a file gave back another content than was written"));
    return fs.remove(path);
}

Status probe_engine(tables::EngineHost& engines) {
    constexpr int64_t kProbeValue = 42;
    constexpr ColumnId kColumn{1};
    ASSIGN_OR_RETURN(const auto engine, engines.maintenance());
    const std::array<ColumnSpec, 1> specs{ColumnSpec{kColumn, ColumnType::int64}};
    auto chunk = std::make_shared<Chunk>(specs, 1);
    chunk->writable_columns()[0].values<int64_t>()[0] = kProbeValue;
    chunk->writable_columns()[0].valid[0] = 1;
    chunk->add_rows(1);
    engine::Scan scan;
    scan.columns = {{kColumn, "value", ColumnType::int64}};
    scan.chunks = {{chunk, 1, 0}};
    engine::Query query;
    query.sql = "SELECT value FROM scan_0";
    query.scans.push_back(std::move(scan));
    ASSIGN_OR_RETURN(
        const auto stream,
        engine->query(std::move(query), Deadline::after(kProbeDeadline), CancelToken()));
    engine::ResultBatch batch;
    ASSIGN_OR_RETURN(const bool any, stream->next(batch));
    if (any && batch.rows == 1 && batch.columns.at(0).values<int64_t>()[0] == kProbeValue)
        return {};
    return fail(internal_error("the engine did not give back the probe's row"));
}

}  // namespace

Status prove_readiness(const ReadinessServices& services) {
    const std::string value = std::to_string(services.clock.wall_now());
    RETURN_IF_ERROR(probe_journal(services.journal));
    RETURN_IF_ERROR(probe_catalog(services.catalog, value));
    RETURN_IF_ERROR(probe_files(services.fs, services.probe_path, value));
    return probe_engine(services.engines);
}

}  // namespace insula::server
