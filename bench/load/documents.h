// Bodies of documents, made once; see --help for what a document looks like.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace insula::load {

class DocumentBody {
  public:
    // `documents` documents as NDJSON or as a JSON array, with random values.
    DocumentBody(size_t documents, bool array, std::mt19937_64& random);

    // Gives the documents the ids next_id, next_id + 1, ... and raises next_id.
    void renumber(uint64_t& next_id);

    const std::string& text() const { return text_; }

  private:
    std::string text_;
    std::vector<uint32_t> id_offsets_;
};

// Where ids begin: 15 digits that no earlier second of the last eleven days began with.
uint64_t first_id();

}  // namespace insula::load
