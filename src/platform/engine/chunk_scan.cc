#include "platform/engine/chunk_scan.h"

#include <immintrin.h>

#include <algorithm>
#include <atomic>
#include <memory>

#include "duckdb/common/types/data_chunk.hpp"
#include "duckdb/common/types/string_type.hpp"
#include "platform/engine/query_state.h"

namespace insula::engine {

namespace {

using duckdb::ClientContext;
using duckdb::DataChunk;
using duckdb::FlatVector;
using duckdb::idx_t;
using duckdb::Vector;
using duckdb::VectorType;

// Values are lent to the engine as they lie in a chunk.
static_assert(sizeof(StringRef) == sizeof(duckdb::string_t));
static_assert(StringRef::kInlineMax == duckdb::string_t::INLINE_LENGTH);
static_assert(sizeof(bool) == 1);
static_assert(sizeof(duckdb::date_t) == 4 && sizeof(duckdb::timestamp_ns_t) == 8);
static_assert(kChunkRowsMax == STANDARD_VECTOR_SIZE);

// What one thread takes at a time: enough that taking costs nothing, few enough that threads end
// together.
constexpr size_t kChunksPerTurn = 16;
// A chunk below this many rows is copied together with its neighbours: below it, running the plan
// once more costs more than the copy.
constexpr uint32_t kSmallChunkRows = 256;

struct BindData final : duckdb::TableFunctionData {
    explicit BindData(const ScanSource& scan) : source(scan) {}
    duckdb::unique_ptr<FunctionData> Copy() const override {
        return duckdb::make_uniq<BindData>(source);
    }
    bool Equals(const FunctionData& other) const override {
        return &source == &other.Cast<BindData>().source;
    }
    const ScanSource& source;  // lives in the QueryState, which outlives the query
};

struct GlobalState final : duckdb::GlobalTableFunctionState {
    std::atomic<size_t> next_turn = 0;
    size_t turns = 0;
    std::vector<idx_t> columns;
    uint64_t row_width = 0;
    duckdb::shared_ptr<QueryState> query;
    idx_t MaxThreads() const override { return std::max<size_t>(turns, 1); }
};

struct LocalState final : duckdb::LocalTableFunctionState {
    size_t at = 0;
    size_t end = 0;
    size_t turn = 0;
    // Where each column stood in the last chunk: chunks of one generation are laid out alike.
    std::vector<size_t> places;
};

const ChunkColumn* find_column(const Chunk& chunk, ColumnId id, size_t& place) {
    const auto columns = chunk.columns();
    if (place < columns.size() && columns[place].id == id) return &columns[place];
    const ChunkColumn* found = chunk.find(id);
    if (found) place = static_cast<size_t>(found - columns.data());
    return found;
}

void check_type(const ChunkColumn& column, ColumnType wanted) {
    if (column.type == wanted || (is_text(column.type) && is_text(wanted))) return;
    if (column.type == ColumnType::int64 && wanted == ColumnType::float64) return;
    throw duckdb::InternalException("a chunk's column is of another type than its scan's");
}

// Bit i set where byte i is not 0.
void validity_bits(const uint8_t* valid, uint32_t rows, uint64_t* bits) {
    auto* words = reinterpret_cast<uint32_t*>(bits);
    uint32_t row = 0;
    for (; row + 32 <= rows; row += 32) {
        const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(valid + row));
        const __m256i absent = _mm256_cmpeq_epi8(bytes, _mm256_setzero_si256());
        words[row / 32] = ~static_cast<uint32_t>(_mm256_movemask_epi8(absent));
    }
    if (row == rows) return;
    uint32_t last = 0;
    for (uint32_t i = row; i < rows; ++i) last |= uint32_t{valid[i] != 0} << (i - row);
    words[row / 32] = last;
}

void set_validity(Vector& out, const uint8_t* valid, uint32_t rows) {
    if (std::memchr(valid, 0, rows) == nullptr) return;
    auto& mask = FlatVector::Validity(out);
    mask.Initialize(STANDARD_VECTOR_SIZE);
    validity_bits(valid, rows, mask.GetData());
}

void set_null(Vector& out) {
    out.SetVectorType(VectorType::CONSTANT_VECTOR);
    duckdb::ConstantVector::SetNull(out, true);
}

// nullptr where rows have consecutive ids.
const ChunkColumn* row_ids(const Chunk& chunk) {
    const auto columns = chunk.columns();
    return !columns.empty() && columns.back().id == kRowIdColumn ? &columns.back() : nullptr;
}

void widen(const ChunkColumn& column, uint32_t rows, double* out) {
    const auto* values = column.values<int64_t>();
    for (uint32_t i = 0; i < rows; ++i) out[i] = static_cast<double>(values[i]);
}

// Lends the chunk's memory to the vector: no copy, but for an int64 that shows as float64.
void show_column(const ChunkColumn& column, ColumnType type, uint32_t rows, Vector& out) {
    check_type(column, type);
    if (column.type == ColumnType::int64 && type == ColumnType::float64) {
        widen(column, rows, FlatVector::GetData<double>(out));
    } else {
        FlatVector::SetData(out, reinterpret_cast<duckdb::data_ptr_t>(column.data));
    }
    set_validity(out, column.valid, rows);
}

void copy_column(const ChunkColumn* column, ColumnType type, uint32_t rows, uint32_t at,
                 Vector& out) {
    auto& mask = FlatVector::Validity(out);
    if (column == nullptr) {
        for (uint32_t i = 0; i < rows; ++i) mask.SetInvalid(at + i);
        return;
    }
    check_type(*column, type);
    if (column->type == ColumnType::int64 && type == ColumnType::float64) {
        widen(*column, rows, FlatVector::GetData<double>(out) + at);
    } else {
        const size_t width = column_type_width(type);
        std::memcpy(FlatVector::GetData(out) + at * width, column->data, rows * width);
    }
    for (uint32_t i = 0; i < rows; ++i) {
        if (column->valid[i] == 0) mask.SetInvalid(at + i);
    }
}

void show_row_ids(const ChunkRows& chunk, Vector& out) {
    if (const ChunkColumn* ids = row_ids(*chunk.chunk)) {
        return show_column(*ids, ColumnType::int64, chunk.rows, out);
    }
    out.Sequence(static_cast<int64_t>(chunk.first_row_id), 1, chunk.rows);
}

void copy_row_ids(const ChunkRows& chunk, int64_t* out) {
    if (const ChunkColumn* ids = row_ids(*chunk.chunk)) {
        std::memcpy(out, ids->data, chunk.rows * sizeof *out);
        return;
    }
    for (uint32_t row = 0; row < chunk.rows; ++row) {
        out[row] = static_cast<int64_t>(chunk.first_row_id + row);
    }
}

class Emitter {
  public:
    Emitter(const ScanSource& source, const GlobalState& global, LocalState& local, DataChunk& out)
        : source_(source), global_(global), local_(local), out_(out) {}

