#include <algorithm>
#include <utility>

#include "platform/engine/engine_file_system.h"

namespace insula::engine {

std::shared_ptr<SpillFiles::Entry> SpillFiles::find(const std::string& path) const {
    const std::lock_guard lock(mutex_);
    const auto at = entries_.find(path);
    return at == entries_.end() ? nullptr : at->second;
}

Result<std::shared_ptr<SpillFiles::Entry>> SpillFiles::create(const std::string& path) {
    if (auto known = find(path)) return known;
    ASSIGN_OR_RETURN(auto file, space_.create());
    auto entry = std::make_shared<Entry>();
    entry->file = std::move(file);
    const std::lock_guard lock(mutex_);
    return entries_.emplace(path, std::move(entry)).first->second;
}

bool SpillFiles::remove(const std::string& path) {
    const std::lock_guard lock(mutex_);
    const auto at = entries_.find(path);
    if (at == entries_.end()) return false;
    bytes_ -= at->second->bytes;
    at->second->bytes = 0;
    entries_.erase(at);
    return true;
}

void SpillFiles::clear() {
    const std::lock_guard lock(mutex_);
    entries_.clear();
    bytes_ = 0;
}

std::vector<std::string> SpillFiles::names() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> names;
    for (const auto& [path, entry] : entries_) names.push_back(path);
    return names;
}

Result<size_t> SpillFiles::read(Entry& entry, MutableBytes out, uint64_t offset) const {
    return entry.file->read_at(out, offset);
}

Status SpillFiles::write(Entry& entry, Bytes data, uint64_t offset) {
    RETURN_IF_ERROR(grow(entry, offset + data.size()));
    return entry.file->write_at(data, offset);
}

Status SpillFiles::truncate(Entry& entry, uint64_t size) {
    RETURN_IF_ERROR(entry.file->truncate(size));
    const std::lock_guard lock(mutex_);
    bytes_ = bytes_ - entry.bytes + size;
    entry.bytes = size;
    return {};
}

// The engine counts spilled bytes itself, but not those of every kind of block: this is the bound
// that holds.
Status SpillFiles::grow(Entry& entry, uint64_t size) {
    const std::lock_guard lock(mutex_);
    if (size <= entry.bytes) return {};
    if (bytes_ - entry.bytes + size > bytes_max_) {
        return fail(Error(Code::resource_exhausted, "query_spill",
                          "The query needs more temporary space than it may use.")
                        .with_hint("Ask for fewer rows or columns at once."));
    }
    bytes_ += size - entry.bytes;
    entry.bytes = size;
    return {};
}

std::optional<Error> SpillFiles::take_error() {
    const std::lock_guard lock(mutex_);
    return std::exchange(error_, std::nullopt);
}

void SpillFiles::keep_error(const Error& error) {
    const std::lock_guard lock(mutex_);
    error_ = error;
}

}  // namespace insula::engine
