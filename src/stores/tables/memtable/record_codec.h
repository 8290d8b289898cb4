// The body of a table_write record in the journal (docs/formats/table-record.md): what was
// shredded, so that applying it cannot fail and replay does not depend on any parser. Tagged
// sections; an unknown tag is data_loss.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "core/catalog/types.h"
#include "platform/engine/chunk.h"

namespace insula::tables {

// Who did it: travels inside the record that commits it.
struct AuditStamp {
    std::string principal;
    std::string request_id;
    std::string remote_address;
    bool operator==(const AuditStamp&) const = default;
};

struct RecordIdempotency {
    std::string key;
    uint64_t body_hash = 0;
    bool operator==(const RecordIdempotency&) const = default;
};

// What precedes the columns; small, and known only when the record gets its place.
struct RecordHead {
    uint64_t first_row_id = 0;
    std::vector<catalog::Column> schema_changes;
    std::optional<RecordIdempotency> idempotency;
    AuditStamp audit;
    bool operator==(const RecordHead&) const = default;
};

struct TableRecord {
    RecordHead head;
    std::vector<std::shared_ptr<const Chunk>> chunks;
    uint64_t rows = 0;
    uint64_t bytes = 0;  // of the chunks
};

void encode_head(const RecordHead& head, ByteWriter& out);
void encode_chunk(const Chunk& chunk, ByteWriter& out);
Result<TableRecord> decode_record(Bytes body);

}  // namespace insula::tables
