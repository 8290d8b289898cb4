// AuditLog: entries and proofs out of the segments.
#include <fmt/format.h>

#include <algorithm>

#include "core/audit/audit_log.h"

namespace insula::audit {

namespace {

Error no_such_entry() {
    return not_found("audit_entry_not_found", "There is no such entry in the audit log.");
}

// A frame and where it stands in the content of its segment.
struct Place {
    uint64_t index;
    std::string_view text;
};

}  // namespace

AuditLog::Snapshot AuditLog::snapshot() const {
    const std::lock_guard lock(mutex_);
    return {.segments = segments_,
            .size = frontier_.size(),
            .checkpoint = checkpoint_,
            .checkpoint_tree = checkpoint_tree_,
            .leaves = {}};
}

// As far as it was durable then.
Result<std::string> AuditLog::read_segment(const Segment& segment) const {
    const std::string path = path_of(segment.first);
    ASSIGN_OR_RETURN(const auto file, fs_.open(path, OpenMode::read));
    std::string content(segment.bytes, '\0');
    ASSIGN_OR_RETURN(const size_t count,
                     file->read_at(std::as_writable_bytes(std::span(content)), 0));
    if (count == content.size()) return content;
    return fail(data_loss(fmt::format("{}: {} bytes, there were {}", path, count, segment.bytes)));
}

namespace {

// Every frame of a segment's content, in order.
Result<std::vector<Place>> places_of(std::string_view content, uint64_t offset, uint64_t first,
                                     const std::string& path) {
    std::vector<Place> places;
    while (offset < content.size()) {
        const auto frame = read_frame(content, offset);
        if (!frame || frame->index != first + places.size()) {
            return fail(data_loss(fmt::format("{}: offset {}: entry {} is damaged", path, offset,
                                              first + places.size())));
        }
        places.push_back({.index = frame->index, .text = frame->entry});
        offset += frame->bytes;
    }
    return places;
}

}  // namespace

Status AuditLog::visit_down(uint64_t end, const Visit& visit) const {
    const Snapshot now = snapshot();
    for (size_t i = now.segments.size(); i-- > 0;) {
        const Segment& segment = now.segments[i];
        if (segment.first >= end) continue;
        ASSIGN_OR_RETURN(const std::string content, read_segment(segment));
        ASSIGN_OR_RETURN(const auto places, places_of(content, segment.header_bytes, segment.first,
                                                      path_of(segment.first)));
        for (size_t k = places.size(); k-- > 0;) {
            if (places[k].index >= end) continue;
            if (!visit(places[k].index, places[k].text)) return {};
        }
    }
    return {};
}

Status AuditLog::visit_up(uint64_t begin, const Visit& visit) const {
    const Snapshot now = snapshot();
    for (size_t i = 0; i < now.segments.size(); ++i) {
        const Segment& segment = now.segments[i];
        if (i + 1 < now.segments.size() && now.segments[i + 1].first <= begin) continue;
        ASSIGN_OR_RETURN(const std::string content, read_segment(segment));
        ASSIGN_OR_RETURN(const auto places, places_of(content, segment.header_bytes, segment.first,
                                                      path_of(segment.first)));
        for (const Place& place : places) {
            if (place.index < begin) continue;
            if (!visit(place.index, place.text)) return {};
        }
    }
    return {};
}

Result<std::span<const Hash>> AuditLog::leaves_of_block(Snapshot& snapshot, uint64_t block) const {
    if (const auto known = snapshot.leaves.find(block); known != snapshot.leaves.end()) {
        return std::span<const Hash>(known->second);
    }
    const uint64_t begin = block * kBlockEntries;
    const auto segment =
        std::ranges::find_if(snapshot.segments.rbegin(), snapshot.segments.rend(),
                             [&](const Segment& candidate) { return candidate.first <= begin; });
    if (segment == snapshot.segments.rend()) return fail(no_such_entry());
    ASSIGN_OR_RETURN(const std::string content, read_segment(*segment));
    ASSIGN_OR_RETURN(const auto places, places_of(content, segment->header_bytes, segment->first,
                                                  path_of(segment->first)));
    std::vector<Hash>& leaves = snapshot.leaves[block];
    for (const Place& place : places) {
        if (place.index / kBlockEntries != block) continue;
        leaves.push_back(leaf_hash(as_bytes(place.text)));
    }
    return std::span<const Hash>(leaves);
}

Result<Hash> AuditLog::whole_block(Snapshot& snapshot, uint64_t block) const {
    {
        const std::lock_guard lock(mutex_);
        if (block < blocks_.size()) return blocks_[block];
    }
    ASSIGN_OR_RETURN(const auto leaves, leaves_of_block(snapshot, block));
    return tree_hash(leaves);
}

Result<Hash> AuditLog::range_hash(Snapshot& snapshot, uint64_t begin, uint64_t end) const {
    Frontier frontier;
    for (; end - begin >= kBlockEntries; begin += kBlockEntries) {
        ASSIGN_OR_RETURN(const Hash block, whole_block(snapshot, begin / kBlockEntries));
        frontier.append(block, kBlockEntries);
    }
    if (begin == end) return frontier.root();
    ASSIGN_OR_RETURN(const auto leaves, leaves_of_block(snapshot, begin / kBlockEntries));
    const uint64_t skipped = begin % kBlockEntries;
    if (leaves.size() < skipped + (end - begin)) return fail(no_such_entry());
    for (uint64_t i = 0; i < end - begin; ++i) frontier.append(leaves[skipped + i]);
    return frontier.root();
}

Result<EntryProof> AuditLog::prove(uint64_t index) const {
    Snapshot now = snapshot();
    const Tree tree = now.checkpoint_tree;
    if (index >= tree.size) return fail(no_such_entry());
    EntryProof made{.entry = {.index = index, .text = {}},
                    .tree = tree,
                    .checkpoint = now.checkpoint,
                    .proof = {}};
    RETURN_IF_ERROR(visit_up(index, [&](uint64_t, std::string_view text) {
        made.entry.text = text;
        return false;
    }));
    ASSIGN_OR_RETURN(made.proof,
                     inclusion_proof(index, tree.size, [&](uint64_t begin, uint64_t end) {
                         return range_hash(now, begin, end);
                     }));
    return made;
}

Result<GrowthProof> AuditLog::prove_growth(uint64_t first) const {
    Snapshot now = snapshot();
    const uint64_t size = now.checkpoint_tree.size;
    if (first == 0 || first > size) return fail(no_such_entry());
    GrowthProof made{.checkpoint = now.checkpoint, .proof = {}};
    ASSIGN_OR_RETURN(made.proof, consistency_proof(first, size, [&](uint64_t begin, uint64_t end) {
                         return range_hash(now, begin, end);
                     }));
    return made;
}

}  // namespace insula::audit
