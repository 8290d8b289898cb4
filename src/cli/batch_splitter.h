// BatchSplitter: cuts NDJSON, CSV and TSV of any length into bodies of bounded size, each of whole
// records. Borders depend on the bytes and the batch size alone, not on the pieces in which they
// come, so that a second run makes the same batches under the same idempotency keys.
//
// Every CSV batch begins with the header line. A line end within quotes is no border. Lines without
// anything are no records: there is no batch of them alone.
//
// Used by one thread. Holds one batch and the piece behind it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/units.h"

namespace insula::cli {

enum class RecordFormat : uint8_t { ndjson, csv };  // csv: TSV too, its borders are the same

// A longer record is refused: more likely a quote that nobody closed.
inline constexpr size_t kRecordBytesMax = 64 * kMiB;

struct Batch {
    std::string body;
    uint64_t begin = 0;  // where its records stand in the input, in bytes
    uint64_t end = 0;
};

class BatchSplitter {
  public:
    // A single record may be longer than `batch_bytes`, and goes alone then.
    BatchSplitter(RecordFormat format, size_t batch_bytes);

    void append(std::string_view bytes) { pending_.append(bytes); }
    // No more bytes will come: the last record may lack its line end.
    void finish() { finished_ = true; }

    // The next batch; nothing where more bytes must come first, or none will. Fails with
    // record_too_long.
    Result<std::optional<Batch>> next();

  private:
    // The end of the records that the next batch takes; 0 where that is not known yet.
    size_t find_batch_end();
    // Sets scanned_ behind the next record's end and returns it; 0 where it has not come yet.
    size_t next_record_end();
    size_t next_line_end();
    Status take_header();
    Status check_length() const;
    std::string take(size_t bytes);
    bool at_end_of_input() const { return finished_ && scanned_ == pending_.size(); }

    const RecordFormat format_;
    const size_t batch_bytes_;
    std::string header_;
    bool header_taken_ = false;
    std::string pending_;    // begins at a record's begin
    uint64_t taken_ = 0;     // bytes before pending_
    size_t scanned_ = 0;     // of pending_
    size_t record_end_ = 0;  // the last one found in pending_
    bool quoted_ = false;    // at scanned_
    bool finished_ = false;
};

}  // namespace insula::cli
