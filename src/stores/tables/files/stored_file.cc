#include "stores/tables/files/stored_file.h"

namespace insula::tables {

StoredFile::StoredFile(FileSystem& fs, OpenFiles& open_files, std::string path, FileId id,
                       uint64_t content_bytes)
    : fs_(fs),
      open_files_(open_files),
      path_(std::move(path)),
      id_(id),
      content_bytes_(content_bytes) {}

StoredFile::~StoredFile() {
    const std::lock_guard lock(mutex_);
    if (reader_) open_files_.closed(*this);
}

Result<size_t> StoredFile::read_at(MutableBytes out, uint64_t offset) {
    ASSIGN_OR_RETURN(const auto reader, this->reader());
    return reader->read_at(out, offset);
}

Result<std::shared_ptr<blob::BlobReader>> StoredFile::reader() {
    const std::lock_guard lock(mutex_);
    if (!reader_) {
        auto opened = blob::BlobReader::open(fs_, path_, id_);
        if (!opened) {
            // A file that the catalog names and that is not there is damage, not an absent thing.
            if (opened.error().code() == Code::not_found)
                return fail(data_loss(path_ + ": missing"));
            return fail(opened.error());
        }
        if ((*opened)->size() != content_bytes_) {
            return fail(data_loss(path_ + ": holds " + std::to_string((*opened)->size()) +
                                  " bytes, the catalog says " + std::to_string(content_bytes_)));
        }
        reader_ = *std::move(opened);
        open_files_.opened(*this);
    }
    return reader_;
}

bool StoredFile::try_close() {
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock.owns_lock()) return false;
    reader_.reset();  // reads under way keep theirs
    return true;
}

size_t OpenFiles::count() const {
    const std::lock_guard lock(mutex_);
    return files_.size();
}

void OpenFiles::opened(OpenFile& file) {
    const std::lock_guard lock(mutex_);
    file.place_ = files_.insert(files_.end(), &file);
    if (files_.size() <= open_max_) return;
    for (auto at = files_.begin(); at != files_.end(); ++at) {
        OpenFile& oldest = **at;
        if (&oldest == &file || !oldest.try_close()) continue;
        files_.erase(at);
        return;
    }
}

void OpenFiles::closed(OpenFile& file) {
    const std::lock_guard lock(mutex_);
    files_.erase(file.place_);
}

}  // namespace insula::tables
