#include "platform/engine/result_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "duckdb/common/vector_operations/vector_operations.hpp"

namespace insula::engine {

namespace {

using duckdb::LogicalType;
using duckdb::LogicalTypeId;
using duckdb::PendingExecutionResult;
using duckdb::StreamExecutionResult;
using duckdb::Vector;

static_assert(sizeof(duckdb::hugeint_t) == sizeof(__int128));

duckdb::Value engine_value(Value value) {
    struct Visitor {
        duckdb::Value operator()(std::monostate) { return duckdb::Value(); }
        duckdb::Value operator()(bool v) { return duckdb::Value::BOOLEAN(v); }
        duckdb::Value operator()(int64_t v) { return duckdb::Value::BIGINT(v); }
        duckdb::Value operator()(double v) { return duckdb::Value::DOUBLE(v); }
        duckdb::Value operator()(std::string& v) { return duckdb::Value(std::move(v)); }
        duckdb::Value operator()(DateValue v) {
            return duckdb::Value::DATE(duckdb::date_t(v.days));
        }
        duckdb::Value operator()(TimestampValue v) {
            return duckdb::Value::TIMESTAMPNS(duckdb::timestamp_ns_t(v.nanos));
        }
    };
    return std::visit(Visitor{}, value);
}

struct Mapping {
    ResultType type;
    LogicalType target;
};

Mapping map_type(const LogicalType& type) {
    switch (type.id()) {
        case LogicalTypeId::BOOLEAN:
            return {ResultType::boolean, LogicalType::BOOLEAN};
        case LogicalTypeId::TINYINT:
        case LogicalTypeId::SMALLINT:
        case LogicalTypeId::INTEGER:
        case LogicalTypeId::BIGINT:
        case LogicalTypeId::UTINYINT:
        case LogicalTypeId::USMALLINT:
        case LogicalTypeId::UINTEGER:
            return {ResultType::int64, LogicalType::BIGINT};
        case LogicalTypeId::UBIGINT:
        case LogicalTypeId::HUGEINT:
            return {ResultType::int128, LogicalType::HUGEINT};
        case LogicalTypeId::FLOAT:
        case LogicalTypeId::DOUBLE:
        case LogicalTypeId::DECIMAL:
            return {ResultType::float64, LogicalType::DOUBLE};
        case LogicalTypeId::DATE:
            return {ResultType::date, LogicalType::DATE};
        case LogicalTypeId::TIMESTAMP:
        case LogicalTypeId::TIMESTAMP_SEC:
        case LogicalTypeId::TIMESTAMP_MS:
        case LogicalTypeId::TIMESTAMP_NS:
        case LogicalTypeId::TIMESTAMP_TZ:
            return {ResultType::timestamp, LogicalType::TIMESTAMP_NS};
        case LogicalTypeId::VARCHAR:
            if (type.IsJSONType()) return {ResultType::json, type};
            return {ResultType::string, type};
        default:
            return {ResultType::string, LogicalType::VARCHAR};
    }
}

int64_t nanoseconds_per(LogicalTypeId type) {
    switch (type) {
        case LogicalTypeId::TIMESTAMP_SEC:
            return 1'000'000'000;
        case LogicalTypeId::TIMESTAMP_MS:
            return 1'000'000;
        default:
            return 1'000;
    }
}

// False if a value is outside of the years 1677 to 2262, which nanoseconds can tell.
bool to_nanoseconds(Vector& from, Vector& to, duckdb::idx_t rows) {
    from.Flatten(rows);
    const int64_t scale = nanoseconds_per(from.GetType().id());
    const auto* values = duckdb::FlatVector::GetData<int64_t>(from);
    auto* out = duckdb::FlatVector::GetData<int64_t>(to);
    const auto& valid = duckdb::FlatVector::Validity(from);
    duckdb::FlatVector::SetValidity(to, valid);
    for (duckdb::idx_t i = 0; i < rows; ++i) {
        if (__builtin_mul_overflow(values[i], scale, &out[i]) && valid.RowIsValid(i)) return false;
    }
    return true;
}

Error stopped(const QueryState& query) {
    if (!query.cancelled()) return deadline_exceeded();
    return {Code::cancelled, "cancelled", "The request was cancelled."};
}

Error out_of_memory(std::string_view detail) {
    return Error(Code::resource_exhausted, kQueryMemoryReason,
                 "The query needs more memory than it may use.")
        .with_hint("Ask for fewer rows, columns or groups at once.")
        .with_detail(detail);
}

// Not of the statement, which is ours.
bool tells_of_damage(duckdb::ExceptionType type) {
    using enum duckdb::ExceptionType;
    switch (type) {
        case BINDER:
        case CATALOG:
        case PARSER:
        case SYNTAX:
        case PERMISSION:
        case SETTINGS:
        case TRANSACTION:
        case CONNECTION:
            return false;
        default:
            return true;
    }
}

}  // namespace

Error engine_error(const duckdb::ErrorData& error, const StreamContext& context) {
    using duckdb::ExceptionType;
    const std::string detail = "engine: " + error.Message();
    if (context.query->must_stop()) return stopped(*context.query).with_detail(detail);
    if (auto kept = context.query->kept_error()) return kept->with_detail("engine");
    if (auto spill = context.spill->take_error()) return spill->with_detail("engine");
    if (error.Type() == ExceptionType::OUT_OF_MEMORY) return out_of_memory(detail);
    if (error.Type() == ExceptionType::OUT_OF_RANGE) {
        // Such as the variance of values near the largest double: of the data, not of the server.
        return invalid_argument("result_out_of_range", "A value of the result is out of range.")
            .with_hint("Leave the largest values out by a filter.")
            .with_detail(detail);
    }
    if (context.untrusted_input || (context.foreign_files && tells_of_damage(error.Type()))) {
        return invalid_argument(
                   "malformed_parquet",
                   "The Parquet file is damaged or uses something that is not supported.")
            .with_hint("Check that other Parquet readers can read the file, and write it again.")
            .with_detail(detail);
    }
    return internal_error(detail);
}

Result<std::unique_ptr<EngineStream>> EngineStream::start(StreamContext context,
                                                          const std::string& sql,
                                                          std::vector<Value> parameters) {
    std::unique_ptr<EngineStream> stream(new EngineStream(std::move(context)));
    try {
        RETURN_IF_ERROR(stream->prepare(sql, std::move(parameters)));
    } catch (const std::exception& exception) {
        return fail(engine_error(duckdb::ErrorData(exception), stream->context_));
    }
    return stream;
}

EngineStream::~EngineStream() { finish(); }

Status EngineStream::prepare(const std::string& sql, std::vector<Value> parameters) {
    duckdb::case_insensitive_map_t<duckdb::BoundParameterData> values;
    for (size_t i = 0; i < parameters.size(); ++i) {
        values.emplace(std::to_string(i + 1),
                       duckdb::BoundParameterData(engine_value(std::move(parameters[i]))));
    }
    duckdb::ClientContext& client = *context_.connection->context;
    context_.watch->add(client, *context_.query);
    watched_ = true;
    pending_ = client.PendingQuery(sql, values, true);
    if (pending_->HasError()) return fail_with(pending_->GetErrorObject());
    context_.threads->close_with(client);
    bool converts = false;
    for (size_t i = 0; i < pending_->types.size(); ++i) {
        Mapping mapping = map_type(pending_->types[i]);
        columns_.push_back({pending_->names[i], mapping.type});
        converts |= mapping.target != pending_->types[i];
        targets_.push_back(std::move(mapping.target));
    }
    if (converts) converted_.Initialize(duckdb::Allocator::DefaultAllocator(), targets_);
    return {};
}

Result<bool> EngineStream::next(ResultBatch& batch) {
    batch.rows = 0;
    batch.columns.clear();
    if (done_) return false;
    Result<bool> more = false;
    try {
        context_.threads->start_pull();
        more = fetch();
        context_.threads->end_pull();
        if (more && *more) {
            if (Status status = convert(batch); !status) more = fail(status.error());
        }
    } catch (const std::exception& exception) {
        more = fail(engine_error(duckdb::ErrorData(exception), context_));
    }
    if (!more || !*more) finish();
    return more;
}

Result<bool> EngineStream::fetch() {
    if (!result_) RETURN_IF_ERROR(run_to_first_result());
    if (result_->type == duckdb::QueryResultType::STREAM_RESULT) {
        RETURN_IF_ERROR(run_to_next_chunk());
        // A task may have failed with rows of its own waiting: they would be fetched from a query
        // that is over, which throws another error than the one that ended it.
        if (result_->HasError()) RETURN_IF_ERROR(fail_with(result_->GetErrorObject()));
    }
    chunk_ = result_->FetchRaw();
    if (result_->HasError()) RETURN_IF_ERROR(fail_with(result_->GetErrorObject()));
    return chunk_ != nullptr && chunk_->size() > 0;
}

// The engine offers one call that does all this; it would look at neither deadline nor
// cancellation.
Status EngineStream::run_to_first_result() {
    for (;;) {
        RETURN_IF_ERROR(check_stop());
        const PendingExecutionResult state = pending_->ExecuteTask();
        if (state == PendingExecutionResult::EXECUTION_ERROR) {
            return fail_with(pending_->GetErrorObject());
        }
        if (duckdb::PendingQueryResult::IsResultReady(state)) break;
        context_.threads->ask();
        if (state != PendingExecutionResult::RESULT_NOT_READY) {
            context_.threads->wait_for_progress();
        }
    }
    result_ = pending_->Execute();
    if (result_->HasError()) return fail_with(result_->GetErrorObject());
    return {};
}

Status EngineStream::run_to_next_chunk() {
    // A call that found no task returns faster than any task runs.
    constexpr auto kNothingDone = std::chrono::microseconds(3);
    auto& stream = result_->Cast<duckdb::StreamQueryResult>();
    for (;;) {
        RETURN_IF_ERROR(check_stop());
        const auto before = std::chrono::steady_clock::now();
        const StreamExecutionResult state = stream.ExecuteTask();
        if (state == StreamExecutionResult::EXECUTION_ERROR ||
            state == StreamExecutionResult::EXECUTION_CANCELLED) {
            return fail_with(result_->GetErrorObject());
        }
        if (duckdb::StreamQueryResult::IsChunkReady(state)) return {};
        context_.threads->ask();
        if (context_.threads->working() &&
            std::chrono::steady_clock::now() - before < kNothingDone) {
            context_.threads->wait_for_progress();
        }
    }
}

Status EngineStream::check_stop() {
    if (context_.query->must_stop()) return fail(stopped(*context_.query));
    return {};
}

Status EngineStream::fail_with(const duckdb::ErrorData& error) {
    return fail(engine_error(error, context_));
}

Status EngineStream::convert(ResultBatch& batch) {
    if (converted_.ColumnCount() > 0) converted_.Reset();
    batch.rows = static_cast<uint32_t>(chunk_->size());
    batch.columns.reserve(columns_.size());
    for (size_t i = 0; i < columns_.size(); ++i) {
        Vector* vector = &chunk_->data[i];
        RETURN_IF_ERROR(convert_column(i, vector));
        vector->Flatten(batch.rows);
        const auto& valid = duckdb::FlatVector::Validity(*vector);
        batch.columns.push_back(
            {reinterpret_cast<const std::byte*>(duckdb::FlatVector::GetData(*vector)),
             valid.AllValid() ? nullptr : valid.GetData()});
    }
    return {};
}

Status EngineStream::convert_column(size_t index, Vector*& vector) {
    if (targets_[index] == vector->GetType()) return {};
    Vector& target = converted_.data[index];
    if (columns_[index].type == ResultType::timestamp) {
        if (!to_nanoseconds(*vector, target, chunk_->size())) {
            return fail(timestamp_out_of_range(columns_[index].name));
        }
    } else {
        duckdb::VectorOperations::DefaultCast(*vector, target, chunk_->size(), true);
    }
    vector = &target;
    return {};
}

Error EngineStream::timestamp_out_of_range(const std::string& column) const {
    if (!context_.untrusted_input) return internal_error("a timestamp is out of range: " + column);
    return invalid_argument(
               "timestamp_out_of_range",
               fmt::format("Column \"{}\" holds a time outside of the years 1677 to 2262, "
                           "which timestamps with nanoseconds cannot tell.",
                           column))
        .with_hint("Store such times as text, or leave them out.");
}

// Frees all that the query holds in the engine; the batch of the last next() stays readable until
// then.
void EngineStream::finish() {
    if (done_ || !context_.connection) return;
    done_ = true;
    if (watched_) context_.watch->remove(*context_.connection->context);
    context_.connection->Interrupt();
    context_.threads->stop();
    try {
        result_.reset();
        pending_.reset();
        context_.query->release_readers();
        context_.connection.reset();
        context_.query->release_sources();
    } catch (const std::exception& exception) {
        // The engine's destructors may throw while they roll back; there is nothing left to undo.
        context_.query->keep_error(internal_error(exception.what()));
    }
}

}  // namespace insula::engine
