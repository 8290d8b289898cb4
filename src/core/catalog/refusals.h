// Why a command of the catalog is refused: the same words from every implementation.
#pragma once

#include "base/error.h"
#include "base/ids.h"
#include "base/result.h"
#include "core/catalog/catalog.h"

namespace insula::catalog {

inline constexpr size_t kIdempotencyKeyBytesMax = 255;
inline constexpr size_t kSettingBytesMax = 64 * 1024;
// The counter of the directory's revisions, beside those of IdKind.
inline constexpr uint64_t kDirectoryRevisions = 255;
inline constexpr uint64_t kIdsAllocatedMax = 1ull << 32;  // a call

Error tenant_unknown();
Error tenant_exists();
Error tenant_has_sources();
Error entry_exists();
Error entry_unknown();
Error directory_changed();
Error source_exists();
Error source_removed();
Error stale_epoch();
Error node_fenced();
Error file_exists();
Error file_removed();
Error catalog_closed();

// What can be said about a command without looking at what is stored.
Status check(const ChangeDirectory& command);
Status check(const AddSource& command);
Status check(const CommitFiles& command);
Status check_setting(std::string_view key, std::string_view value);
Status check_id_count(uint64_t count);

}  // namespace insula::catalog
