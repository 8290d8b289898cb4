#include "platform/engine/engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "base/units.h"
#include "duckdb/catalog/catalog.hpp"
#include "duckdb/catalog/catalog_entry/table_function_catalog_entry.hpp"
#include "duckdb/common/virtual_file_system.hpp"
#include "duckdb/function/replacement_scan.hpp"
#include "duckdb/main/config.hpp"
#include "duckdb/main/database.hpp"
#include "duckdb/main/extension_helper.hpp"
#include "duckdb/main/secret/secret_manager.hpp"
#include "duckdb/parser/expression/constant_expression.hpp"
#include "duckdb/parser/expression/function_expression.hpp"
#include "duckdb/parser/expression/star_expression.hpp"
#include "duckdb/parser/parsed_data/create_scalar_function_info.hpp"
#include "duckdb/parser/parsed_data/create_table_function_info.hpp"
#include "duckdb/parser/parser.hpp"
#include "duckdb/parser/query_node/select_node.hpp"
#include "duckdb/parser/query_node/set_operation_node.hpp"
#include "duckdb/parser/statement/select_statement.hpp"
#include "duckdb/parser/tableref/subqueryref.hpp"
#include "duckdb/parser/tableref/table_function_ref.hpp"
#include "duckdb/storage/buffer_manager.hpp"
#include "duckdb/storage/object_cache.hpp"
#include "platform/engine/chunk_scan.h"
#include "platform/engine/file_scan.h"
#include "platform/engine/finite_json.h"
#include "platform/engine/foreign_columns.h"
#include "platform/engine/foreign_scan.h"
#include "platform/engine/parquet_sql.h"
#include "platform/engine/paths.h"
#include "platform/engine/result_stream.h"
#include "platform/engine/upload_plan.h"

