// AttachedReader: makes data files of outside files. Parquet files stay where they are, and a data
// file is their name in the catalog; JSON and CSV files are read into columns, piece by piece, and
// become Parquet files of ours.
//
// What was written is removed again with the reader, unless it was kept. Used by one thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "stores/tables/attached/discovery.h"
#include "stores/tables/attached/origin.h"
#include "stores/tables/files/data_file_writer.h"
#include "stores/tables/ingest/schema.h"
#include "stores/tables/ingest/text_pieces.h"
#include "stores/tables/services.h"

namespace insula::tables {

inline constexpr uint64_t kAttachedTextBytesMax = 1ull << 30;  // JSON and CSV files of a source
inline constexpr size_t kAttachedColumnsMax = 9'999;           // of one Parquet file

struct AttachedRead {
    std::vector<catalog::DataFile> files;
    SchemaPtr schema;
    uint64_t next_row_id = 0;
};

class AttachedReader {
  public:
    // `target` has the place and generation of the files; their ids and parts are given here.
    // `schema` and `next_row_id` are those of the source so far.
    AttachedReader(Services& services, std::shared_ptr<engine::Instance> engine,
                   DataFileTarget target, SchemaPtr schema, uint64_t next_row_id);
    ~AttachedReader();
    AttachedReader(const AttachedReader&) = delete;
    AttachedReader& operator=(const AttachedReader&) = delete;

    // unprocessable: attachment_unreadable, attachment_too_large; aborted: attachment_changed.
    Status read(const AttachedPlace& place, const OutsideEntry& entry, Deadline deadline,
                const CancelToken& cancel);
    const AttachedRead& result() const { return result_; }
    Generation generation() const { return target_.generation; }
    // Nothing is removed any more.
    void keep() { written_.clear(); }

  private:
    struct Text;  // a text file that is being read

    Status read_parquet(const AttachedPlace& place, const OutsideEntry& entry, Deadline deadline,
                        const CancelToken& cancel);
    Status read_text(const AttachedPlace& place, const OutsideEntry& entry, AttachedFormat format,
                     Deadline deadline, const CancelToken& cancel);
    Status add_piece(Text& text, const TextPiece& piece);
    Status write_part(Text& text);
    Result<FileId> next_id();
    catalog::DataFile new_file(FileId id);

    Services& services_;
    const std::shared_ptr<engine::Instance> engine_;
    DataFileTarget target_;
    uint32_t next_part_ = 0;
    AttachedRead result_;
    std::vector<std::string> written_;  // paths
};

// The columns of a Parquet file in the source's schema, where it can take them: what may be new,
// and what the types become, is as for documents.
SchemaPtr with_columns_of(const SchemaPtr& schema,
                          const std::vector<engine::ForeignParquet::Column>& columns);

// How such a file shows in scans over a source of this schema.
engine::ForeignLayout layout_of(const std::vector<engine::ForeignParquet::Column>& columns,
                                const Schema& schema);

}  // namespace insula::tables
