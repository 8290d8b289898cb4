// Which files stand at an address, below the directories that the operator allowed. Nothing is kept
// between two looks.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "platform/fs/outside_directory.h"
#include "stores/tables/attached/address.h"

namespace insula::tables {

inline constexpr size_t kAttachedFilesMax = 1000;  // a source

struct AttachedPlace {
    std::shared_ptr<const OutsideDirectory> root;
    std::vector<std::string> directories;  // below it

    Result<std::unique_ptr<OutsideFile>> open(const std::string& name) const;
};

struct FoundFiles {
    AttachedPlace place;
    std::vector<OutsideEntry> files;  // by name; at least one, each with a known ending
};

using AllowedRoots = std::vector<std::shared_ptr<const OutsideDirectory>>;

// A file; the files of a directory whose names have a known ending and begin neither with '.' nor
// with '_'; or those that fit a pattern and have a known ending. A relative address stands for the
// first root that has something there. unprocessable: attachment_not_found, attachment_too_large.
Result<FoundFiles> find_attached(const AllowedRoots& roots, const AttachedAddress& address);

}  // namespace insula::tables
