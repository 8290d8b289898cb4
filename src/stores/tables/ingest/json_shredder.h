// JSON bodies to batches: a document, an array of documents, documents one after another (NDJSON),
// or the envelope {"source_id": "…", "records": [{"fields": {…}}]}.
//
// Every `body` must have kJsonPadding readable bytes behind its end. Errors are invalid_argument
// with the reasons malformed_json (naming the byte offset), invalid_utf8, too_deep, duplicate_key,
// too_many_columns, document_too_large, not_an_object, invalid_request and unknown_key.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "stores/tables/ingest/batch.h"

namespace insula::tables {

inline constexpr size_t kJsonPadding = 64;
inline constexpr size_t kJsonNestingMax = 64;                 // arrays and objects in each other
inline constexpr size_t kNdjsonDocumentBytesMax = 16u << 20;  // one document of an NDJSON body

// A document or an array of documents.
Result<Batch> shred_json(std::string_view body, SchemaPtr schema);
Result<Batch> shred_ndjson(std::string_view body, SchemaPtr schema);

// The envelope in two steps, since the source must be known before its documents can be read.
Result<std::string> envelope_source(std::string_view body);
Result<Batch> shred_envelope(std::string_view body, SchemaPtr schema);

}  // namespace insula::tables
