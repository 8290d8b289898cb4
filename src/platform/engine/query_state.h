// QueryState: what one running query may see and what it has cost. It hangs on the query's own
// connection, where the file system and the scan functions find it; a connection without one sees
// no file and no chunk.
//
// Thread-safe after construction: the threads that work on the query read the sources and count
// into it.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "duckdb/main/client_context.hpp"
#include "duckdb/main/client_context_state.hpp"
#include "platform/engine/engine.h"
#include "platform/engine/file_slots.h"

namespace duckdb {
class BaseFileReader;
}

namespace insula::engine {

inline constexpr const char* kRowIdName = "_row_id";
inline constexpr int32_t kRowIdField = 2147483647;

duckdb::LogicalType engine_type(ColumnType type);

enum class FileMaker : uint8_t { us, others };

struct PinnedFile {
    FileSlots::Pin pin;
    std::shared_ptr<ReadableFile> file;
    FileMaker maker = FileMaker::us;
    std::atomic<bool> opened = false;
};

// Foreign files of one layout: they are one relation for the engine.
struct ForeignShape {
    size_t number = 0;  // in the query
    std::shared_ptr<const ForeignLayout> layout;
    std::vector<std::string> paths;
    std::vector<uint64_t> first_row_ids;  // one a path
    uint64_t file_bytes = 0;
};

// A Scan in the engine's words. The last column is _row_id.
struct ScanSource {
    std::vector<ScanColumn> columns;  // without _row_id
    duckdb::vector<std::string> names;
    duckdb::vector<duckdb::LogicalType> types;
    std::vector<ChunkRows> chunks;
    std::vector<std::string> paths;
    std::vector<const ForeignShape*> shapes;
    uint64_t chunk_rows = 0;
    uint64_t file_bytes = 0;
};

class QueryState final : public duckdb::ClientContextState {
  public:
    QueryState(std::shared_ptr<FileSlots> slots, Deadline deadline, CancelToken cancel);
    ~QueryState() override;
    QueryState(const QueryState&) = delete;
    QueryState& operator=(const QueryState&) = delete;

    // Null if the connection runs no query of ours.
    static duckdb::shared_ptr<QueryState> find(duckdb::ClientContext& context);
    void attach(duckdb::ClientContext& context, duckdb::shared_ptr<QueryState> self);

    // Before the query starts.
    Status add_scan(Scan scan);
    const std::string& add_file(FileId id, std::shared_ptr<ReadableFile> file, FileMaker maker);
    void set_output(WritableFile& out) { output_ = &out; }

    size_t scans() const { return sources_.size(); }
    const ScanSource& source(size_t index) const { return *sources_.at(index); }
    size_t shapes() const { return shapes_.size(); }
    const ForeignShape& shape(size_t number) const { return *shapes_.at(number); }
    const std::string& only_file() const { return files_.front()->pin.path; }
    PinnedFile* find_file(const std::string& path);
    WritableFile* output() { return output_; }

    bool cancelled() const { return cancel_.cancelled(); }
    bool deadline_passed() const { return deadline_.passed(); }
    bool must_stop() const { return cancelled() || deadline_passed(); }
    // Throws the engine's interrupt if the query must stop: for loops inside the engine.
    void check_stop() const;

    // The engine turns our errors into text; the first one is kept here and comes back out of the
    // query.
    void keep_error(Error error);
    std::optional<Error> kept_error() const;

    void count_rows(uint64_t rows) { rows_ += rows; }
    void count_bytes(uint64_t bytes) { bytes_ += bytes; }
    void count_written(uint64_t bytes) { bytes_written_ += bytes; }
    uint64_t bytes_written() const { return bytes_written_; }
    void count_open(PinnedFile& file);
    void count_reader(duckdb::shared_ptr<duckdb::BaseFileReader> reader);
    void note_footer(const PinnedFile& file, uint64_t bytes);
    ScanCost cost() const;

    // At the end, in this order: before and after the query's connection is closed. cost() keeps
    // its value.
    void release_readers();
    void release_sources();

  private:
    Status add_foreign(std::vector<Scan::ForeignRef> files, ScanSource& source);

    const std::shared_ptr<FileSlots> slots_;
    const Deadline deadline_;
    const CancelToken cancel_;
    std::vector<std::unique_ptr<ScanSource>> sources_;
    std::vector<std::unique_ptr<ForeignShape>> shapes_;
    std::vector<std::unique_ptr<PinnedFile>> files_;
    std::unordered_map<std::string, PinnedFile*> files_by_path_;
    WritableFile* output_ = nullptr;
    std::atomic<uint64_t> rows_ = 0;
    std::atomic<uint64_t> bytes_ = 0;
    std::atomic<uint64_t> bytes_written_ = 0;
    std::atomic<uint64_t> files_opened_ = 0;
    mutable std::mutex mutex_;
    std::optional<Error> error_;
    std::vector<duckdb::shared_ptr<duckdb::BaseFileReader>> readers_;
};

}  // namespace insula::engine
