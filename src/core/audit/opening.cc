// AuditLog: opening what is there.
#include <fmt/format.h>

#include <algorithm>

#include "core/audit/audit_log.h"
#include "core/audit/checkpoint.h"
#include "platform/crypto/hash.h"
#include "platform/runtime/log.h"

namespace insula::audit {

namespace {

constexpr std::string_view kTemporarySuffix = ".tmp";
constexpr uint64_t kSegmentBytesMax = 1 * kGiB;

Error damaged(const std::string& path, std::string_view what) {
    return data_loss(fmt::format("{}: {}", path, what));
}

struct Listing {
    std::vector<uint64_t> firsts;  // ascending
    bool has_checkpoint = false;
};

Result<Listing> list_log(FileSystem& fs, const std::string& directory) {
    Listing listing;
    ASSIGN_OR_RETURN(const auto entries, fs.list(directory));
    for (const DirectoryEntry& entry : entries) {
        if (entry.name.ends_with(kTemporarySuffix)) {
            RETURN_IF_ERROR(fs.remove(directory + "/" + entry.name));
        } else if (const auto first = parse_segment_name(entry.name)) {
            listing.firsts.push_back(*first);
        }
        listing.has_checkpoint = listing.has_checkpoint || entry.name == kCheckpointFile;
    }
    std::ranges::sort(listing.firsts);
    return listing;
}

}  // namespace

Result<std::unique_ptr<AuditLog>> AuditLog::open(FileSystem& fs, std::string directory,
                                                 Random& random, const LogOptions& options) {
    RETURN_IF_ERROR(create_directories(fs, directory));
    ASSIGN_OR_RETURN(const Listing listing, list_log(fs, directory));
    const bool is_new = listing.firsts.empty() && !listing.has_checkpoint;
    ASSIGN_OR_RETURN(crypto::SigningKey key, load_key(fs, directory, is_new, random));
    std::unique_ptr<AuditLog> log(new AuditLog(fs, std::move(directory), std::move(key), options));
    if (!listing.firsts.empty()) {
        RETURN_IF_ERROR(log->load(listing.firsts));
        RETURN_IF_ERROR(log->load_checkpoint());
        return log;
    }
    // Of no entries, so that one that is missing later was taken away.
    if (is_new) RETURN_IF_ERROR(log->write_checkpoint());
    ASSIGN_OR_RETURN(const Tree tree, log->read_checkpoint());
    if (tree.size > 0) return fail(damaged(log->path_of(0), "missing"));
    RETURN_IF_ERROR(log->start_segment());
    return log;
}

// Only a log that is not there yet gets a new one: under another key all that was signed before
// would be somebody else's.
Result<crypto::SigningKey> AuditLog::load_key(FileSystem& fs, const std::string& directory,
                                              bool may_create, Random& random) {
    const std::string path = fmt::format("{}/{}", directory, kSigningKeyFile);
    auto text = read_file(fs, path, kSigningKeyBytesMax);
    if (!text && text.error().code() == Code::not_found && may_create) {
        crypto::SigningKey made = crypto::SigningKey::random(random);
        std::string line = crypto::hex_encode(made.seed().bytes()) + "\n";
        const Status stored = write_file_durably(fs, path, line);
        crypto::wipe(std::as_writable_bytes(std::span(line)));
        RETURN_IF_ERROR(stored);
        return made;
    }
    if (!text && text.error().code() == Code::not_found) {
        return fail(damaged(path, "missing, and the log is there"));
    }
    RETURN_IF_ERROR(text);
    const std::string_view digits = std::string_view(*text).substr(0, text->find('\n'));
    auto seed = crypto::SecretKey::parse(digits);
    const bool whole = seed && *text == crypto::hex_encode(seed->bytes()) + "\n";
    crypto::wipe(std::as_writable_bytes(std::span(*text)));
    if (!whole) return fail(damaged(path, "it is no key"));
    return crypto::SigningKey(*std::move(seed));
}

Status AuditLog::load(const std::vector<uint64_t>& firsts) {
    if (firsts.front() != 0) return fail(damaged(path_of(0), "missing"));
    for (const uint64_t first : firsts) RETURN_IF_ERROR(load_header(first, first == firsts.back()));
    RETURN_IF_ERROR(remember_records_before());
    return load_last_segment();
}

Status AuditLog::load_header(uint64_t first, bool last) {
    const std::string path = path_of(first);
    ASSIGN_OR_RETURN(auto file, fs_.open(path, OpenMode::read));
    ASSIGN_OR_RETURN(const uint64_t bytes, file->size());
    const uint64_t block = first / kBlockEntries;
    const uint64_t expected = block - blocks_.size();
    std::string content(std::min<uint64_t>(bytes, 4096 + expected * sizeof(Hash)), '\0');
    ASSIGN_OR_RETURN(const size_t count,
                     file->read_at(std::as_writable_bytes(std::span(content)), 0));
    content.resize(count);
    const auto decoded = decode_header(as_bytes(content));
    if (!decoded) return fail(damaged(path, decoded.error().detail()));
    const SegmentHeader& header = decoded->header;
    if (header.first != first || header.blocks.size() != expected) {
        return fail(damaged(path, "its header is of another segment"));
    }
    if (header.key != key()) return fail(damaged(path, "it is of a log with another key"));
    for (const Hash& hash : header.blocks) frontier_.append(hash, kBlockEntries);
    blocks_.insert(blocks_.end(), header.blocks.begin(), header.blocks.end());
    derived_ = header.derived;
    segments_.push_back(
        {.first = first, .header_bytes = decoded->bytes, .bytes = last ? decoded->bytes : bytes});
    return {};
}

// The last kCatalogRecordsAtOnceMax entries may lie in the segment before the last one, too, which
// has at least as many.
Status AuditLog::remember_records_before() {
    static_assert(kCatalogRecordsAtOnceMax <= kBlockEntries);
    if (segments_.size() < 2) return {};
    const Segment& segment = segments_[segments_.size() - 2];
    const std::string path = path_of(segment.first);
    ASSIGN_OR_RETURN(const std::string content, read_file(fs_, path, kSegmentBytesMax));
    uint64_t offset = segment.header_bytes;
    while (const auto frame = read_frame(content, offset)) {
        note_origin(frame->origin, frame->entry);
        offset += frame->bytes;
    }
    if (offset == content.size()) return {};
    return fail(damaged(path, fmt::format("offset {}: an entry is damaged", offset)));
}

Status AuditLog::load_last_segment() {
    Segment& segment = segments_.back();
    const std::string path = path_of(segment.first);
    ASSIGN_OR_RETURN(file_, fs_.open(path, OpenMode::read_write));
    ASSIGN_OR_RETURN(const std::string content, read_file(fs_, path, kSegmentBytesMax));
    uint64_t offset = segment.header_bytes;
    while (const auto frame = read_frame(content, offset)) {
        if (frame->index != frontier_.size()) {
            return fail(damaged(path, fmt::format("offset {}: entry {} stands in the place of {}",
                                                  offset, frame->index, frontier_.size())));
        }
        note_leaf(leaf_hash(as_bytes(frame->entry)));
        note_origin(frame->origin, frame->entry);
        offset += frame->bytes;
    }
    segment.bytes = offset;
    if (offset < content.size()) return cut_tail(content, offset);
    // What was read may be in memory alone: a process that is killed leaves what it wrote there.
    return file_->sync_data();
}

void AuditLog::note_origin(const Origin& origin, std::string_view text) {
    if (origin.kind == Origin::Kind::journal) derived_ = origin.lsn;
    if (origin.kind != Origin::Kind::catalog) return;
    if (const auto entry = decode(text)) remember_catalog_record(entry->id);
}

// Frames that were written and never synced may be there in part. One that says of this place that
// it was synced before tells damage from that.
Status AuditLog::cut_tail(std::string_view content, uint64_t offset) {
    const std::string path = path_of(segments_.back().first);
    uint64_t from = offset;
    while (const auto later = find_frame(content, from, size())) {
        if (later->frame.synced_before > size()) {
            return fail(damaged(
                path, fmt::format("offset {}: entry {} is damaged, and entry {} behind it is not",
                                  offset, size(), later->frame.index)));
        }
        from = later->offset + 1;
    }
    log::warn("the audit log ended with entries that were not written whole; they are cut",
              {{"bytes", static_cast<uint64_t>(content.size() - offset)}});
    RETURN_IF_ERROR(file_->truncate(offset));
    return file_->sync_data();
}

Result<Tree> AuditLog::read_checkpoint() {
    const std::string path = fmt::format("{}/{}", directory_, kCheckpointFile);
    auto text = read_file(fs_, path, kCheckpointBytesMax);
    if (!text && text.error().code() == Code::not_found) return fail(damaged(path, "missing"));
    RETURN_IF_ERROR(text);
    const auto tree = verify_checkpoint(*text, key());
    if (!tree) return fail(damaged(path, tree.error().detail()));
    checkpoint_ = *std::move(text);
    checkpoint_tree_ = *tree;
    return *tree;
}

Status AuditLog::load_checkpoint() {
    ASSIGN_OR_RETURN(const Tree tree, read_checkpoint());
    Snapshot now = snapshot();
    const Segment& last = now.segments.back();
    if (tree.size > now.size) {
        return fail(damaged(path_of(last.first),
                            fmt::format("offset {}: the log ends with {} entries, and its "
                                        "checkpoint is of {}",
                                        last.bytes, now.size, tree.size)));
    }
    ASSIGN_OR_RETURN(const Hash root, range_hash(now, 0, tree.size));
    if (root == tree.root) return {};
    return fail(damaged(
        path_of(last.first),
        fmt::format("the first {} entries are not those that the checkpoint signs", tree.size)));
}

}  // namespace insula::audit
