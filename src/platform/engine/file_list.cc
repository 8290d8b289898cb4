#include "platform/engine/file_list.h"

namespace insula::engine {

namespace {

// A guess for the planner, which only compares sizes.
constexpr uint64_t kBytesPerRow = 40;

duckdb::vector<duckdb::OpenFileInfo> infos(const std::vector<std::string>& paths) {
    duckdb::vector<duckdb::OpenFileInfo> files;
    for (const std::string& path : paths) files.emplace_back(path);
    return files;
}

}  // namespace

FileList::FileList(const std::vector<std::string>& paths, uint64_t bytes)
    : SimpleMultiFileList(infos(paths)), bytes_(bytes) {}

duckdb::unique_ptr<duckdb::NodeStatistics> FileList::GetCardinality(duckdb::ClientContext&) {
    return duckdb::make_uniq<duckdb::NodeStatistics>(bytes_ / kBytesPerRow + 1);
}

}  // namespace insula::engine
