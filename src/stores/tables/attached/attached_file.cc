#include "stores/tables/attached/attached_file.h"

#include <utility>

namespace insula::tables {

AttachedFile::AttachedFile(OpenFiles& open_files, AttachedPlace place, std::string name,
                           FileIdentity identity)
    : open_files_(open_files),
      place_(std::move(place)),
      name_(std::move(name)),
      identity_(identity) {}

AttachedFile::~AttachedFile() {
    const std::lock_guard lock(mutex_);
    if (file_) open_files_.closed(*this);
}

Result<size_t> AttachedFile::read_at(MutableBytes out, uint64_t offset) {
    ASSIGN_OR_RETURN(const auto file, this->file());
    ASSIGN_OR_RETURN(const size_t count, file->read_at(out, offset));
    ASSIGN_OR_RETURN(const FileIdentity now, file->identity());
    if (!now.same_content(identity_)) return fail(attachment_changed(name_));
    return count;
}

Result<std::shared_ptr<OutsideFile>> AttachedFile::file() {
    const std::lock_guard lock(mutex_);
    if (!file_) {
        auto opened = place_.open(name_);
        if (!opened) {
            // It was there a moment ago, when the request looked which files there are.
            if (opened.error().code() != Code::not_found) return fail(opened.error());
            return fail(attachment_changed(name_).with_detail(opened.error().detail()));
        }
        file_ = *std::move(opened);
        open_files_.opened(*this);
    }
    return file_;
}

bool AttachedFile::try_close() {
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock.owns_lock()) return false;
    file_.reset();  // reads under way keep theirs
    return true;
}

Error attachment_changed(std::string_view name) {
    return Error(Code::aborted, "attachment_changed",
                 "The attached file \"" + std::string(name) + "\" changed while it was read.")
        .with_hint("Retry the request; the file is read anew once it no longer changes.");
}

}  // namespace insula::tables
