#include "cli/record_stream.h"

#include "cli/connection.h"

namespace insula::cli {

namespace {

constexpr int kStatusInternal = 500;

}  // namespace

Status RecordStream::append(std::string_view piece) {
    while (!piece.empty()) {
        const size_t newline = piece.find('\n');
        if (newline == std::string_view::npos) {
            if (piece.size() > kStreamLineBytesMax - pending_.size()) {
                return fail(Error(Code::payload_too_large, "line_too_long",
                                  "A line of the answer is longer than 256 MiB."));
            }
            pending_.append(piece);
            return {};
        }
        if (pending_.empty()) {
            RETURN_IF_ERROR(line(piece.substr(0, newline)));
        } else {
            pending_.append(piece.substr(0, newline));
            RETURN_IF_ERROR(line(pending_));
            pending_.clear();
        }
        piece.remove_prefix(newline + 1);
    }
    return {};
}

Status RecordStream::line(std::string_view text) {
    if (text.empty()) return {};
    if (text.starts_with("{\"error\":")) {
        net::ClientResponse response;
        response.status = kStatusInternal;
        response.body = text;
        return fail(answer_error(response));
    }
    if (text.starts_with("{\"end\":")) ended_ = true;
    return on_line_(text);
}

Status RecordStream::finish() const {
    if (ended_) return {};
    return fail(unavailable("answer_cut_off", "The answer was cut off: its last line is missing.")
                    .with_hint("What came before is right but not all."));
}

}  // namespace insula::cli
