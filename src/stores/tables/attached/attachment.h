// Attachment: what a source that shows outside files knows about them: where they are, and as which
// it has read them last.
//
// Threads: whoever holds refreshing() may call everything.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "stores/tables/attached/discovery.h"
#include "stores/tables/attached/origin.h"
#include "stores/tables/files/stored_file.h"
#include "stores/tables/ingest/schema.h"
#include "stores/tables/services.h"

namespace insula::tables {

class Attachment {
  public:
    // `files` are those that the catalog has.
    Attachment(std::string connection_string, const std::vector<catalog::DataFile>& files);

    std::timed_mutex& refreshing() { return refreshing_; }

    Result<FoundFiles> find(const AllowedRoots& roots) const;

    // What has changed since the files were read.
    struct Changes {
        std::vector<OutsideEntry> read;  // new, or other content
        std::vector<FileId> remove;      // data files whose file is gone or other
        bool empty() const { return read.empty() && remove.empty(); }
    };
    Changes compare(const FoundFiles& found) const;

    // From now on the files are `files`, at `place`.
    void adopt(const AttachedPlace& place, std::vector<catalog::DataFile> files);
    const std::vector<catalog::DataFile>& files() const { return files_; }
    // False after a start, and where the operator changed what is allowed: entries are to be made.
    bool is_at(const AttachedPlace& place) const;
    // The files as queries see them; too many shapes are unprocessable attachment_too_large.
    // `open` makes the entry of a file of ours.
    Result<FileSet> entries(Services& services, const AttachedPlace& place,
                            const std::vector<catalog::DataFile>& files, const Schema& schema,
                            const std::function<FileEntry(const catalog::DataFile&)>& open) const;

  private:
    const std::string connection_string_;
    std::timed_mutex refreshing_;
    std::vector<catalog::DataFile> files_;
    std::unordered_map<FileId, std::optional<Origin>> origins_;  // of files_
    std::optional<AttachedPlace> place_;
};

// An error of the attached files of one source among those of a request: which one, and that the
// others can be asked.
Error error_of_source(const Error& error, std::string_view source_id);

}  // namespace insula::tables
