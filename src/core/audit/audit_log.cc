#include "core/audit/audit_log.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "core/audit/checkpoint.h"

namespace insula::audit {

namespace {

Error fenced(const Error& cause) {
    return unavailable("audit_log_fenced", "The audit log cannot be written.")
        .with_hint("The server's log says why; a restart opens it again.")
        .with_detail(cause.describe());
}

}  // namespace

Status AuditLog::health() const {
    const std::lock_guard lock(mutex_);
    if (fenced_) return fail(*fenced_);
    return {};
}

uint64_t AuditLog::size() const {
    const std::lock_guard lock(mutex_);
    return frontier_.size();
}

Lsn AuditLog::derived() const {
    const std::lock_guard lock(mutex_);
    return derived_;
}

bool AuditLog::has_catalog_record(const EntryId& id) const {
    const std::lock_guard lock(mutex_);
    return known_catalog_records_.contains(id);
}

std::string AuditLog::checkpoint() const {
    const std::lock_guard lock(mutex_);
    return checkpoint_;
}

uint64_t AuditLog::checkpoint_size() const {
    const std::lock_guard lock(mutex_);
    return checkpoint_tree_.size;
}

AuditLog::Usage AuditLog::usage() const {
    const std::lock_guard lock(mutex_);
    Usage usage{.bytes = 0, .segments = segments_.size()};
    for (const Segment& segment : segments_) usage.bytes += segment.bytes;
    return usage;
}

Status AuditLog::append(std::span<const NewEntry> entries) {
    while (!entries.empty()) {
        RETURN_IF_ERROR(health());
        if (segment_is_full()) RETURN_IF_ERROR(start_segment());
        // Segments end with a whole block, and the next one's header has its hash.
        const uint64_t room = kBlockEntries - size() % kBlockEntries;
        const size_t count = std::min<size_t>(entries.size(), room);
        RETURN_IF_ERROR(write_frames(entries.first(count)));
        entries = entries.subspan(count);
    }
    return {};
}

bool AuditLog::segment_is_full() const {
    const std::lock_guard lock(mutex_);
    const Segment& last = segments_.back();
    return leaves_.empty() && frontier_.size() > last.first && last.bytes >= options_.segment_bytes;
}

Status AuditLog::start_segment() {
    SegmentHeader header;
    {
        const std::lock_guard lock(mutex_);
        header.first = frontier_.size();
        header.derived = derived_;
        const uint64_t before = segments_.empty() ? 0 : segments_.back().first / kBlockEntries;
        header.blocks.assign(blocks_.begin() + static_cast<ptrdiff_t>(before), blocks_.end());
    }
    header.key = key();
    const std::string encoded = encode_header(header);
    const std::string path = path_of(header.first);
    RETURN_IF_ERROR(write_file_durably(fs_, path, encoded));
    ASSIGN_OR_RETURN(file_, fs_.open(path, OpenMode::read_write));
    const std::lock_guard lock(mutex_);
    segments_.push_back(
        {.first = header.first, .header_bytes = encoded.size(), .bytes = encoded.size()});
    return {};
}

Status AuditLog::write_frames(std::span<const NewEntry> entries) {
    const uint64_t first = size();
    uint64_t end = 0;
    {
        const std::lock_guard lock(mutex_);
        end = segments_.back().bytes;
    }
    std::string frames;
    for (size_t i = 0; i < entries.size(); ++i) {
        INSULA_CHECK(entries[i].text.size() <= kEntryBytesMax, "an entry is bounded");
        append_frame({.index = first + i,
                      .synced_before = first,
                      .origin = entries[i].origin,
                      .entry = entries[i].text},
                     frames);
    }
    if (const Status written = file_->write_at(as_bytes(frames), end); !written) {
        return restore_end(written.error());
    }
    if (const Status synced = file_->sync_data(); !synced) {
        const std::lock_guard lock(mutex_);
        fenced_ = fenced(synced.error());
        return fail(*fenced_);
    }
    const std::lock_guard lock(mutex_);
    segments_.back().bytes = end + frames.size();
    for (const NewEntry& entry : entries) note(entry);
    return {};
}

// Nothing of what could not be written may stand behind the end: the next frames go there.
Status AuditLog::restore_end(const Error& cause) {
    const std::lock_guard lock(mutex_);
    const Status cut = file_->truncate(segments_.back().bytes);
    if (cut && cause.code() == Code::storage_exhausted) return fail(cause);
    fenced_ = fenced(cause);
    return fail(*fenced_);
}

// With mutex_ held, as the three below.
void AuditLog::note(const NewEntry& entry) {
    note_leaf(leaf_hash(as_bytes(entry.text)));
    if (entry.origin.kind == Origin::Kind::journal) derived_ = entry.origin.lsn;
    if (entry.origin.kind == Origin::Kind::catalog) remember_catalog_record(entry.id);
}

void AuditLog::note_leaf(const Hash& leaf) {
    frontier_.append(leaf);
    leaves_.push_back(leaf);
    if (leaves_.size() < kBlockEntries) return;
    blocks_.push_back(tree_hash(leaves_));
    leaves_.clear();
}

void AuditLog::remember_catalog_record(const EntryId& id) {
    if (!known_catalog_records_.insert(id).second) return;
    catalog_records_.push_back(id);
    if (catalog_records_.size() <= kCatalogRecordsAtOnceMax) return;
    known_catalog_records_.erase(catalog_records_.front());
    catalog_records_.pop_front();
}

Status AuditLog::write_checkpoint() {
    Tree tree;
    {
        const std::lock_guard lock(mutex_);
        if (fenced_) return fail(*fenced_);
        tree = {.root = frontier_.root(), .size = frontier_.size()};
        if (!checkpoint_.empty() && checkpoint_tree_.size == tree.size) return {};
    }
    std::string text = sign_checkpoint(tree, key_);
    RETURN_IF_ERROR(
        write_file_durably(fs_, fmt::format("{}/{}", directory_, kCheckpointFile), text));
    const std::lock_guard lock(mutex_);
    checkpoint_ = std::move(text);
    checkpoint_tree_ = tree;
    return {};
}

}  // namespace insula::audit
