// FileList: the files of one scan, as the engine's readers of several files take them. Never
// globbed, never pruned by name: what a scan names has been chosen already.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "duckdb/common/multi_file/multi_file_list.hpp"

namespace insula::engine {

class FileList final : public duckdb::SimpleMultiFileList {
  public:
    FileList(const std::vector<std::string>& paths, uint64_t bytes);

    // One file, too, is "several": only then does the engine not read its footer to make the plan.
    duckdb::FileExpandResult GetExpandResult() override {
        return duckdb::FileExpandResult::MULTIPLE_FILES;
    }
    duckdb::unique_ptr<duckdb::NodeStatistics> GetCardinality(duckdb::ClientContext&) override;
    duckdb::unique_ptr<MultiFileList> ComplexFilterPushdown(
        duckdb::ClientContext&, const duckdb::MultiFileOptions&, duckdb::MultiFilePushdownInfo&,
        duckdb::vector<duckdb::unique_ptr<duckdb::Expression>>&) override {
        return nullptr;
    }
    duckdb::unique_ptr<MultiFileList> DynamicFilterPushdown(
        duckdb::ClientContext&, const duckdb::MultiFileOptions&, const duckdb::vector<std::string>&,
        const duckdb::vector<duckdb::LogicalType>&, const duckdb::vector<duckdb::column_t>&,
        duckdb::TableFilterSet&) const override {
        return nullptr;
    }

  private:
    const uint64_t bytes_;
};

}  // namespace insula::engine
