// Bodies of writes: JSON, NDJSON, the envelope, CSV; and the bodies of journal records.
#include <string>

#include "fuzz_target.h"
#include "stores/tables/columns.h"
#include "stores/tables/ingest/csv_shredder.h"
#include "stores/tables/ingest/json_shredder.h"
#include "stores/tables/memtable/record_codec.h"

namespace insula::tables {
namespace {

// A source whose columns are of every type, so that values meet kinds that they are not of.
SchemaPtr sample_schema() {
    static const SchemaPtr schema = [] {
        auto made = std::make_shared<Schema>();
        made->add({}, "b", ColumnType::boolean, true);
        made->add({}, "i", ColumnType::int64, true);
        made->add({}, "f", ColumnType::float64, true);
        made->add({}, "s", ColumnType::string, true);
        made->add({}, "d", ColumnType::date, true);
        made->add({}, "t", ColumnType::timestamp, true);
        made->add({"o"}, "j", ColumnType::json, true);
        return made;
    }();
    return schema;
}

SchemaPtr empty_schema() {
    static const auto schema = std::make_shared<const Schema>();
    return schema;
}

std::string encoded(const TableRecord& record) {
    ByteWriter out;
    if (record.restatement) {
        encode_restatement(*record.restatement, record.chunks, out);
        return out.take();
    }
    encode_head(record.head, out);
    for (const ChunkRows& rows : record.chunks) encode_chunk(*rows.chunk, out);
    return out.take();
}

// What was accepted must survive the journal as it is.
void check_batch(const Batch& batch) {
    TableRecord record{.head = {.first_row_id = 7, .schema_changes = batch.changes}};
    for (const auto& chunk : batch.chunks) record.chunks.push_back({chunk, chunk->rows(), 0});
    const std::string bytes = encoded(record);
    const auto decoded = decode_record(as_bytes(bytes));
    INSULA_FUZZ_EXPECT(decoded.has_value(), decoded.error().describe());
    INSULA_FUZZ_EXPECT(decoded->rows == batch.rows, "rows of the batch and of its record");
    INSULA_FUZZ_EXPECT(decoded->head == record.head, "the record's head");
    INSULA_FUZZ_EXPECT(encoded(*decoded) == bytes, "encoding is stable");
    uint64_t rows = 0;
    for (const auto& chunk : batch.chunks) {
        INSULA_FUZZ_EXPECT(chunk->rows() > 0, "no chunk is empty");
        for (const ChunkColumn& column : chunk->columns()) {
            INSULA_FUZZ_EXPECT(
                batch.schema->find_id(column.id) != Schema::kNone || column.id == kRestColumn,
                "every column is of the schema");
        }
        rows += chunk->rows();
    }
    INSULA_FUZZ_EXPECT(rows == batch.rows, "rows of the chunks");
}

// A body that anybody may send is at most wrong.
void check(const Result<Batch>& batch) {
    if (batch) return check_batch(*batch);
    const Code code = batch.error().code();
    INSULA_FUZZ_EXPECT(code == Code::invalid_argument || code == Code::payload_too_large,
                       batch.error().describe());
    INSULA_FUZZ_EXPECT(!batch.error().message().empty(), "an error says what is wrong");
}

// The body with readable bytes behind it, and a way to vary the schema: the first byte.
struct Body {
    explicit Body(Bytes input) : padded(as_text(input)) {
        if (!padded.empty()) {
            schema = (padded[0] & 1) != 0 ? sample_schema() : empty_schema();
            padded.erase(0, 1);
        }
        size = padded.size();
        padded.append(kJsonPadding, '\0');
    }
    std::string_view text() const { return std::string_view(padded).substr(0, size); }

    std::string padded;
    size_t size = 0;
    SchemaPtr schema = empty_schema();
};

}  // namespace

INSULA_FUZZ_TARGET(json, input) {
    const Body body(input);
    check(shred_json(body.text(), body.schema));
    check(shred_ndjson(body.text(), body.schema));
    if (const auto source = envelope_source(body.text())) {
        check(shred_envelope(body.text(), body.schema));
    }
}

INSULA_FUZZ_TARGET(csv, input) {
    const Body body(input);
    check(shred_csv(body.text(), ',', body.schema));
    check(shred_csv(body.text(), '\t', body.schema));
}

// Bytes that a disk may give back: decoded as they are, or refused.
INSULA_FUZZ_TARGET(record, input) {
    const auto record = decode_record(input);
    if (!record) {
        INSULA_FUZZ_EXPECT(record.error().code() == Code::data_loss, record.error().describe());
        return;
    }
    const auto again = decode_record(as_bytes(encoded(*record)));
    INSULA_FUZZ_EXPECT(again.has_value(), again.error().describe());
    INSULA_FUZZ_EXPECT(again->head == record->head && again->rows == record->rows,
                       "a record that was read can be written and read again");
}

}  // namespace insula::tables
