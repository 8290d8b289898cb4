#include "core/audit/verification.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/audit/audit_log.h"
#include "core/audit/checkpoint.h"
#include "core/audit/log_format.h"

namespace insula::audit {

namespace {

constexpr uint64_t kFileBytesMax = 1 * kGiB;

std::string entries_text(uint64_t from, uint64_t to) {
    return from == to ? fmt::format("entry {}", from) : fmt::format("entries {} to {}", from, to);
}

class LogVerification {
  public:
    LogVerification(FileSystem& fs, std::string directory, const LogExpectations& expected)
        : fs_(fs), directory_(std::move(directory)), expected_(expected) {}

    Result<LogReport> run() {
        RETURN_IF_ERROR(list());
        if (!report_.found) return std::move(report_);
        RETURN_IF_ERROR(find_key());
        RETURN_IF_ERROR(read_checkpoints());
        for (size_t i = 0; i < firsts_.size(); ++i) {
            const bool last = i + 1 == firsts_.size();
            RETURN_IF_ERROR(
                check_segment(firsts_[i], last ? std::nullopt : std::optional(firsts_[i + 1])));
        }
        report_.entries = next_;
        if (firsts_.empty() && (!report_.checkpoint || report_.checkpoint->size > 0)) {
            damage({.file = segment_name(0), .entry = 0, .what = "missing"});
        }
        check_own_checkpoint();
        for (const auto& [name, tree] : others_) check_other_checkpoint(name, tree);
        return std::move(report_);
    }

  private:
    void add(LogFinding finding) {
        if (finding.severity == LogFinding::Severity::damage) ++report_.damages;
        if (report_.findings.size() < kLogFindingsMax) {
            report_.findings.push_back(std::move(finding));
        }
    }
    void damage(LogFinding finding) { add(std::move(finding)); }

    std::string path_of(std::string_view file) const {
        return fmt::format("{}/{}", directory_, file);
    }

    Status list() {
        const auto entries = fs_.list(directory_);
        if (!entries && entries.error().code() == Code::not_found) return {};
        RETURN_IF_ERROR(entries);
        for (const DirectoryEntry& entry : *entries) {
            if (const auto first = parse_segment_name(entry.name)) firsts_.push_back(*first);
            const bool ours = entry.name == kCheckpointFile || entry.name == kSigningKeyFile;
            report_.found = report_.found || ours;
        }
        std::ranges::sort(firsts_);
        report_.found = report_.found || !firsts_.empty();
        return {};
    }

    // The key that the log is signed with stands in each segment, where a checksum covers it.
    Status find_key() {
        for (const uint64_t first : firsts_) {
            ASSIGN_OR_RETURN(const auto header, header_of(first));
            if (!header) continue;
            report_.key = header->header.key;
            break;
        }
        RETURN_IF_ERROR(check_key_file());
        if (expected_.key && report_.key && *expected_.key != *report_.key) {
            damage({.file = segment_name(firsts_.empty() ? 0 : firsts_.front()),
                    .what = fmt::format("this is the log {}, and not {}", log_name(*report_.key),
                                        log_name(*expected_.key))});
        }
        return {};
    }

    Status check_key_file() {
        const std::string file(kSigningKeyFile);
        auto text = read_file(fs_, path_of(file), kSigningKeyBytesMax);
        if (!text && text.error().code() == Code::not_found) {
            damage({.file = file, .what = "missing"});
            return {};
        }
        if (!text && text.error().code() != Code::payload_too_large) return fail(text.error());
        const std::string content = text ? *text : std::string();
        auto seed =
            crypto::SecretKey::parse(std::string_view(content).substr(0, content.find('\n')));
        if (!seed || content != crypto::hex_encode(seed->bytes()) + "\n") {
            damage({.file = file, .what = "it is no key"});
            return {};
        }
        const crypto::SigningKey key(*std::move(seed));
        if (!report_.key) report_.key = key.public_key();
        if (key.public_key() != *report_.key) {
            damage({.file = file, .what = "it is not the key that signs this log"});
        }
        return {};
    }

    Result<std::optional<DecodedHeader>> header_of(uint64_t first) {
        auto content = read_file(fs_, path_of(segment_name(first)), kFileBytesMax);
        RETURN_IF_ERROR(content);
        auto decoded = decode_header(as_bytes(*content));
        if (!decoded) return std::nullopt;
        return *std::move(decoded);
    }

    Status read_checkpoints() {
        const std::string file(kCheckpointFile);
        const auto text = read_file(fs_, path_of(file), kCheckpointBytesMax);
        if (!text && text.error().code() == Code::not_found) {
            damage({.file = file, .what = "missing"});
        } else if (!text && text.error().code() != Code::payload_too_large) {
            return fail(text.error());
        } else {
            report_.checkpoint = read_checkpoint({.name = file, .text = text ? *text : ""});
        }
        for (const NamedCheckpoint& given : expected_.checkpoints) {
            if (const auto tree = read_checkpoint(given)) others_.emplace_back(given.name, *tree);
        }
        return {};
    }

