#include "cli/csv_look.h"

#include "cli/batch_splitter.h"

namespace insula::cli {

Result<std::string_view> InputPieces::next() {
    if (ahead_given_ == ahead_.size()) return input_.read(kReadBytes);
    const std::string_view piece = std::string_view(ahead_).substr(ahead_given_, kReadBytes);
    ahead_given_ += piece.size();
    return piece;
}

Result<bool> InputPieces::read_ahead(size_t bytes) {
    while (ahead_.size() < bytes) {
        ASSIGN_OR_RETURN(const std::string_view piece, input_.read(kReadBytes));
        if (piece.empty()) return false;
        ahead_.append(piece);
    }
    return true;
}

namespace {

Status look_at(std::string_view piece, BatchSplitter& splitter, CsvColumns& columns) {
    splitter.append(piece);
    for (;;) {
        ASSIGN_OR_RETURN(const std::optional<Batch> batch, splitter.next());
        if (!batch) return {};
        columns.add(batch->body);
    }
}

}  // namespace

Result<bool> look_at_columns(InputPieces& pieces, uint64_t batch_bytes, CsvColumns& columns) {
    BatchSplitter splitter(RecordFormat::csv, kReadBytes);
    if (const auto size = pieces.input().size()) {
        if (*size <= batch_bytes) return false;  // the server sees all of it at once
        for (;;) {
            ASSIGN_OR_RETURN(const std::string_view piece, pieces.input().read(kReadBytes));
            if (piece.empty()) break;
            RETURN_IF_ERROR(look_at(piece, splitter, columns));
        }
        splitter.finish();
        RETURN_IF_ERROR(look_at({}, splitter, columns));
        RETURN_IF_ERROR(pieces.input().rewind());
        return false;
    }
    ASSIGN_OR_RETURN(const bool more, pieces.read_ahead(kPipeLookBytes));
    if (!more && pieces.ahead().size() <= batch_bytes) return false;
    if (!more) splitter.finish();
    RETURN_IF_ERROR(look_at(pieces.ahead(), splitter, columns));
    return more;
}

}  // namespace insula::cli
