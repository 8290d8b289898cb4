// TextPieces: a text file of any length as pieces of whole records, so that it is read into columns
// with bounded memory.
//
//  - JSON: documents one after another (a line each or not), or one array of documents; pieces of
//    an array read as documents one after another.
//  - CSV: each piece begins with the header line. A line end within quotes ends no record.
//
// Used by one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace insula::tables {

enum class TextFormat : uint8_t { json, csv };

inline constexpr size_t kPieceBytes = 8u << 20;           // a piece is about this large
inline constexpr size_t kTextRecordBytesMax = 16u << 20;  // one record, and a header line

struct TextPiece {
    std::string_view text;  // with kJsonPadding readable bytes behind it; until the next call
    uint64_t begin = 0;     // where its records stand in the file, in bytes
};

// Finds where records end; told of bytes in the order of the file, each once.
class RecordEnds {
  public:
    virtual ~RecordEnds() = default;
    struct Scan {
        size_t end = 0;      // behind the last record that ended in `text`; 0 if none did
        size_t scanned = 0;  // behind the last byte that was looked at
    };
    // Looks at text[from …], with `first` only up to the end of one record. May overwrite what
    // separates records.
    virtual Result<Scan> scan(std::string& text, size_t from, bool first) = 0;
    // No more bytes come.
    virtual Status finish() = 0;
};

class TextPieces {
  public:
    // Reads at an offset, as File::read_at(); fewer bytes than asked for at the end alone.
    using Read = std::function<Result<size_t>(MutableBytes out, uint64_t offset)>;
    TextPieces(Read read, TextFormat format, size_t piece_bytes = kPieceBytes);

    // Nothing at the end, and no piece without a record. invalid_argument: malformed_json (an array
    // that is none), document_too_large (a record without an end).
    Result<std::optional<TextPiece>> next();

  private:
    Status fill();
    Status take_header();
    // Until a record has ended, or all is read.
    Status find_end(bool first);
    std::string take(size_t bytes);

    const Read read_;
    const TextFormat format_;
    const size_t piece_bytes_;
    const std::unique_ptr<RecordEnds> ends_;
    std::string header_;
    bool header_taken_;
    std::string pending_;   // read and not given out
    size_t scanned_ = 0;    // of pending_
    size_t end_ = 0;        // of the last record that has ended in pending_; 0: none has
    uint64_t taken_ = 0;    // bytes of the file before pending_
    uint64_t read_at_ = 0;  // in the file
    bool ended_ = false;    // all is read
    std::string piece_;
};

}  // namespace insula::tables
