// Origin: what the catalog keeps beside a data file of an attached source: which outside file its
// rows come from, as it was when it was read, and for a Parquet file, which is read in place, how.
// docs/formats/attached-origin.md describes the text.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "platform/engine/engine.h"
#include "platform/fs/outside_directory.h"

namespace insula::tables {

struct Origin {
    std::string name;
    FileIdentity identity;
    // Of a Parquet file: it is read where it is, and the data file is only its name in the catalog.
    struct InPlace {
        std::string engine;  // its version, whose words file_type is in
        uint64_t first_row_id = 0;
        std::vector<engine::ForeignParquet::Column> columns;
    };
    std::optional<InPlace> in_place;
};

std::string encode_origin(const Origin& origin);
// Nothing for a text that this version did not write: the file is read anew then.
std::optional<Origin> decode_origin(std::string_view text);

}  // namespace insula::tables