    uint32_t show(const ChunkRows& chunk) {
        for (size_t i = 0; i < global_.columns.size(); ++i) {
            const idx_t index = global_.columns[i];
            Vector& vector = out_.data[i];
            if (index == source_.columns.size()) {
                show_row_ids(chunk, vector);
            } else if (index > source_.columns.size()) {
                set_null(vector);  // only counted
            } else {
                const ScanColumn& column = source_.columns[index];
                const ChunkColumn* found = find_column(*chunk.chunk, column.id, local_.places[i]);
                found ? show_column(*found, column.type, chunk.rows, vector) : set_null(vector);
            }
        }
        return chunk.rows;
    }

    // Copies chunks from local.at on until one does not fit.
    uint32_t gather() {
        uint32_t rows = 0;
        while (local_.at < local_.end) {
            const ChunkRows& chunk = source_.chunks[local_.at];
            if (chunk.rows >= kSmallChunkRows || rows + chunk.rows > kChunkRowsMax) break;
            append(chunk, rows);
            rows += chunk.rows;
            ++local_.at;
        }
        return rows;
    }

  private:
    void append(const ChunkRows& chunk, uint32_t at) {
        for (size_t i = 0; i < global_.columns.size(); ++i) {
            const idx_t index = global_.columns[i];
            Vector& vector = out_.data[i];
            if (index == source_.columns.size()) {
                copy_row_ids(chunk, FlatVector::GetData<int64_t>(vector) + at);
            } else if (index > source_.columns.size()) {
                set_null(vector);
            } else {
                const ScanColumn& column = source_.columns[index];
                copy_column(find_column(*chunk.chunk, column.id, local_.places[i]), column.type,
                            chunk.rows, at, vector);
            }
        }
    }

