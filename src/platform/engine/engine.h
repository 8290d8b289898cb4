// The engine: vectorised SQL over our chunks and Parquet files (DuckDB 1.4.4 behind this header;
// nothing else in the program knows it). One Instance per active tenant; it owns no thread: a query
// runs on the thread that pulls its results, and on threads that a Lender lends. (While queries
// run, one thread for all instances of the process looks after deadlines and cancellations every 5
// ms.)
//
// SQL that comes in here was written by us. The instance is locked down all the same: no local
// files, no network, no settings, only the files and chunks that the query names.
//
// Threads: an Instance is thread-safe; a ResultStream is used by one thread at a time. A
// ResultStream keeps its instance alive.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "platform/engine/chunk.h"
#include "platform/runtime/deadline.h"

namespace insula::engine {

// The reason of the error where a statement has no memory left.
inline constexpr std::string_view kQueryMemoryReason = "query_memory";

// Random access to a file that a query reads. Thread-safe.
class ReadableFile {
  public:
    virtual ~ReadableFile() = default;
    virtual Result<size_t> read_at(MutableBytes out, uint64_t offset) = 0;
    virtual uint64_t size() const = 0;
};

// Where a Parquet file is written to, front to back.
class WritableFile {
  public:
    virtual ~WritableFile() = default;
    virtual Status append(Bytes data) = 0;
};

// Files that the engine spills to under memory pressure; gone with the instance.
class SpillFile {
  public:
    virtual ~SpillFile() = default;
    virtual Result<size_t> read_at(MutableBytes out, uint64_t offset) = 0;
    virtual Status write_at(Bytes data, uint64_t offset) = 0;
    virtual Status truncate(uint64_t size) = 0;
    virtual Result<uint64_t> size() = 0;
};
class SpillSpace {
  public:
    virtual ~SpillSpace() = default;
    // A new empty file, deleted when the SpillFile is destroyed.
    virtual Result<std::unique_ptr<SpillFile>> create() = 0;
};

// Lends threads to running queries. lend(work) asks that `work` be run on up to `threads` other
// threads; each call of work() returns when the query ends, or sooner when it has nothing to do
// (its results are not being pulled): the query then asks again. May run it on none, or late: then
// it returns at once. It must not run inside lend() itself. Thread-safe.
class Lender {
  public:
    virtual ~Lender() = default;
    virtual void lend(size_t threads, std::function<void()> work) = 0;
};

struct InstanceOptions {
    uint64_t memory_bytes_max = 512ull << 20;  // at least 32 MiB
    uint64_t spill_bytes_max = 4ull << 30;
    size_t parallelism = 1;  // threads a query may use: the caller's and lent ones
};

// A literal that SQL refers to as $1, $2, …
struct DateValue {
    int32_t days;
};
struct TimestampValue {
    int64_t nanos;
};
using Value =
    std::variant<std::monostate, bool, int64_t, double, std::string, DateValue, TimestampValue>;

// A column as a scan shows it. In chunks and Parquet files it is found by id, never by name or
// position; a chunk or file without it reads as null, and one that holds int64 where `type` is
// float64 is converted.
struct ScanColumn {
    ColumnId id;
    std::string name;
    ColumnType type = ColumnType::int64;
};

// A Parquet file that another program wrote, as describe_parquet() found it.
struct ForeignParquet {
    struct Column {
        std::string name;       // unique in the file without regard to case
        std::string file_type;  // in the words of this version of the engine; to be handed back
        ColumnType type;        // what its values are for us
    };
    uint64_t rows = 0;
    std::vector<Column> columns;  // in the order of the file
};

// How the columns of foreign files of one shape show in a scan. Values of another kind than their
// column's read as null there: see Scan.
struct ForeignLayout {
    struct Column {
        std::string name;  // name and file_type as in ForeignParquet, all columns in that order
        std::string file_type;
        ColumnId id;  // the column of the source; none: no column takes its values
        ColumnType type = ColumnType::int64;  // of that column
    };
    std::vector<Column> columns;
    ColumnId rest;  // the json column that holds, as an object, all values that no column took
};

// One source as a query sees it: SQL names it scan_0, scan_1, … (position in Query::scans), each a
// view with the columns below and, last, `_row_id` BIGINT. Files and chunks are united, in that
// order; SQL may unite scans by UNION ALL in the order of their numbers, without brackets. Names
// may hold anything, but no two may differ only by the case of ASCII letters (the engine takes
// those for one name): query() fails then, write_parquet() does not mind.
//
// SQL sees timestamps as TIMESTAMP_NS and json as VARCHAR: a json column comes back as
// ResultType::string, and only what SQL itself makes JSON (to_json) as ResultType::json.
struct Scan {
    std::vector<ScanColumn> columns;
    std::vector<ChunkRows> chunks;
    struct FileRef {
        FileId id;  // names the content: what is cached under it stays right
        std::shared_ptr<ReadableFile> file;  // whole Parquet file, unframed and unsealed
    };
    std::vector<FileRef> files;
    // Files of other programs: read in place, their columns found by name, their types turned into
    // ours as read_parquet() does it, but that a value which its column's type cannot hold is null
    // and goes to the layout's rest. They come before `files`, those that share a layout together.
    // At most kForeignLayoutsMax different ones.
    struct ForeignRef {
        FileId id;
        std::shared_ptr<ReadableFile> file;
        uint64_t first_row_id = 0;  // row n of the file has _row_id first_row_id + n
        std::shared_ptr<const ForeignLayout> layout;
    };
    std::vector<ForeignRef> foreign;
};
inline constexpr size_t kForeignLayoutsMax = 64;  // a scan

struct Query {
    std::string sql;
    std::vector<Value> parameters;
    std::vector<Scan> scans;
    size_t parallelism = 0;  // 0: the instance's
};

enum class ResultType : uint8_t { boolean, int64, float64, string, date, timestamp, json, int128 };

// int128: the engine's sum of int64.
struct ResultColumn {
    std::string name;
    ResultType type;
};

// Flat columns of one batch of at most kChunkRowsMax rows. Views into the stream: gone at the next
// next().
class ResultBatch {
  public:
    uint32_t rows = 0;
    struct Column {
        const std::byte* data = nullptr;     // values of the type's width; __int128 for int128
        const uint64_t* validity = nullptr;  // bit i set: row i present; nullptr: all present
        bool valid(uint32_t row) const {
            return validity == nullptr || ((validity[row / 64] >> (row % 64)) & 1) != 0;
        }
        template <class T>
        const T* values() const {
            return reinterpret_cast<const T*>(data);
        }
    };
    std::vector<Column> columns;
};

struct ScanCost {
    uint64_t rows = 0;  // rows read from chunks and files, after row groups were skipped
    // Bytes asked of files (cached reads not counted), and the fixed-width part of the chunk
    // columns read.
    uint64_t bytes = 0;
    uint64_t files_opened = 0;
};

class ResultStream {
  public:
    virtual ~ResultStream() = default;
    virtual const std::vector<ResultColumn>& columns() const = 0;
    // Runs the query until the next batch; false at the end. Fails with cancelled,
    // deadline_exceeded, resource_exhausted (memory), data_loss (a file failed its checks),
    // invalid_argument malformed_parquet (a foreign file is damaged) or internal. After a failure
    // or the end, the stream gives nothing more.
    virtual Result<bool> next(ResultBatch& batch) = 0;
    virtual ScanCost cost() const = 0;
};

struct ParquetOptions {
    enum class Compression : uint8_t { none, snappy, zstd, lz4, gzip };
    Compression compression = Compression::zstd;
    int zstd_level = 1;
    uint32_t row_group_rows = 32 * 1024;
    std::vector<std::string> sort_by;  // column names, ascending, nulls first
};

struct ParquetStats {
    uint64_t rows = 0;
    uint64_t bytes = 0;
};

class Instance {
  public:
    virtual ~Instance() = default;

