// Batch: what a request's body became, ready to be journalled and applied as a whole.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/catalog/types.h"
#include "platform/engine/chunk.h"
#include "stores/tables/ingest/schema.h"

namespace insula::tables {

struct Batch {
    std::vector<std::shared_ptr<const Chunk>> chunks;  // sealed, none empty
    uint64_t rows = 0;
    uint64_t bytes = 0;                    // of the chunks
    SchemaPtr base;                        // what it was shredded against
    SchemaPtr schema;                      // base, or what the batch made of it
    std::vector<catalog::Column> changes;  // columns of `schema` that are new or differ from `base`

    // The rows with the ids first_row_id, first_row_id + 1, …
    std::vector<ChunkRows> rows_from(uint64_t first_row_id) const {
        std::vector<ChunkRows> numbered;
        numbered.reserve(chunks.size());
        for (const auto& chunk : chunks) {
            numbered.push_back({chunk, chunk->rows(), first_row_id});
            first_row_id += chunk->rows();
        }
        return numbered;
    }
};

}  // namespace insula::tables
