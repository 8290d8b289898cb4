// The address of attached files: "file://sales", "file:///data/shared/sales/*.parquet". What stands
// behind file:// is a path: relative to each allowed directory if it does not begin with '/'. Names
// may be percent-encoded; the last one may hold '*' and '?', which fit any number of characters and
// one (an encoded '*' or '?' is itself).
//
// Plain values; nothing is looked up here.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace insula::tables {

enum class AttachedFormat : uint8_t { parquet, json, csv, tsv };

// By the ending of a file's name: .parquet, .json, .ndjson, .jsonl, .csv, .tsv in any case.
std::optional<AttachedFormat> attached_format(std::string_view name);

// A name with '*' and '?'.
class NamePattern {
  public:
    NamePattern() = default;
    // Decodes percent-encoding; nothing if that is malformed.
    static std::optional<NamePattern> parse(std::string_view encoded);
    bool matches(std::string_view name) const;
    bool is_plain() const;     // without '*' and '?'
    std::string text() const;  // of a plain one: the name

  private:
    struct Part {
        enum class Kind : uint8_t { character, one, many } kind;
        char character;
    };
    std::vector<Part> parts_;
};

struct AttachedAddress {
    bool absolute = false;
    std::vector<std::string> directories;  // decoded, none of them ".", ".." or empty
    NamePattern last;

    // unprocessable: connection_not_available for another scheme, attachment_not_found for a path
    // that cannot be one.
    static Result<AttachedAddress> parse(std::string_view connection_string);
};

// The one answer to whatever cannot be attached: a client must not learn what there is. `detail` is
// for the log.
Error attachment_not_found(std::string_view detail);

}  // namespace insula::tables