namespace insula::engine {

namespace {

using duckdb::make_uniq;

// Every use of the engine's C++ interface in this folder was written against this version.
constexpr std::string_view kVersion = "v1.4.4";
constexpr uint64_t kMemoryMin = 32 * kMiB;
// Decoded Parquet footers may take this part of the memory limit, on top of it.
constexpr uint64_t kFooterShare = 8;
constexpr std::string_view kScanPrefix = "scan_";

duckdb::unique_ptr<duckdb::TableRef> call(const char* function, size_t scan) {
    duckdb::vector<duckdb::unique_ptr<duckdb::ParsedExpression>> arguments;
    arguments.push_back(
        make_uniq<duckdb::ConstantExpression>(duckdb::Value::BIGINT(static_cast<int64_t>(scan))));
    auto ref = make_uniq<duckdb::TableFunctionRef>();
    ref->function = make_uniq<duckdb::FunctionExpression>(function, std::move(arguments));
    return ref;
}

duckdb::unique_ptr<duckdb::QueryNode> select_all(duckdb::unique_ptr<duckdb::TableRef> from) {
    auto node = make_uniq<duckdb::SelectNode>();
    node->select_list.push_back(make_uniq<duckdb::StarExpression>());
    node->from_table = std::move(from);
    return node;
}

duckdb::unique_ptr<duckdb::TableRef> unite(duckdb::unique_ptr<duckdb::TableRef> files,
                                           duckdb::unique_ptr<duckdb::TableRef> chunks) {
    auto both = make_uniq<duckdb::SetOperationNode>();
    both->setop_type = duckdb::SetOperationType::UNION;
    both->setop_all = true;
    both->left = select_all(std::move(files));
    both->right = select_all(std::move(chunks));
    auto statement = make_uniq<duckdb::SelectStatement>();
    statement->node = std::move(both);
    return make_uniq<duckdb::SubqueryRef>(std::move(statement));
}

// Foreign files of each shape, then what else the scan has, from left to right.
duckdb::unique_ptr<duckdb::TableRef> foreign_scan(const ScanSource& source, size_t index) {
    // A union may stand on the right side of another only with all but its first part unnumbered.
    const bool outermost = index == 0;
    duckdb::unique_ptr<duckdb::TableRef> all;
    const auto add = [&](duckdb::unique_ptr<duckdb::TableRef> part) {
        all = all ? unite(std::move(all), std::move(part)) : std::move(part);
    };
    for (size_t i = 0; i < source.shapes.size(); ++i) {
        const bool numbered = outermost || i == 0;
        duckdb::Parser parser;
        parser.ParseQuery(
            foreign_select(source, i, numbered ? kForeignFunction : kUnnumberedForeignFunction));
        add(make_uniq<duckdb::SubqueryRef>(
            duckdb::unique_ptr_cast<duckdb::SQLStatement, duckdb::SelectStatement>(
                std::move(parser.statements.at(0)))));
    }
    if (!source.paths.empty()) {
        add(call(outermost ? kFileFunction : kUnnumberedFileFunction, index));
    }
    if (!source.chunks.empty()) {
        add(call(outermost ? kChunkFunction : kUnnumberedChunkFunction, index));
    }
    return all;
}

// Gives scan_0, scan_1, … their meaning while a query is bound: no view is made, so nothing is left
// in a catalog, and filters and projections go down into what stands behind.
duckdb::unique_ptr<duckdb::TableRef> replace_scan(
    duckdb::ClientContext& context, duckdb::ReplacementScanInput& input,
    duckdb::optional_ptr<duckdb::ReplacementScanData>) {
    if (!input.table_name.starts_with(kScanPrefix)) return nullptr;
    const auto query = QueryState::find(context);
    const std::string number = input.table_name.substr(kScanPrefix.size());
    if (!query || number.empty() || number.size() > 9 ||
        !std::ranges::all_of(number, [](char c) { return c >= '0' && c <= '9'; })) {
        return nullptr;
    }
    const size_t index = std::stoul(number);
    if (index >= query->scans()) return nullptr;
    const ScanSource& source = query->source(index);
    if (!source.shapes.empty()) return foreign_scan(source, index);
    if (source.paths.empty()) return call(kChunkFunction, index);
    if (source.chunks.empty()) return call(kFileFunction, index);
    // The first scan is the leftmost of a UNION ALL of several, any other one is a right side.
    const char* chunks = index == 0 ? kChunkFunction : kUnnumberedChunkFunction;
    return unite(call(kFileFunction, index), call(chunks, index));
}

void configure(duckdb::DBConfig& config, const InstanceOptions& options,
               std::shared_ptr<SpillFiles> spill) {
    auto& settings = config.options;
    settings.maximum_memory = std::max(options.memory_bytes_max, kMemoryMin);
    settings.maximum_swap_space = options.spill_bytes_max;
    settings.temporary_directory = kSpillDirectory;
    settings.maximum_threads = options.parallelism;
    settings.external_threads = options.parallelism;  // so that it starts none of its own
    settings.autoload_known_extensions = false;
    settings.autoinstall_known_extensions = false;
    settings.allow_community_extensions = false;
    settings.allow_unsigned_extensions = false;
    settings.load_extensions = false;
    settings.enable_external_access = false;
    settings.enable_external_file_cache = true;
    // An instance holds no data: what one query broke is gone with that query.
    settings.disable_database_invalidation = true;
    settings.set_variables["parquet_metadata_cache"] = duckdb::Value::BOOLEAN(true);
    // Not LocalFileSystem, not even as the one for paths that nobody else claims.
    config.file_system =
        make_uniq<duckdb::VirtualFileSystem>(make_engine_file_system(std::move(spill)));
    config.AddAllowedDirectory(std::string(kRoot));
    config.secret_manager->SetEnablePersistentSecrets(false);
    config.replacement_scans.emplace_back(replace_scan);
}

// What the columns of a client's file are called and of which types they are.
Result<UploadPlan> plan_upload(const StreamContext& context) {
    const std::string& path = context.query->only_file();
    try {
        const auto prepared = context.connection->Prepare(
            fmt::format("SELECT * FROM read_parquet({})", quote_text(path)));
        if (prepared->HasError()) {
            return fail(engine_error(prepared->error, context));
        }
        return UploadPlan(path, prepared->GetNames(), prepared->GetTypes());
    } catch (const std::exception& exception) {
        return fail(engine_error(duckdb::ErrorData(exception), context));
    }
}

// Unsigned 64-bit columns are read as int64 if all their values fit.
Status probe_unsigned(StreamContext context, UploadPlan& plan) {
    const std::string sql = plan.unsigned_maxima_sql(context.query->only_file());
    ASSIGN_OR_RETURN(const auto stream, EngineStream::start(std::move(context), sql, {}));
    ResultBatch batch;
    ASSIGN_OR_RETURN(const bool found, stream->next(batch));
    if (!found) return fail(internal_error("an aggregate gave no row"));
    for (size_t i = 0; i < batch.columns.size(); ++i) {
        const ResultBatch::Column& column = batch.columns[i];
        if (column.valid(0) && column.values<__int128>()[0] > std::numeric_limits<int64_t>::max()) {
            plan.unsigned_as_text(i);
        }
    }
    return {};
}

class EngineInstance final : public Instance, public std::enable_shared_from_this<EngineInstance> {
  public:
    EngineInstance(const InstanceOptions& options, SpillSpace& spill, Lender* lender)
        : options_(options),
          lender_(lender),
          spill_(std::make_shared<SpillFiles>(spill, options.spill_bytes_max)) {}

