#include "cli/batch_splitter.h"

#include <algorithm>
#include <utility>

namespace insula::cli {

namespace {

bool is_blank(std::string_view text) {
    return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

}  // namespace

BatchSplitter::BatchSplitter(RecordFormat format, size_t batch_bytes)
    : format_(format), batch_bytes_(batch_bytes), header_taken_(format == RecordFormat::ndjson) {}

Result<std::optional<Batch>> BatchSplitter::next() {
    for (;;) {
        if (!header_taken_) RETURN_IF_ERROR(take_header());
        const size_t end = header_taken_ ? find_batch_end() : 0;
        if (end == 0) {
            RETURN_IF_ERROR(check_length());
            return std::optional<Batch>();
        }
        Batch batch{.body = header_, .begin = taken_, .end = taken_ + end};
        const std::string records = take(end);
        if (is_blank(records)) continue;
        batch.body += records;
        return std::optional<Batch>(std::move(batch));
    }
}

// The first line that holds something.
Status BatchSplitter::take_header() {
    while (const size_t end = next_record_end()) {
        header_ = take(end);
        if (is_blank(header_)) continue;
        header_taken_ = true;
        // The whole input may be a header without a line end.
        if (!header_.ends_with('\n') && !header_.ends_with('\r')) header_ += '\n';
        return {};
    }
    return {};
}

size_t BatchSplitter::find_batch_end() {
    const size_t room = batch_bytes_ - std::min(batch_bytes_, header_.size());
    for (;;) {
        const size_t last = record_end_;
        const size_t end = next_record_end();
        if (end == 0) {
            // More may come that still fits.
            return finished_ || (last > 0 && pending_.size() > room) ? last : 0;
        }
        if (end > room) return last > 0 ? last : end;
    }
}

size_t BatchSplitter::next_record_end() {
    const size_t end = format_ == RecordFormat::csv ? next_line_end() : [&] {
        const size_t newline = pending_.find('\n', scanned_);
        scanned_ = newline == std::string::npos ? pending_.size() : newline + 1;
        return newline == std::string::npos ? 0 : newline + 1;
    }();
    if (end > 0) {
        record_end_ = end;
    } else if (at_end_of_input() && record_end_ < pending_.size()) {
        record_end_ = pending_.size();
        return record_end_;
    }
    return end;
}

// A record of CSV ends with a line end outside quotes. A doubled quote opens and closes at once.
size_t BatchSplitter::next_line_end() {
    while (scanned_ < pending_.size()) {
        const char c = pending_[scanned_];
        if (c == '\r' && !quoted_) {
            // Whether "\n" follows is only known with the next byte.
            if (scanned_ + 1 == pending_.size() && !finished_) return 0;
            ++scanned_;
            if (scanned_ == pending_.size() || pending_[scanned_] != '\n') return scanned_;
            continue;
        }
        ++scanned_;
        if (c == '"') quoted_ = !quoted_;
        if (c == '\n' && !quoted_) return scanned_;
    }
    return 0;
}

Status BatchSplitter::check_length() const {
    if (pending_.size() - record_end_ <= kRecordBytesMax) return {};
    const Error error = invalid_argument(
        "record_too_long", "The record that begins at byte " +
                               std::to_string(taken_ + record_end_) + " is longer than 64 MiB.");
    return fail(error.with_hint(format_ == RecordFormat::csv ? "Is a quote in it not closed?"
                                                             : "Is it a document a line?"));
}

std::string BatchSplitter::take(size_t bytes) {
    std::string taken = pending_.substr(0, bytes);
    pending_.erase(0, bytes);
    taken_ += bytes;
    scanned_ = 0;
    record_end_ = 0;
    quoted_ = false;
    return taken;
}

}  // namespace insula::cli
