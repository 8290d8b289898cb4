// KeptSegments: segments that nothing needs any longer and that are kept for a while all the same
// (Options::retention), under a name that replay does not look at. Of all streams of a journal,
// oldest first; the names hold when each was released, so that the time goes on over restarts.
//
// Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "platform/fs/file_system.h"
#include "platform/journal/format.h"

namespace insula::journal {

struct KeptSegment {
    StreamId stream;
    uint32_t sequence = 0;
    uint64_t released_at_seconds = 0;
    std::string path;
    uint64_t bytes = 0;
};

class KeptSegments {
  public:
    // Those that earlier starts left in `root`, which holds the streams. What was released in the
    // future, by a clock that was wrong, counts as released now.
    static Result<KeptSegments> load(FileSystem& fs, const std::string& root, uint64_t now_seconds);

    void add(KeptSegment segment);
    void remove_oldest();
    bool empty() const { return segments_.empty(); }
    // In the order of the journal.
    const KeptSegment& oldest() const { return segments_.begin()->second; }
    size_t count_of(StreamId stream) const;

    uint64_t count() const { return segments_.size(); }
    uint64_t bytes() const { return bytes_; }

  private:
    std::map<std::pair<StreamId, uint32_t>, KeptSegment> segments_;
    uint64_t bytes_ = 0;
};

}  // namespace insula::journal