    const ScanSource& source_;
    const GlobalState& global_;
    LocalState& local_;
    DataChunk& out_;
};

duckdb::unique_ptr<duckdb::FunctionData> bind(ClientContext& context,
                                              duckdb::TableFunctionBindInput& input,
                                              duckdb::vector<duckdb::LogicalType>& types,
                                              duckdb::vector<std::string>& names) {
    const auto query = QueryState::find(context);
    const auto index = static_cast<size_t>(input.inputs[0].GetValue<int64_t>());
    if (!query || index >= query->scans()) throw duckdb::BinderException("no such scan");
    const ScanSource& source = query->source(index);
    types = source.types;
    names = source.names;
    return duckdb::make_uniq<BindData>(source);
}

duckdb::unique_ptr<duckdb::GlobalTableFunctionState> init_global(
    ClientContext& context, duckdb::TableFunctionInitInput& input) {
    const ScanSource& source = input.bind_data->Cast<BindData>().source;
    auto state = duckdb::make_uniq<GlobalState>();
    state->query = QueryState::find(context);
    state->turns = (source.chunks.size() + kChunksPerTurn - 1) / kChunksPerTurn;
    for (const duckdb::column_t column : input.column_ids) {
        state->columns.push_back(column);
        if (column < source.columns.size()) {
            state->row_width += column_type_width(source.columns[column].type);
        }
    }
    return state;
}

duckdb::unique_ptr<duckdb::LocalTableFunctionState> init_local(
    duckdb::ExecutionContext&, duckdb::TableFunctionInitInput&,
    duckdb::GlobalTableFunctionState* global) {
    auto state = duckdb::make_uniq<LocalState>();
    state->places.resize(global->Cast<GlobalState>().columns.size());
    return state;
}

void scan(ClientContext&, duckdb::TableFunctionInput& input, DataChunk& out) {
    const ScanSource& source = input.bind_data->Cast<BindData>().source;
    auto& global = input.global_state->Cast<GlobalState>();
    auto& local = input.local_state->Cast<LocalState>();
    uint32_t rows = 0;
    while (rows == 0) {
        if (local.at == local.end) {
            local.turn = global.next_turn++;
            if (local.turn >= global.turns) return;
            local.at = local.turn * kChunksPerTurn;
            local.end = std::min(local.at + kChunksPerTurn, source.chunks.size());
        }
        Emitter emitter(source, global, local, out);
        rows = source.chunks[local.at].rows < kSmallChunkRows
                   ? emitter.gather()
                   : emitter.show(source.chunks[local.at++]);
    }
    out.SetCardinality(rows);
    global.query->count_rows(rows);
    global.query->count_bytes(rows * global.row_width);
}

duckdb::OperatorPartitionData partition(ClientContext&,
                                        duckdb::TableFunctionGetPartitionInput& input) {
    if (input.partition_info.RequiresPartitionColumns()) {
        throw duckdb::InternalException("chunks are not partitioned");
    }
    return duckdb::OperatorPartitionData(input.local_state->Cast<LocalState>().turn);
}

duckdb::unique_ptr<duckdb::NodeStatistics> cardinality(ClientContext&,
                                                       const duckdb::FunctionData* data) {
    const uint64_t rows = data->Cast<BindData>().source.chunk_rows;
    return duckdb::make_uniq<duckdb::NodeStatistics>(rows, rows);
}

}  // namespace

duckdb::TableFunction chunk_function() {
    duckdb::TableFunction function = unnumbered_chunk_function();
    function.name = kChunkFunction;
    function.get_partition_data = partition;
    return function;
}

duckdb::TableFunction unnumbered_chunk_function() {
    duckdb::TableFunction function(kUnnumberedChunkFunction, {duckdb::LogicalType::BIGINT}, scan,
                                   bind, init_global, init_local);
    function.projection_pushdown = true;
    function.cardinality = cardinality;
    return function;
}

}  // namespace insula::engine
