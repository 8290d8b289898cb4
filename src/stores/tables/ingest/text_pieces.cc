#include "stores/tables/ingest/text_pieces.h"

#include <algorithm>
#include <utility>

#include "stores/tables/ingest/json_shredder.h"
#include "stores/tables/ingest/record_ends.h"

namespace insula::tables {

namespace {

constexpr size_t kReadBytes = 1u << 20;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool is_blank(std::string_view text) {
    return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

}  // namespace

TextPieces::TextPieces(Read read, TextFormat format, size_t piece_bytes)
    : read_(std::move(read)),
      format_(format),
      piece_bytes_(piece_bytes),
      ends_(format == TextFormat::json ? json_record_ends() : csv_record_ends()),
      header_taken_(format == TextFormat::json) {}

Result<std::optional<TextPiece>> TextPieces::next() {
    if (!header_taken_) RETURN_IF_ERROR(take_header());
    for (;;) {
        while (!ended_ && pending_.size() < piece_bytes_) RETURN_IF_ERROR(fill());
        RETURN_IF_ERROR(find_end(false));
        if (pending_.empty()) return std::optional<TextPiece>();
        TextPiece piece{.begin = taken_};
        const std::string records = take(end_ > 0 ? end_ : pending_.size());
        if (is_blank(records)) continue;
        piece_.assign(header_).append(records);
        const size_t bytes = piece_.size();
        piece_.append(kJsonPadding, '\0');
        piece.text = std::string_view(piece_).substr(0, bytes);
        return std::optional<TextPiece>(piece);
    }
}

// The first line that holds something.
Status TextPieces::take_header() {
    header_taken_ = true;
    while (is_blank(header_)) {
        RETURN_IF_ERROR(find_end(true));
        if (pending_.empty()) return {};
        header_ = take(end_ > 0 ? end_ : pending_.size());
    }
    // The whole file may be a header without a line end.
    if (!header_.ends_with('\n') && !header_.ends_with('\r')) header_ += '\n';
    return {};
}

Status TextPieces::find_end(bool first) {
    end_ = 0;
    for (;;) {
        ASSIGN_OR_RETURN(const RecordEnds::Scan found, ends_->scan(pending_, scanned_, first));
        end_ = found.end;
        scanned_ = found.scanned;
        if (end_ > 0) return {};
        if (ended_) return ends_->finish();
        if (pending_.size() > kTextRecordBytesMax) {
            return fail(invalid_argument("document_too_large",
                                         "The record at byte " + std::to_string(taken_) +
                                             " is longer than " +
                                             std::to_string(kTextRecordBytesMax >> 20) + " MiB.")
                            .with_hint(format_ == TextFormat::csv
                                           ? "Is a quote in it not closed?"
                                           : "Is a bracket in it not closed?"));
        }
        RETURN_IF_ERROR(fill());
    }
}

Status TextPieces::fill() {
    const size_t before = pending_.size();
    pending_.resize(before + kReadBytes);
    ASSIGN_OR_RETURN(const size_t count,
                     read_(std::as_writable_bytes(std::span(pending_).subspan(before)), read_at_));
    pending_.resize(before + count);
    ended_ = count < kReadBytes;
    if (read_at_ == 0 && pending_.starts_with(kByteOrderMark)) take(kByteOrderMark.size());
    read_at_ += count;
    return {};
}

std::string TextPieces::take(size_t bytes) {
    std::string taken = pending_.substr(0, bytes);
    pending_.erase(0, bytes);
    taken_ += bytes;
    scanned_ -= std::min(scanned_, bytes);
    end_ = 0;
    return taken;
}

}  // namespace insula::tables
