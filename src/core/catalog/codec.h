// The values that the catalog keeps as blobs (docs/formats/catalog.md). Pure functions.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "core/catalog/types.h"

namespace insula::catalog {

// The zones of `file`, with a checksum that covers the file's id too. Bounds of a kind that the
// column's type does not have, and bounds of a zone without any, are not kept.
std::string encode_zones(FileId file, std::span<const Zone> zones);
// data_loss if the blob is damaged, of another file or of an unknown version.
Result<std::vector<Zone>> decode_zones(FileId file, Bytes blob);

std::string encode_text_list(std::span<const std::string> texts);
Result<std::vector<std::string>> decode_text_list(Bytes blob);

// data_loss for a number that is no type.
Result<ColumnType> decode_column_type(uint64_t number);
// data_loss for a number that no release has stored.
Result<TenantStatus> decode_tenant_status(uint64_t number);
Result<EntryKind> decode_entry_kind(uint64_t number);

}  // namespace insula::catalog
