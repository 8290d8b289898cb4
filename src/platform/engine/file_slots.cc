#include "platform/engine/file_slots.h"

#include <fmt/format.h>

#include <utility>

#include "base/check.h"
#include "platform/engine/paths.h"

namespace insula::engine {

FileSlots::FileSlots(uint64_t footer_bytes_max, std::function<void(const std::string&)> forget)
    : footer_bytes_max_(footer_bytes_max), forget_(std::move(forget)) {}

FileSlots::Pin FileSlots::pin(FileId id) {
    const std::lock_guard lock(mutex_);
    size_t at = 0;
    if (const auto known = by_id_.find(id); id && known != by_id_.end()) {
        at = known->second;
        if (slots_[at].pins == 0) idle_.erase(slots_[at].idle);
    } else {
        at = take_slot();
        Slot& slot = slots_[at];
        slot.id = id;
        slot.version = id ? fmt::format("f{}", id.value) : fmt::format("a{}", ++anonymous_files_);
        if (id) by_id_.emplace(id, at);
    }
    Slot& slot = slots_[at];
    ++slot.pins;
    return {at, slot.path, slot.version};
}

void FileSlots::unpin(size_t at) {
    const std::lock_guard lock(mutex_);
    Slot& slot = slots_[at];
    INSULA_CHECK(slot.pins > 0, "a slot is unpinned as often as it was pinned");
    if (--slot.pins > 0) return;
    if (!slot.id) forget_footer(slot);
    slot.idle = idle_.insert(slot.id ? idle_.end() : idle_.begin(), at);
    for (size_t idle : idle_) {
        if (footer_bytes_ <= footer_bytes_max_) break;
        forget_footer(slots_[idle]);
    }
}

void FileSlots::note_footer(size_t at, uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    footer_bytes_ += bytes - slots_[at].footer_bytes;
    slots_[at].footer_bytes = bytes;
}

uint64_t FileSlots::footer_bytes() const {
    const std::lock_guard lock(mutex_);
    return footer_bytes_;
}

size_t FileSlots::take_slot() {
    const bool reuse = !idle_.empty() && (slots_.size() >= kSlotsMax || !slots_[idle_.front()].id);
    if (!reuse) {
        slots_.push_back({});
        slots_.back().path = fmt::format("{}{}", kFilePrefix, slots_.size() - 1);
        return slots_.size() - 1;
    }
    const size_t at = idle_.front();
    idle_.pop_front();
    Slot& slot = slots_[at];
    // The engine keeps the first footer that it was given for a path, so the old one must go first.
    forget_footer(slot);
    if (slot.id) by_id_.erase(slot.id);
    return at;
}

void FileSlots::forget_footer(Slot& slot) {
    forget_(slot.path);
    footer_bytes_ -= slot.footer_bytes;
    slot.footer_bytes = 0;
}

}  // namespace insula::engine