    std::optional<Tree> read_checkpoint(const NamedCheckpoint& checkpoint) {
        const auto key = expected_.key ? expected_.key : report_.key;
        if (!key) return std::nullopt;
        const auto tree = verify_checkpoint(checkpoint.text, *key);
        if (!tree) {
            damage({.file = checkpoint.name, .what = std::string(tree.error().detail())});
            return std::nullopt;
        }
        roots_[tree->size] = std::nullopt;
        if (tree->size == 0) roots_[0] = frontier_.root();
        return *tree;
    }

    // `end`: the first entry of the next one; nothing for the last.
    Status check_segment(uint64_t first, std::optional<uint64_t> end) {
        file_ = segment_name(first);
        ASSIGN_OR_RETURN(const std::string content, read_file(fs_, path_of(file_), kFileBytesMax));
        report_.bytes += content.size();
        check_beginning(first);
        uint64_t offset = 0;
        const auto decoded = decode_header(as_bytes(content));
        if (decoded) {
            check_header(decoded->header, first);
            offset = decoded->bytes;
        } else {
            damage({.file = file_, .offset = 0, .what = std::string(decoded.error().detail())});
            const auto frame = find_frame(content, 0, first);
            offset = frame ? frame->offset : content.size();
        }
        segment_first_ = first;
        unproven_.clear();
        check_frames(content, offset, end);
        previous_file_ = file_;
        previous_bytes_ = content.size();
        return {};
    }

    // Segments begin where the one before them ends.
    void check_beginning(uint64_t first) {
        if (first == next_) return;
        if (first > next_) {
            const bool has_previous = !previous_file_.empty();
            damage({.file = has_previous ? previous_file_ : segment_name(next_),
                    .entry = next_,
                    .offset = has_previous ? std::optional(previous_bytes_) : std::nullopt,
                    .what = fmt::format(
                        "{} missing: the log goes on in {}",
                        entries_text(next_, first - 1) + (next_ == first - 1 ? " is" : " are"),
                        file_)});
        } else {
            damage({.file = file_,
                    .entry = first,
                    .offset = 0,
                    .what = fmt::format("it begins with entry {}, and {} stand before it", first,
                                        next_)});
        }
        skip_to(first);
    }

    // What the tree over all that follows would be, nobody knows.
    void skip_to(uint64_t entry) {
        broken_ = true;
        next_ = entry;
        leaves_.clear();
    }

    void check_header(const SegmentHeader& header, uint64_t first) {
        if (header.first != first) {
            damage({.file = file_,
                    .offset = 0,
                    .what = fmt::format("its header is of the segment that begins with entry {}",
                                        header.first)});
        }
        if (report_.key && header.key != *report_.key) {
            damage({.file = file_, .offset = 0, .what = "it is of a log with another key"});
        }
        // Of the blocks of the segment before.
        const uint64_t blocks_before = header.first / kBlockEntries;
        for (size_t i = 0; i < std::min<uint64_t>(header.blocks.size(), blocks_before); ++i) {
            const uint64_t block = blocks_before - header.blocks.size() + i;
            const auto known = unproven_.find(block);
            if (known == unproven_.end() || known->second.hash == header.blocks[i]) continue;
            const uint64_t from = block * kBlockEntries;
            damage({.file = previous_file_,
                    .entry = from,
                    .offset = known->second.offset,
                    .what = fmt::format("one of the {} is not what was written",
                                        entries_text(from, from + kBlockEntries - 1))});
            broken_ = true;
        }
    }

    void check_frames(std::string_view content, uint64_t offset, std::optional<uint64_t> end) {
        while (offset < content.size()) {
            const auto frame = read_frame(content, offset);
            if (!frame) {
                const auto found = look_behind(content, offset, end);
                if (!found) break;
                offset = *found;
                continue;
            }
            if (frame->index < next_) {
                damage({.file = file_,
                        .entry = frame->index,
                        .offset = offset,
                        .bytes = frame->bytes,
                        .what = fmt::format("entry {} stands here, where {} should be",
                                            frame->index, next_)});
                offset += frame->bytes;
                continue;
            }
            if (frame->index > next_) {
                damage({.file = file_,
                        .entry = next_,
                        .offset = offset,
                        .what = fmt::format("{} missing: entry {} stands in {} place",
                                            entries_text(next_, frame->index - 1) +
                                                (next_ == frame->index - 1 ? " is" : " are"),
                                            frame->index,
                                            next_ == frame->index - 1 ? "its" : "their")});
                skip_to(frame->index);
            }
            accept(leaf_hash(as_bytes(frame->entry)), offset);
            offset += frame->bytes;
        }
    }

