#include "stores/tables/ingest/parquet_shredder.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "platform/json/json_writer.h"
#include "stores/tables/ingest/batch_builder.h"

namespace insula::tables {

namespace {

std::string int128_text(__int128 value) {
    std::array<char, json::kNumberTextMax> text;
    return {text.data(), json::format_int128(text.data(), value)};
}

void put(BatchBuilder& builder, const BatchBuilder::Field& field, engine::ResultType type,
         const engine::ResultBatch::Column& column, uint32_t row) {
    switch (type) {
        case engine::ResultType::boolean:
            return builder.put_bool(field, column.values<uint8_t>()[row] != 0);
        case engine::ResultType::int64:
            return builder.put_int(field, column.values<int64_t>()[row]);
        case engine::ResultType::float64: {
            const double value = column.values<double>()[row];
            // JSON has no such numbers, and neither have we: absent, like a null.
            if (std::isfinite(value)) builder.put_double(field, value);
            return;
        }
        case engine::ResultType::string:
            return builder.put_string(field, column.values<StringRef>()[row].view());
        case engine::ResultType::date:
            return builder.put_date(field, column.values<int32_t>()[row]);
        case engine::ResultType::timestamp:
            return builder.put_timestamp(field, column.values<int64_t>()[row]);
        case engine::ResultType::json:
            return builder.put_json(field, column.values<StringRef>()[row].view());
        case engine::ResultType::int128:
            return builder.put_rest(field, int128_text(column.values<__int128>()[row]));
    }
}

}  // namespace

Result<size_t> MemoryFile::read_at(MutableBytes out, uint64_t offset) {
    if (offset >= content_.size()) return 0;
    const size_t count = std::min<uint64_t>(out.size(), content_.size() - offset);
    std::memcpy(out.data(), content_.data() + offset, count);
    return count;
}

Result<Batch> shred_parquet(engine::Instance& engine, std::shared_ptr<engine::ReadableFile> file,
                            SchemaPtr schema, Deadline deadline, CancelToken cancel) {
    ASSIGN_OR_RETURN(const auto stream, engine.read_parquet(std::move(file), deadline, cancel));
    BatchBuilder builder(std::move(schema));
    engine::ResultBatch batch;
    for (;;) {
        ASSIGN_OR_RETURN(const bool more, stream->next(batch));
        if (!more) break;
        for (uint32_t row = 0; row < batch.rows; ++row) {
            builder.begin_row();
            for (size_t i = 0; i < batch.columns.size(); ++i) {
                if (!batch.columns[i].valid(row)) continue;
                const engine::ResultColumn& column = stream->columns()[i];
                ASSIGN_OR_RETURN(const BatchBuilder::Field field, builder.field(column.name));
                put(builder, field, column.type, batch.columns[i], row);
            }
            RETURN_IF_ERROR(builder.end_row());
        }
    }
    return builder.finish();
}

}  // namespace insula::tables
