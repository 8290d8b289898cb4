// The write-ahead journal: one stream of records in segment files, one sync for all who wait
// (docs/formats/journal.md). A new stream begins at each start; older streams are replayed, and
// removed once nothing in them is needed.
//
// Threads: append(), durable(), on_durable() and release() are thread-safe. One internal thread
// writes and syncs, unless Options::manual, where the caller does it by flush() (deterministic
// tests).
//
// Always holds:
//  1. durable() never passes a byte whose sync has not returned success.
//  2. After a failed write or sync the stream is fenced: waiters fail, every later append fails; it
//     is never tried again. What durable() covers stays valid.
//  3. Positions grow by append order; a record's position is its byte offset in the stream.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/units.h"
#include "platform/fs/file_system.h"
#include "platform/journal/planted_fault.h"
#include "platform/runtime/clock.h"
#include "platform/runtime/deadline.h"

namespace insula::journal {

// What a record is about; stored on disk. An unknown kind stops replay.
enum class RecordKind : uint8_t {
    table_write = 1,
    probe = 2,  // written at start to prove that a write works; replay ignores it
    lost = 3,   // stands where a salvage gave up what could not be read; replay counts it
    end = 255,  // a clean stop; written by close()
};

struct RecordHeader {
    RecordKind kind = RecordKind::table_write;
    TenantId tenant;
    SourceIncarnation source;
    Epoch epoch;
};

struct Record {
    RecordHeader header;
    Lsn lsn;
    uint64_t hybrid_time = 0;  // hybrid logical clock: milliseconds << 16 | counter
    Bytes body;                // refers to the reader's buffer: valid during the call
};

// How long segments that nothing needs any longer are kept (docs/formats/journal.md, "Keeping").
struct Retention {
    std::chrono::seconds time{0};  // 0: not at all
    uint64_t bytes_max = 0;        // of all of them; beyond it the oldest go
    // While the disk has less room than this, all go.
    uint64_t free_bytes_min = 0;
};

struct Options {
    uint64_t segment_bytes = 64 * kMiB;      // a multiple of 4096, at most 1 GiB
    uint64_t record_bytes_max = 48 * kMiB;   // body; must fit a segment
    uint64_t pending_bytes_max = 96 * kMiB;  // appended and not yet durable; more waits
    // A stream's first segment is zeroed this far before create() returns, the rest in such steps
    // in the background, four of them ahead of the writers. A multiple of 4096.
    uint64_t zero_step_bytes = 4 * kMiB;
    Retention retention;
    bool manual = false;
    // Hybrid times start above this: ReplayStats::last_hybrid_time, so that they grow over
    // restarts.
    uint64_t hybrid_time_floor = 0;
    PlantedFault planted_fault = PlantedFault::none;  // tests only
};

struct Usage {
    uint64_t bytes = 0;  // from the oldest byte still needed to the end, older streams included
    uint64_t segments = 0;
    uint64_t syncs = 0;
    uint64_t last_sync_nanos = 0;
    // Segments that could not be recycled; tried again at the next release().
    uint64_t release_failures = 0;
    uint64_t kept_bytes = 0;  // of segments that nothing needs any longer
    uint64_t kept_segments = 0;
};

class Journal {
  public:
    virtual ~Journal() = default;

    // Creates the stream `stream` in `directory` (which holds one folder a stream; made if
    // missing). `stream` must be above every stream there (failed_precondition). Destroying a
    // journal that was not closed drops what is pending: its waiters get an error.
    static Result<std::unique_ptr<Journal>> create(FileSystem& fs, Clock& clock,
                                                   std::string directory, StreamId stream,
                                                   const Options& options);

    // Copies the record into the buffer and gives it its place. `body` comes in pieces, to spare a
    // copy. Waits while pending_bytes_max is reached and while the room for it is being made:
    // deadline_exceeded if it takes too long. payload_too_large above record_bytes_max, unavailable
    // once fenced ("journal_fenced") or closed ("journal_closed"), storage_exhausted while the disk
    // has no room for the next segment (which does not fence: room on disk is taken before a record
    // is accepted).
    virtual Result<Lsn> append(const RecordHeader& header, std::span<const Bytes> body,
                               Deadline deadline) = 0;

    // All records at positions < durable().position have been synced.
    virtual Lsn durable() const = 0;
    // Calls `done` once the record at `lsn` is durable (success) or never will be (error): on the
    // journal's thread, or at once if it is known already. `done` must be quick and must not call
    // the journal.
    virtual void on_durable(Lsn lsn, std::move_only_function<void(Status)> done) = 0;
    virtual Status wait_durable(Lsn lsn, Deadline deadline) = 0;

    // Records below `oldest_needed` are needed no longer: whole segments below it are recycled, or
    // kept for a while first.
    virtual void release(Lsn oldest_needed) = 0;
    // Removes older streams that lie wholly below `oldest_needed`; a few of their segments become
    // spares of this stream, or all are kept for a while first.
    virtual Status remove_streams_below(Lsn oldest_needed) = 0;

    virtual Usage usage() const = 0;
    // Set once the stream is fenced.
    virtual Status health() const = 0;

    // Waits until all that was appended is durable. Manual mode: writes and syncs it, on the
    // caller's thread.
    virtual Status flush() = 0;
    // Syncs what is pending, writes the end record, syncs, and stops. Idempotent.
    virtual Status close() = 0;
};

// The latest stream that has a folder in `directory`; 0 if none has.
Result<StreamId> newest_stream(FileSystem& fs, const std::string& directory);

// Replays all streams in `directory`, oldest first, records at or after `from` (the rest of older
// segments is skipped unread where whole segments lie below). Memory is bounded by one segment.
// Stops with data_loss, whose detail names segment and offset, on damage before a good record, on
// an unknown kind or version, and on a missing segment; a torn tail is cut. `handle` fails =>
// replay stops with that error. `from` must not be below what was released; Lsn{} stands for
// "whatever is there". What an unclean stream ends with is written once more and synced before
// replay returns: it may have been read from memory only, and what a reader has seen must not
// vanish at the next power cut. A missing directory holds no records. Must not run beside a Journal
// on the same directory.
struct ReplayStats {
    uint64_t records = 0;
    uint64_t bytes = 0;
    uint64_t streams = 0;
    StreamId last_stream;           // 0 if there is none
    bool clean_stop = false;        // the last stream ended with an end record
    uint64_t cut_bytes = 0;         // in torn tails: written, never acknowledged
    uint64_t lost_bytes = 0;        // given up by a salvage
    uint64_t last_hybrid_time = 0;  // the highest that was seen
};
Result<ReplayStats> replay(FileSystem& fs, const std::string& directory, Lsn from,
                           const Options& options,
                           const std::function<Status(const Record&)>& handle);
// Hands on the same records once more, after a replay(): those at or after `from` of the streams up
// to `last`. Changes nothing. May run beside a Journal that writes a later stream, as long as
// nothing of these streams is released.
Status read_again(FileSystem& fs, const std::string& directory, Lsn from, StreamId last,
                  const Options& options, const std::function<Status(const Record&)>& handle);

}  // namespace insula::journal