    // At `offset` is no entry. Where the next one is, if there is one.
    std::optional<uint64_t> look_behind(std::string_view content, uint64_t offset,
                                        std::optional<uint64_t> end) {
        const auto behind = find_frame(content, offset + 1, next_);
        if (!end && is_torn_tail(content, offset)) {
            add({.severity = LogFinding::Severity::note,
                 .file = file_,
                 .entry = next_,
                 .offset = offset,
                 .bytes = content.size() - offset,
                 .what = "a torn tail: written when the server ended, cut at the next start"});
            return std::nullopt;
        }
        if (!behind) {
            report_end(content, offset, end);
            return std::nullopt;
        }
        const uint64_t found = behind->frame.index;
        damage({.file = file_,
                .entry = next_,
                .offset = offset,
                .bytes = behind->offset - offset,
                .what = found == next_
                            ? fmt::format("what stands before entry {} is no entry", found)
                            : fmt::format("{} changed or damaged",
                                          entries_text(next_, found - 1) +
                                              (next_ == found - 1 ? " is" : " are"))});
        skip_to(found);
        return behind->offset;
    }

    // From `offset` on nothing is whole.
    void report_end(std::string_view content, uint64_t offset, std::optional<uint64_t> end) {
        const uint64_t rest = content.size() - offset;
        const bool one = claimed_frame_bytes(content, offset) == rest;
        const uint64_t last = end && *end > next_ && !one ? *end - 1 : next_;
        damage({.file = file_,
                .entry = next_,
                .offset = offset,
                .bytes = rest,
                .what = fmt::format("{}{}{}", entries_text(next_, last),
                                    last == next_ ? " is " : " are ",
                                    one ? "changed or damaged" : "damaged or cut off")});
        skip_to(one ? next_ + 1 : end.value_or(next_));
    }

    // As the log's own opening tells the two apart.
    bool is_torn_tail(std::string_view content, uint64_t offset) const {
        if (!report_.checkpoint || report_.checkpoint->size > next_) return false;
        uint64_t from = offset + 1;
        while (const auto later = find_frame(content, from, next_)) {
            if (later->frame.synced_before > next_) return false;
            from = later->offset + 1;
        }
        return true;
    }

    void accept(const Hash& leaf, uint64_t offset) {
        if (leaves_.empty()) block_offset_ = offset;
        if (leaves_.size() == next_ % kBlockEntries) leaves_.push_back(leaf);
        if (leaves_.size() == kBlockEntries) {
            unproven_[next_ / kBlockEntries] = {.hash = tree_hash(leaves_),
                                                .offset = block_offset_};
            leaves_.clear();
        }
        ++next_;
        if (broken_) return;
        frontier_.append(leaf);
        if (const auto wanted = roots_.find(next_); wanted != roots_.end()) {
            wanted->second = frontier_.root();
        }
    }

    void check_own_checkpoint() {
        if (!report_.checkpoint || firsts_.empty()) return;
        const Tree& tree = *report_.checkpoint;
        if (tree.size > next_) {
            damage({.file = previous_file_,
                    .entry = next_,
                    .offset = previous_bytes_,
                    .what = fmt::format("the log was cut off: it ends with {} entries, and its "
                                        "checkpoint is of {}",
                                        next_, tree.size)});
            return;
        }
        const auto& root = roots_[tree.size];
        if (!root || *root == tree.root) return;
        damage({.file = previous_file_,
                .entry = segment_first_,
                .what = fmt::format(
                    "the first {} entries are not those that the checkpoint signs: one has been "
                    "changed, put in or taken out, in this segment if the hashes that stand for "
                    "those before it are right",
                    tree.size)});
    }

    void check_other_checkpoint(const std::string& name, const Tree& tree) {
        if (tree.size > next_) {
            damage({.file = name,
                    .entry = next_,
                    .what = fmt::format("the log was rolled back or cut off: this checkpoint is "
                                        "of {} entries, and the log has {}",
                                        tree.size, next_)});
            return;
        }
        const auto& root = roots_[tree.size];
        if (!root || *root == tree.root) return;
        damage({.file = name,
                .what = fmt::format("the first {} entries of the log are not those that this "
                                    "checkpoint signs",
                                    tree.size)});
    }

    struct Block {
        Hash hash;
        uint64_t offset = 0;
    };

    FileSystem& fs_;
    const std::string directory_;
    const LogExpectations& expected_;
    LogReport report_;
    std::vector<uint64_t> firsts_;
    std::vector<std::pair<std::string, Tree>> others_;
    // Of the sizes that checkpoints are of; nothing where damage came before.
    std::map<uint64_t, std::optional<Hash>> roots_;
    uint64_t next_ = 0;  // entry
    bool broken_ = false;
    Frontier frontier_;
    std::vector<Hash> leaves_;  // of the block that is being read
    uint64_t block_offset_ = 0;
    std::map<uint64_t, Block> unproven_;  // of the segment, until the next one says what they are
    std::string file_;
    uint64_t segment_first_ = 0;
    std::string previous_file_;
    uint64_t previous_bytes_ = 0;
};

}  // namespace

Result<LogReport> verify_log(FileSystem& fs, const std::string& directory,
                             const LogExpectations& expected) {
    return LogVerification(fs, directory, expected).run();
}

}  // namespace insula::audit
