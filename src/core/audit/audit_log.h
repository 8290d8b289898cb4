// AuditLog: the entries of a node in the order in which they came to be, in segment files
// (docs/formats/audit-log.md), with the Merkle tree over them and checkpoints that the log's key
// signs.
//
// Always holds:
//  1. What append() has returned for is durable, in order, and numbered from 0 without a gap.
//  2. A checkpoint is of entries that are durable, and none is of fewer than one before it.
//  3. After a failed sync the log is fenced: nothing is appended or signed until the next open().
//
// Threads: append() and write_checkpoint() from one thread, everything else from any. Reading asks
// the file system, and so may block.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "core/audit/log_format.h"
#include "core/audit/merkle.h"
#include "platform/crypto/signing.h"
#include "platform/fs/file_system.h"
#include "platform/runtime/random.h"

namespace insula::audit {

inline constexpr std::string_view kCheckpointFile = "checkpoint";
inline constexpr std::string_view kSigningKeyFile = "signing-key";
inline constexpr uint64_t kSigningKeyBytesMax = 256;
// As many records of the catalog as one pass takes from it, at most: what may be in the log and in
// the catalog too after a crash.
inline constexpr size_t kCatalogRecordsAtOnceMax = 256;

struct LogOptions {
    uint64_t segment_bytes = 16 * kMiB;  // the block that reaches it is the segment's last
};

struct NewEntry {
    Origin origin;
    EntryId id{};  // looked at where the origin is the catalog
    std::string text;
};

struct StoredEntry {
    uint64_t index = 0;
    std::string text;
};

struct EntryProof {
    StoredEntry entry;
    Tree tree;
    std::string checkpoint;  // signs the tree
    Proof proof;
};
struct GrowthProof {
    std::string checkpoint;
    Proof proof;
};

class AuditLog {
  public:
    // Made in `directory` if nothing is there, with a key of `random`. Cuts a torn tail. data_loss,
    // whose detail names the file and the offset, where anything else is not as it should be, the
    // checkpoint and the key included. `fs` must outlive the log.
    static Result<std::unique_ptr<AuditLog>> open(FileSystem& fs, std::string directory,
                                                  Random& random, const LogOptions& options = {});

    // Durable on return, all or none of them after a crash but for a beginning. storage_exhausted
    // leaves the log as it was; unavailable `audit_log_fenced` after a failed sync.
    Status append(std::span<const NewEntry> entries);
    // Signs the log as it is and stores that; nothing where the last one is of as many entries.
    Status write_checkpoint();

    uint64_t size() const;
    // Of the entries of the journal, the last one's place; zero where there is none.
    Lsn derived() const;
    // Whether one of the last kCatalogRecordsAtOnceMax records of the catalog is this one.
    bool has_catalog_record(const EntryId& id) const;
    // The last checkpoint; empty where there is none yet.
    std::string checkpoint() const;
    uint64_t checkpoint_size() const;
    const crypto::PublicKey& key() const { return key_.public_key(); }
    // audit_log_fenced after a failed sync.
    Status health() const;
    struct Usage {
        uint64_t bytes = 0;
        uint64_t segments = 0;
    };
    Usage usage() const;

    // Hands on entries below `end`, the newest first, until `visit` says false or all were visited.
    // `visit` must not call the log.
    using Visit = std::function<bool(uint64_t index, std::string_view text)>;
    Status visit_down(uint64_t end, const Visit& visit) const;
    // The same from `begin` on, the oldest first.
    Status visit_up(uint64_t begin, const Visit& visit) const;
    // That the entry is in the tree of the last checkpoint. not_found `audit_entry_not_found` where
    // that has no such entry.
    Result<EntryProof> prove(uint64_t index) const;
    // That the tree of the last checkpoint begins with that of `first` entries: not_found as above.
    Result<GrowthProof> prove_growth(uint64_t first) const;

  private:
    struct Segment {
        uint64_t first = 0;
        uint64_t header_bytes = 0;
        uint64_t bytes = 0;  // durable
    };
    // What a reader needs, as of one moment; used by one thread.
    struct Snapshot {
        std::vector<Segment> segments;
        uint64_t size = 0;
        std::string checkpoint;
        Tree checkpoint_tree;
        std::map<uint64_t, std::vector<Hash>> leaves;  // of blocks that were read
    };

    AuditLog(FileSystem& fs, std::string directory, crypto::SigningKey key,
             const LogOptions& options)
        : fs_(fs), directory_(std::move(directory)), options_(options), key_(std::move(key)) {}

    // opening.cc
    static Result<crypto::SigningKey> load_key(FileSystem& fs, const std::string& directory,
                                               bool may_create, Random& random);
    Status load(const std::vector<uint64_t>& firsts);
    Status load_header(uint64_t first, bool last);
    Status remember_records_before();
    Status load_last_segment();
    Status cut_tail(std::string_view content, uint64_t offset);
    Result<Tree> read_checkpoint();
    Status load_checkpoint();

    Status start_segment();
    bool segment_is_full() const;
    Status write_frames(std::span<const NewEntry> entries);
    Status restore_end(const Error& cause);
    void note(const NewEntry& entry);
    void note_leaf(const Hash& leaf);
    void note_origin(const Origin& origin, std::string_view text);
    void remember_catalog_record(const EntryId& id);
    std::string path_of(uint64_t first) const { return directory_ + "/" + segment_name(first); }

    // reading.cc
    Snapshot snapshot() const;
    Result<std::string> read_segment(const Segment& segment) const;
    Result<std::span<const Hash>> leaves_of_block(Snapshot& snapshot, uint64_t block) const;
    Result<Hash> range_hash(Snapshot& snapshot, uint64_t begin, uint64_t end) const;
    Result<Hash> whole_block(Snapshot& snapshot, uint64_t block) const;

    FileSystem& fs_;
    const std::string directory_;
    const LogOptions options_;
    const crypto::SigningKey key_;
    std::unique_ptr<File> file_;  // the last segment's

    mutable std::mutex mutex_;  // guards all below
    std::vector<Segment> segments_;
    std::vector<Hash> blocks_;  // complete ones
    std::vector<Hash> leaves_;  // since the last of them
    Frontier frontier_;
    Lsn derived_;
    std::deque<EntryId> catalog_records_;
    std::set<EntryId> known_catalog_records_;
    std::string checkpoint_;
    Tree checkpoint_tree_;
    std::optional<Error> fenced_;
};

}  // namespace insula::audit