    ~EngineInstance() override {
        database_.reset();
        spill_->clear();
    }

    void open();

    Result<std::unique_ptr<ResultStream>> query(Query query, Deadline deadline,
                                                CancelToken cancel) override;
    Result<ParquetStats> write_parquet(Scan scan, const ParquetOptions& options, WritableFile& out,
                                       Deadline deadline, CancelToken cancel) override;
    Result<std::unique_ptr<ResultStream>> read_parquet(std::shared_ptr<ReadableFile> file,
                                                       Deadline deadline,
                                                       CancelToken cancel) override;
    Result<ForeignParquet> describe_parquet(FileId id, std::shared_ptr<ReadableFile> file,
                                            Deadline deadline, CancelToken cancel) override;
    uint64_t memory_bytes() const override;

  private:
    Result<StreamContext> stream_context(Deadline deadline, CancelToken cancel, size_t parallelism);
    Result<StreamContext> upload_context(std::shared_ptr<ReadableFile> file, Deadline deadline,
                                         CancelToken cancel);

    const InstanceOptions options_;
    Lender* const lender_;
    const std::shared_ptr<SpillFiles> spill_;
    const std::shared_ptr<StopWatch> watch_ = StopWatch::shared();
    std::shared_ptr<FileSlots> slots_;
    std::unique_ptr<duckdb::DuckDB> database_;
};

void EngineInstance::open() {
    duckdb::DBConfig config;
    configure(config, options_, spill_);
    database_ = std::make_unique<duckdb::DuckDB>(nullptr, &config);
    for (const char* extension : {"core_functions", "parquet", "json"}) {
        if (duckdb::ExtensionHelper::LoadExtension(*database_, extension) !=
            duckdb::ExtensionLoadResult::LOADED_EXTENSION) {
            throw duckdb::IOException("the engine lacks its extension %s", extension);
        }
    }
    slots_ = std::make_shared<FileSlots>(options_.memory_bytes_max / kFooterShare,
                                         [cache = &database_->instance->GetObjectCache()](
                                             const std::string& path) { cache->Delete(path); });
    duckdb::Connection connection(*database_);
    duckdb::ClientContext& context = *connection.context;
    context.RunFunctionInTransaction([&] {
        auto& catalog = duckdb::Catalog::GetSystemCatalog(context);
        auto& parquet = catalog.GetEntry<duckdb::TableFunctionCatalogEntry>(context, DEFAULT_SCHEMA,
                                                                            "parquet_scan");
        const auto& parquet_scan = parquet.functions.GetFunctionByOffset(0);
        for (const auto& function :
             {file_function(parquet_scan), unnumbered_file_function(parquet_scan),
              foreign_function(parquet_scan), unnumbered_foreign_function(parquet_scan),
              chunk_function(), unnumbered_chunk_function()}) {
            duckdb::CreateTableFunctionInfo created(function);
            catalog.CreateTableFunction(context, created);
        }
        duckdb::CreateScalarFunctionInfo finite(finite_json_function());
        catalog.CreateFunction(context, finite);
    });
    for (const char* setting :
         {"SET disabled_filesystems = 'LocalFileSystem'", "SET lock_configuration = true"}) {
        const auto result = connection.Query(setting);
        if (result->HasError()) result->ThrowError();
    }
}

Result<StreamContext> EngineInstance::stream_context(Deadline deadline, CancelToken cancel,
                                                     size_t parallelism) {
    StreamContext context;
    context.instance = shared_from_this();
    context.spill = spill_;
    try {
        context.connection = make_uniq<duckdb::Connection>(*database_);
    } catch (const std::exception& exception) {
        return fail(internal_error(std::string("connect to engine: ") + exception.what()));
    }
    context.query = duckdb::make_shared_ptr<QueryState>(slots_, deadline, std::move(cancel));
    context.query->attach(*context.connection->context, context.query);
    const size_t threads = std::clamp<size_t>(parallelism, 1, options_.parallelism);
    context.watch = watch_;
    context.threads = std::make_shared<LentThreads>(lender_, threads - 1);
    return context;
}

Result<std::unique_ptr<ResultStream>> EngineInstance::query(Query query, Deadline deadline,
                                                            CancelToken cancel) {
    const size_t threads = query.parallelism ? query.parallelism : options_.parallelism;
    ASSIGN_OR_RETURN(StreamContext context, stream_context(deadline, std::move(cancel), threads));
    for (Scan& scan : query.scans) RETURN_IF_ERROR(context.query->add_scan(std::move(scan)));
    context.foreign_files = context.query->shapes() > 0;
    return EngineStream::start(std::move(context), query.sql, std::move(query.parameters));
}

Result<ParquetStats> EngineInstance::write_parquet(Scan scan, const ParquetOptions& options,
                                                   WritableFile& out, Deadline deadline,
                                                   CancelToken cancel) {
    ASSIGN_OR_RETURN(const std::string sql, write_parquet_sql(scan, options));
    ASSIGN_OR_RETURN(StreamContext context, stream_context(deadline, std::move(cancel), 1));
    RETURN_IF_ERROR(context.query->add_scan(std::move(scan)));
    context.query->set_output(out);
    const auto query = context.query;
    ASSIGN_OR_RETURN(const auto stream, EngineStream::start(std::move(context), sql, {}));
    ResultBatch batch;
    ASSIGN_OR_RETURN(const bool counted, stream->next(batch));
    if (!counted || batch.rows != 1) return fail(internal_error("COPY gave no count"));
    return ParquetStats{static_cast<uint64_t>(batch.columns[0].values<int64_t>()[0]),
                        query->bytes_written()};
}

Result<std::unique_ptr<ResultStream>> EngineInstance::read_parquet(
    std::shared_ptr<ReadableFile> file, Deadline deadline, CancelToken cancel) {
    RETURN_IF_ERROR(check_parquet_frame(*file));
    ASSIGN_OR_RETURN(StreamContext context, upload_context(file, deadline, cancel));
    ASSIGN_OR_RETURN(UploadPlan plan, plan_upload(context));
    if (plan.unsigned_columns() > 0) {
        ASSIGN_OR_RETURN(StreamContext probe, upload_context(file, deadline, cancel));
        RETURN_IF_ERROR(probe_unsigned(std::move(probe), plan));
    }
    return EngineStream::start(std::move(context), plan.sql(), {});
}

Result<ForeignParquet> EngineInstance::describe_parquet(FileId id,
                                                        std::shared_ptr<ReadableFile> file,
                                                        Deadline deadline, CancelToken cancel) {
    RETURN_IF_ERROR(check_parquet_frame(*file));
    ASSIGN_OR_RETURN(StreamContext context, stream_context(deadline, std::move(cancel), 1));
    context.untrusted_input = true;
    const std::string& path = context.query->add_file(id, std::move(file), FileMaker::others);
    ForeignParquet found;
    try {
        const auto prepared = context.connection->Prepare(
            fmt::format("SELECT * FROM read_parquet({})", quote_text(path)));
        if (prepared->HasError()) return fail(engine_error(prepared->error, context));
        for (size_t i = 0; i < prepared->GetNames().size(); ++i) {
            std::string type = prepared->GetTypes()[i].ToString();
            const ColumnType shown = foreign_type(type);
            found.columns.push_back({prepared->GetNames()[i], std::move(type), shown});
        }
    } catch (const std::exception& exception) {
        return fail(engine_error(duckdb::ErrorData(exception), context));
    }
    const std::string sql = fmt::format("SELECT count(*) FROM read_parquet({})", quote_text(path));
    ASSIGN_OR_RETURN(const auto stream, EngineStream::start(std::move(context), sql, {}));
    ResultBatch batch;
    ASSIGN_OR_RETURN(const bool counted, stream->next(batch));
    if (!counted) return fail(internal_error("an aggregate gave no row"));
    found.rows = static_cast<uint64_t>(batch.columns[0].values<int64_t>()[0]);
    return found;
}

Result<StreamContext> EngineInstance::upload_context(std::shared_ptr<ReadableFile> file,
                                                     Deadline deadline, CancelToken cancel) {
    ASSIGN_OR_RETURN(StreamContext context,
                     stream_context(deadline, std::move(cancel), options_.parallelism));
    context.untrusted_input = true;
    context.query->add_file(FileId{}, std::move(file), FileMaker::others);
    return context;
}

uint64_t EngineInstance::memory_bytes() const {
    return database_->instance->GetBufferManager().GetUsedMemory() + slots_->footer_bytes();
}

}  // namespace

Result<std::shared_ptr<Instance>> Instance::open(const InstanceOptions& options, SpillSpace& spill,
                                                 Lender* lender) {
    if (engine_version() != kVersion) {
        return fail(internal_error(fmt::format("the linked engine is {}, this was built against {}",
                                               engine_version(), kVersion)));
    }
    if (options.parallelism == 0) return fail(internal_error("an instance needs a thread"));
    auto instance = std::make_shared<EngineInstance>(options, spill, lender);
    try {
        instance->open();
    } catch (const std::exception& exception) {
        return fail(internal_error(std::string("open engine: ") + exception.what()));
    }
    return instance;
}

std::string_view engine_version() { return duckdb::DuckDB::LibraryVersion(); }

}  // namespace insula::engine
