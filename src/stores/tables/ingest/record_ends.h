// The two ways in which records of a text file end.
#pragma once

#include <memory>

#include "stores/tables/ingest/text_pieces.h"

namespace insula::tables {

std::unique_ptr<RecordEnds> json_record_ends();
std::unique_ptr<RecordEnds> csv_record_ends();

}  // namespace insula::tables
