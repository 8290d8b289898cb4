// The body of a table_write record in the journal (docs/formats/table-record.md): what was
// shredded, so that applying it cannot fail and replay does not depend on any parser. Tagged
// sections; an unknown tag is data_loss.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "core/catalog/types.h"
#include "platform/engine/chunk.h"
#include "platform/runtime/clock.h"

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

// A record that writes rows of earlier ones once more, so that those are needed no longer. It
// counts if the source's flushed_lsn is its own place: else the earlier ones are still there.
struct Restatement {
    WallNanos last_write_at = 0;  // of the source
    bool operator==(const Restatement&) const = default;
};

struct TableRecord {
    RecordHead head;
    std::optional<Restatement> restatement;
    std::vector<ChunkRows> chunks;
    uint64_t rows = 0;
    uint64_t bytes = 0;  // of the chunks
};

// A written record is its head and then its chunks, whose rows have consecutive ids.
void encode_head(const RecordHead& head, ByteWriter& out);
void encode_chunk(const Chunk& chunk, ByteWriter& out);
// A whole record; of whole chunks.
void encode_restatement(const Restatement& restatement, std::span<const ChunkRows> chunks,
                        ByteWriter& out);
Result<TableRecord> decode_record(Bytes body);

}  // namespace insula::tables
