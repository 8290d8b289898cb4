// What guards the pages of a database file: SQLite has no checksums of its own for them. The last
// eight bytes of every page, which SQLite is told to leave alone, hold a tag and a CRC32C that also
// covers the page's number, so that a page in another one's place is found too
// (docs/formats/catalog.md). Pure functions.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/flipped_bit.h"
#include "base/units.h"

namespace insula::sqlite {

inline constexpr uint64_t kPageBytes = 4 * kKiB;
// What SQLite leaves at the end of each page.
inline constexpr int kPageReservedBytes = 8;

// Both take a whole page; numbers begin with 0 here.
void seal_page(MutableBytes page, uint64_t number);
bool page_is_sound(Bytes page, uint64_t number);
// The one bit that explains why a page is not sound, if one does.
std::optional<FlippedBit> find_flipped_page_bit(Bytes page, uint64_t number);

enum class FileForm : uint8_t {
    sealed,    // or nothing yet
    unsealed,  // from before pages had checksums
    damaged,   // it says the one and looks like the other
};
// By its first page, or as much of it as there is.
FileForm form_of(Bytes first_page);

}  // namespace insula::sqlite
