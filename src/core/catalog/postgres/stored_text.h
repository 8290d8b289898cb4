// Names as PostgreSQL's text can hold them: it takes neither a NUL nor bytes that are not UTF-8,
// and a name may hold both (docs/formats/catalog.md). Pure functions.
//
// Of names that are UTF-8 the stored forms are in the same order, byte by byte, as the names; all
// others come after those.
#pragma once

#include <string>
#include <string_view>

namespace insula::catalog {

std::string to_stored_text(std::string_view text);
// The inverse. What to_stored_text() does not write is kept as it stands.
std::string from_stored_text(std::string_view stored);

}  // namespace insula::catalog
