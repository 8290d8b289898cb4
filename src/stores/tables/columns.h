// Columns that every source has beside its own. Their ids are those of no other column and, as
// field ids, part of the file format.
#pragma once

#include "platform/engine/chunk.h"

namespace insula::tables {

// JSON object with what fits no column of a document (see ingest/batch_builder.h); mostly null.
inline constexpr ColumnId kRestColumn{0x7ffffffe};
inline constexpr const char* kRestColumnName = "_rest";
// The row's 64-bit identity within its source is kRowIdColumn (platform/engine/chunk.h).

}  // namespace insula::tables