    // `spill` and `lender` must outlive the instance and its streams; `lender` may be null.
    static Result<std::shared_ptr<Instance>> open(const InstanceOptions& options, SpillSpace& spill,
                                                  Lender* lender);

    virtual Result<std::unique_ptr<ResultStream>> query(Query query, Deadline deadline,
                                                        CancelToken cancel) = 0;

    // Writes the rows of `scan` as one Parquet file: its columns in order, then `_row_id`; each
    // with its ColumnId as field_id (`_row_id` has 2^31 - 1). Sorted by options.sort_by, then
    // `_row_id`; without sort_by the rows stay in the scan's order. Runs on the caller's thread
    // alone. Names that differ only by case are told apart in the file by the column's id.
    virtual Result<ParquetStats> write_parquet(Scan scan, const ParquetOptions& options,
                                               WritableFile& out, Deadline deadline,
                                               CancelToken cancel) = 0;

    // Reads a Parquet file that a client sent: its columns by name, types mapped to ours: decimals
    // to int64 or float64 only where exact, else string; unsigned 64-bit to int64 if all values
    // fit, else string; lists, structs and maps to json (nested columns are not flattened); bytes
    // to string, those that are not UTF-8 escaped; anything else to string. A float64 may be NaN or
    // infinite. What is wrong with the file is invalid_argument: malformed_parquet,
    // timestamp_out_of_range. A crafted footer is not something that the engine promises to
    // survive: who may send files is the caller's decision.
    virtual Result<std::unique_ptr<ResultStream>> read_parquet(std::shared_ptr<ReadableFile> file,
                                                               Deadline deadline,
                                                               CancelToken cancel) = 0;

    // What stands in a Parquet file of another program; reads its footer alone. Fails with
    // malformed_parquet. As with read_parquet(), a crafted footer is the caller's decision.
    virtual Result<ForeignParquet> describe_parquet(FileId id, std::shared_ptr<ReadableFile> file,
                                                    Deadline deadline, CancelToken cancel) = 0;

    virtual uint64_t memory_bytes() const = 0;  // what the engine holds now
};

// The version that is linked, "v1.4.4". open() refuses any other than the one that this was built
// against.
std::string_view engine_version();

}  // namespace insula::engine
