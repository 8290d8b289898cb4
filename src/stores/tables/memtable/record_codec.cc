#include "stores/tables/memtable/record_codec.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "stores/tables/ingest/schema.h"

namespace insula::tables {

namespace {

// Tags on disk: never reused.
enum class Section : uint8_t {
    rows = 1,           // first_row_id: u64; of the chunks up to the next such section
    schema_change = 2,  // count: u32, then the columns
    idempotency = 3,    // key: string, body hash: u64
    audit = 4,          // principal, request id, remote address: strings
    chunk = 5,
    restatement = 6,  // last_write_at: u64
};

constexpr uint8_t kDeclared = 1;
constexpr uint8_t kExactInDouble = 2;
constexpr uint8_t kHasNulls = 1;
constexpr uint32_t kStoredColumnsMax = 4096;  // in a chunk; more is damage

// Runs `write` between a tag with its length and the section's end.
template <class Write>
void put_section(ByteWriter& out, Section tag, Write write) {
    out.put(static_cast<uint8_t>(tag));
    const size_t length_at = out.size();
    out.put<uint32_t>(0);
    write();
    out.patch(length_at, static_cast<uint32_t>(out.size() - length_at - sizeof(uint32_t)));
}

void put_column(ByteWriter& out, const catalog::Column& column) {
    out.put(column.id.value);
    out.put(static_cast<uint8_t>(column.type));
    out.put(static_cast<uint8_t>((column.declared ? kDeclared : 0) |
                                 (column.exact_in_double ? kExactInDouble : 0)));
    out.put(static_cast<uint8_t>(column.path.size()));
    for (const std::string& key : column.path) out.put_string(key);
}

Result<ColumnType> get_type(ByteReader& in) {
    ASSIGN_OR_RETURN(const uint8_t type, in.get<uint8_t>());
    if (type < static_cast<uint8_t>(ColumnType::boolean) ||
        type > static_cast<uint8_t>(ColumnType::json)) {
        return fail(data_loss("table record: unknown column type " + std::to_string(type)));
    }
    return static_cast<ColumnType>(type);
}

Result<catalog::Column> get_column(ByteReader& in) {
    catalog::Column column;
    ASSIGN_OR_RETURN(column.id.value, in.get<uint64_t>());
    ASSIGN_OR_RETURN(column.type, get_type(in));
    ASSIGN_OR_RETURN(const uint8_t flags, in.get<uint8_t>());
    column.declared = (flags & kDeclared) != 0;
    column.exact_in_double = (flags & kExactInDouble) != 0;
    ASSIGN_OR_RETURN(const uint8_t keys, in.get<uint8_t>());
    for (uint8_t i = 0; i < keys; ++i) {
        ASSIGN_OR_RETURN(const std::string_view key, in.get_string());
        column.path.emplace_back(key);
    }
    column.name = column_name(column.path);
    return column;
}

// Fixed-width values of the rows that have one.
void put_values(ByteWriter& out, const ChunkColumn& column, uint32_t rows, bool has_nulls) {
    const size_t width = column_type_width(column.type);
    if (!has_nulls) {
        out.put_bytes({column.data, rows * width});
        return;
    }
    for (uint32_t row = 0; row < rows; ++row) {
        if (column.valid[row] != 0) out.put_bytes({column.data + row * width, width});
    }
}

void put_texts(ByteWriter& out, const ChunkColumn& column, uint32_t rows) {
    const auto* texts = column.values<StringRef>();
    size_t bytes = 0;
    for (uint32_t row = 0; row < rows; ++row) {
        if (column.valid[row] == 0) continue;
        out.put(texts[row].size());
        bytes += texts[row].size();
    }
    std::string& buffer = out.buffer();
    size_t at = buffer.size();
    buffer.resize(at + bytes);
    for (uint32_t row = 0; row < rows; ++row) {
        if (column.valid[row] == 0) continue;
        const std::string_view text = texts[row].view();
        std::memcpy(buffer.data() + at, text.data(), text.size());
        at += text.size();
    }
}

void put_validity(ByteWriter& out, const ChunkColumn& column, uint32_t rows) {
    for (uint32_t row = 0; row < rows; row += 8) {
        uint8_t bits = 0;
        for (uint32_t bit = 0; bit < 8 && row + bit < rows; ++bit) {
            bits = static_cast<uint8_t>(bits | (column.valid[row + bit] << bit));
        }
        out.put(bits);
    }
}

Status get_validity(ByteReader& in, ChunkColumn& column, uint32_t rows, bool has_nulls) {
    if (!has_nulls) {
        std::memset(column.valid, 1, rows);
        return {};
    }
    ASSIGN_OR_RETURN(const Bytes bits, in.get_bytes((rows + 7) / 8));
    for (uint32_t row = 0; row < rows; ++row) {
        column.valid[row] = (static_cast<uint8_t>(bits[row / 8]) >> (row % 8)) & 1;
    }
    return {};
}

Status get_values(ByteReader& in, ChunkColumn& column, uint32_t rows, bool has_nulls) {
    const size_t width = column_type_width(column.type);
    if (!has_nulls) {
        ASSIGN_OR_RETURN(const Bytes values, in.get_bytes(rows * width));
        std::memcpy(column.data, values.data(), values.size());
        return {};
    }
    std::memset(column.data, 0, rows * width);
    for (uint32_t row = 0; row < rows; ++row) {
        if (column.valid[row] == 0) continue;
        ASSIGN_OR_RETURN(const Bytes value, in.get_bytes(width));
        std::memcpy(column.data + row * width, value.data(), width);
    }
    return {};
}

Status get_texts(ByteReader& in, Chunk& chunk, ChunkColumn& column, uint32_t rows) {
    std::memset(column.data, 0, rows * sizeof(StringRef));
    std::vector<uint32_t> lengths(rows);
    for (uint32_t row = 0; row < rows; ++row) {
        if (column.valid[row] == 0) continue;
        ASSIGN_OR_RETURN(lengths[row], in.get<uint32_t>());
    }
    auto* texts = column.values<StringRef>();
    for (uint32_t row = 0; row < rows; ++row) {
        if (column.valid[row] == 0) continue;
        ASSIGN_OR_RETURN(const Bytes text, in.get_bytes(lengths[row]));
        texts[row] = chunk.store(as_text(text));
    }
    return {};
}

struct StoredColumn {
    ColumnSpec spec;
    bool has_nulls;
};

Result<std::shared_ptr<const Chunk>> get_chunk(ByteReader in) {
    ASSIGN_OR_RETURN(const uint32_t rows, in.get<uint32_t>());
    ASSIGN_OR_RETURN(const uint32_t count, in.get<uint32_t>());
    if (rows == 0 || rows > kChunkRowsMax || count > kStoredColumnsMax) {
        return fail(data_loss("table record: a chunk of " + std::to_string(rows) + " rows and " +
                              std::to_string(count) + " columns"));
    }
    std::vector<StoredColumn> stored(count);
    std::vector<ColumnSpec> specs;
    for (StoredColumn& column : stored) {
        ASSIGN_OR_RETURN(column.spec.id.value, in.get<uint64_t>());
        ASSIGN_OR_RETURN(column.spec.type, get_type(in));
        ASSIGN_OR_RETURN(const uint8_t flags, in.get<uint8_t>());
        column.has_nulls = (flags & kHasNulls) != 0;
        specs.push_back(column.spec);
    }
    auto chunk = std::make_shared<Chunk>(specs, rows);
    for (uint32_t i = 0; i < count; ++i) {
        ChunkColumn& column = chunk->writable_columns()[i];
        RETURN_IF_ERROR(get_validity(in, column, rows, stored[i].has_nulls));
        RETURN_IF_ERROR(is_text(column.type) ? get_texts(in, *chunk, column, rows)
                                             : get_values(in, column, rows, stored[i].has_nulls));
    }
    if (!in.at_end()) return fail(data_loss("table record: bytes behind a chunk's columns"));
    chunk->add_rows(rows);
    return chunk;
}

// `next_row_id` is that of the next chunk's first row.
Status get_section(Section tag, ByteReader in, Bytes payload, uint64_t& next_row_id,
                   TableRecord& record) {
    switch (tag) {
        case Section::rows: {
            ASSIGN_OR_RETURN(next_row_id, in.get<uint64_t>());
            if (record.chunks.empty()) record.head.first_row_id = next_row_id;
            return {};
        }
        case Section::schema_change: {
            ASSIGN_OR_RETURN(const uint32_t count, in.get<uint32_t>());
            for (uint32_t i = 0; i < count; ++i) {
                ASSIGN_OR_RETURN(catalog::Column column, get_column(in));
                record.head.schema_changes.push_back(std::move(column));
            }
            return {};
        }
        case Section::idempotency: {
            RecordIdempotency entry;
            ASSIGN_OR_RETURN(const std::string_view key, in.get_string());
            entry.key = key;
            ASSIGN_OR_RETURN(entry.body_hash, in.get<uint64_t>());
            record.head.idempotency = std::move(entry);
            return {};
        }
        case Section::audit: {
            for (std::string* part : {&record.head.audit.principal, &record.head.audit.request_id,
                                      &record.head.audit.remote_address}) {
                ASSIGN_OR_RETURN(const std::string_view text, in.get_string());
                *part = text;
            }
            return {};
        }
        case Section::chunk: {
            ASSIGN_OR_RETURN(auto chunk, get_chunk(ByteReader(payload, "table record chunk")));
            const uint32_t rows = chunk->rows();
            record.rows += rows;
            record.bytes += chunk->bytes();
            record.chunks.push_back({std::move(chunk), rows, next_row_id});
            next_row_id += rows;
            return {};
        }
        case Section::restatement: {
            ASSIGN_OR_RETURN(const uint64_t last_write_at, in.get<uint64_t>());
            record.restatement = {.last_write_at = static_cast<WallNanos>(last_write_at)};
            return {};
        }
    }
    return fail(
        data_loss("table record: unknown section " + std::to_string(static_cast<unsigned>(tag))));
}

}  // namespace

void encode_head(const RecordHead& head, ByteWriter& out) {
    put_section(out, Section::rows, [&] { out.put(head.first_row_id); });
    if (!head.schema_changes.empty()) {
        put_section(out, Section::schema_change, [&] {
            out.put(static_cast<uint32_t>(head.schema_changes.size()));
            for (const catalog::Column& column : head.schema_changes) put_column(out, column);
        });
    }
    if (head.idempotency) {
        put_section(out, Section::idempotency, [&] {
            out.put_string(head.idempotency->key);
            out.put(head.idempotency->body_hash);
        });
    }
    put_section(out, Section::audit, [&] {
        out.put_string(head.audit.principal);
        out.put_string(head.audit.request_id);
        out.put_string(head.audit.remote_address);
    });
}

void encode_chunk(const Chunk& chunk, ByteWriter& out) {
    const uint32_t rows = chunk.rows();
    INSULA_CHECK(rows > 0, "a record holds no empty chunk");
    out.reserve(out.size() + chunk.bytes() + 64);
    put_section(out, Section::chunk, [&] {
        out.put(rows);
        out.put(static_cast<uint32_t>(chunk.columns().size()));
        std::vector<bool> has_nulls;
        for (const ChunkColumn& column : chunk.columns()) {
            has_nulls.push_back(std::memchr(column.valid, 0, rows) != nullptr);
            out.put(column.id.value);
            out.put(static_cast<uint8_t>(column.type));
            out.put(static_cast<uint8_t>(has_nulls.back() ? kHasNulls : 0));
        }
        for (size_t i = 0; i < chunk.columns().size(); ++i) {
            const ChunkColumn& column = chunk.columns()[i];
            if (has_nulls[i]) put_validity(out, column, rows);
            if (is_text(column.type)) {
                put_texts(out, column, rows);
            } else {
                put_values(out, column, rows, has_nulls[i]);
            }
        }
    });
}

void encode_restatement(const Restatement& restatement, std::span<const ChunkRows> chunks,
                        ByteWriter& out) {
    put_section(out, Section::restatement,
                [&] { out.put(static_cast<uint64_t>(restatement.last_write_at)); });
    std::optional<uint64_t> next_row_id;
    for (const ChunkRows& rows : chunks) {
        INSULA_CHECK(rows.rows == rows.chunk->rows(), "a record holds whole chunks");
        if (next_row_id != rows.first_row_id) {
            put_section(out, Section::rows, [&] { out.put(rows.first_row_id); });
        }
        encode_chunk(*rows.chunk, out);
        next_row_id = rows.first_row_id + rows.rows;
    }
}

Result<TableRecord> decode_record(Bytes body) {
    TableRecord record;
    uint64_t next_row_id = 0;
    ByteReader in(body, "table record");
    while (!in.at_end()) {
        ASSIGN_OR_RETURN(const uint8_t tag, in.get<uint8_t>());
        ASSIGN_OR_RETURN(const uint32_t length, in.get<uint32_t>());
        ASSIGN_OR_RETURN(const Bytes payload, in.get_bytes(length));
        RETURN_IF_ERROR(get_section(static_cast<Section>(tag),
                                    ByteReader(payload, "table record section"), payload,
                                    next_row_id, record));
    }
    return record;
}

}  // namespace insula::tables
