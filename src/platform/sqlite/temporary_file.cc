#include "platform/sqlite/temporary_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace insula::sqlite {
namespace {

Error too_large(uint64_t bytes) {
    return Error(Code::storage_exhausted, "temporary_space_exhausted",
                 "The operation needs more temporary space than it may use.")
        .with_detail(
            fmt::format("temporary file of {} bytes, at most {}", bytes, kTemporaryFileBytesMax));
}

}  // namespace

Result<size_t> TemporaryFile::read_at(MutableBytes out, uint64_t offset) {
    if (offset >= content_.size()) return 0;
    const size_t count = std::min<size_t>(out.size(), content_.size() - offset);
    std::memcpy(out.data(), content_.data() + offset, count);
    return count;
}

Status TemporaryFile::write_at(Bytes data, uint64_t offset) {
    const uint64_t end = offset + data.size();
    if (end > kTemporaryFileBytesMax) return fail(too_large(end));
    if (end > content_.size()) content_.resize(end);
    if (!data.empty()) std::memcpy(content_.data() + offset, data.data(), data.size());
    return {};
}

Status TemporaryFile::truncate(uint64_t size) {
    if (size > kTemporaryFileBytesMax) return fail(too_large(size));
    content_.resize(size);
    return {};
}

}  // namespace insula::sqlite
