#include "core/catalog/tests/samples.h"

#include <bit>

namespace insula::catalog {

Tenant sample_tenant(uint8_t number) {
    Tenant tenant;
    tenant.id.bytes = {number, 2, 3, 4, 5, 6, 0x47, 8, 0x89, 10, 11, 12, 13, 14, 15, 0};
    tenant.slug = "tenant-" + std::to_string(number);
    tenant.name = "Tenant " + std::to_string(number);
    tenant.created_at = kSampleTime + number;
    tenant.profile = "profile";
    return tenant;
}

DirectoryEntry sample_entry(uint8_t tenant, std::string name) {
    DirectoryEntry entry;
    entry.tenant = sample_tenant(tenant).id;
    entry.value = "value of " + name;
    entry.name = std::move(name);
    return entry;
}

AuditRecord sample_audit(uint8_t number, std::string record) {
    AuditRecord audit;
    audit.id = {number, 9, 8};
    audit.tenant = sample_tenant(1).id;
    audit.record = std::move(record);
    return audit;
}

Column sample_column(uint64_t id, ColumnType type) {
    const std::string number = std::to_string(id);
    return {.id = ColumnId{id},
            .path = {"outer", "c" + number},
            .name = "outer.c" + number,
            .type = type,
            .declared = id % 2 == 1,
            .exact_in_double = id % 3 != 0};
}

Source sample_source(uint8_t tenant, uint64_t incarnation) {
    Source source;
    source.incarnation = SourceIncarnation{incarnation};
    source.tenant = sample_tenant(tenant).id;
    source.source_id = "source-" + std::to_string(incarnation);
    source.options = {.name = "Source " + std::to_string(incarnation),
                      .connection_string = "postgres://somewhere",
                      .data_path = "data/" + std::to_string(incarnation),
                      .partition_columns = {"day", "a,b"},
                      .index_columns = {"id"},
                      .compression = "lz4",
                      .max_file_bytes = 12345,
                      .wal_enabled = false};
    source.columns = {sample_column(1, ColumnType::int64), sample_column(2, ColumnType::string),
                      sample_column(3, ColumnType::float64)};
    source.created_at = kSampleTime + static_cast<WallNanos>(incarnation);
    return source;
}

DataFile sample_file(uint64_t id) {
    DataFile file{.id = FileId{id},
                  .epoch = Epoch{1},
                  .generation = Generation{id},
                  .part = 2,
                  .rows = 1000 + id,
                  .content_bytes = 2000 + id,
                  .stored_bytes = 3000 + id,
                  .raw_bytes = 4000 + id,
                  .origin = id % 2 == 0 ? "" : std::string("a\0b", 3) + std::to_string(id)};
    file.zones = {
        {.column = ColumnId{1}, .type = ColumnType::int64, .has_bounds = true, .min = -5, .max = 7},
        {.column = ColumnId{2},
         .type = ColumnType::string,
         .nulls = id,
         .has_bounds = true,
         .min_text = "",
         .max_text = std::string(kZoneTextMax, '\xf0')},
        {.column = ColumnId{3},
         .type = ColumnType::float64,
         .has_bounds = true,
         .min = std::bit_cast<int64_t>(-0.5),
         .max = std::bit_cast<int64_t>(1e300)},
        {.column = ColumnId{4}, .type = ColumnType::json, .has_bounds = true, .min_text = "{\"a\""},
        {.column = ColumnId{5}, .type = ColumnType::timestamp, .nulls = 1000 + id}};
    return file;
}

IdempotencyEntry sample_key(std::string key, uint64_t number, WallNanos created_at) {
    return {.key = std::move(key),
            .body_hash = UINT64_MAX - number,
            .rows = number,
            .lsn = {StreamId{3}, number},
            .created_at = created_at};
}

CommitFiles sample_commit(uint8_t tenant, uint64_t incarnation) {
    CommitFiles commit;
    commit.tenant = sample_tenant(tenant).id;
    commit.incarnation = SourceIncarnation{incarnation};
    commit.epoch = Epoch{1};
    commit.flushed_lsn = Lsn{StreamId{3}, 100};
    commit.generation = Generation{4};
    commit.next_row_id = 50;
    commit.now = kSampleTime;
    return commit;
}

}  // namespace insula::catalog
