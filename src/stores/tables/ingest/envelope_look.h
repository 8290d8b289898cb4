// Tells an envelope ({"source_id": "…", "records": [{"fields": {…}}]}) from a document, for bodies
// whose address says that they are documents.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace insula::tables {

struct EnvelopeLook {
    std::optional<std::string> source_id;  // absent: the body names none
};

// An object with a "source_id" that is text and with "records" that are an array; or one with
// nothing but such "records", the first of them an object with nothing but "fields". nullopt for
// all else, and for what is no JSON: whoever reads the body says so. `body` must have kJsonPadding
// readable bytes behind its end.
std::optional<EnvelopeLook> find_envelope(std::string_view body);

}  // namespace insula::tables
