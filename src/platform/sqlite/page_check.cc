#include "platform/sqlite/page_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "platform/sqlite/log_check.h"
#include "platform/sqlite/page_checksum.h"

namespace insula::sqlite {

namespace {

constexpr uint64_t kStridePages = 64;

bool all_zero(Bytes bytes) {
    return std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{0}; });
}

void check_page(Bytes page, uint64_t number, PageCheck& check) {
    if (page_is_sound(page, number) || all_zero(page)) return;
    const uint64_t offset = number * kPageBytes;
    if (const auto bit = find_flipped_page_bit(page, number)) {
        check.damages.push_back(
            {.offset = offset + bit->byte,
             .bytes = 1,
             .what = fmt::format("bit {} is flipped (page {})", bit->bit, number)});
        return;
    }
    check.damages.push_back({.offset = offset,
                             .bytes = page.size(),
                             .what = fmt::format("page {} fails its checksum", number)});
}

}  // namespace

Result<PageCheck> check_pages(FileSystem& fs, const std::string& path) {
    PageCheck check;
    ASSIGN_OR_RETURN(const LogContent log, check_log(fs, path + "-wal"));
    check.log_bytes = log.file_bytes;
    ASSIGN_OR_RETURN(const auto file, fs.open(path, OpenMode::read));
    ASSIGN_OR_RETURN(check.file_bytes, file->size());
    std::vector<std::byte> buffer(kStridePages * kPageBytes);
    for (uint64_t number = 0; number * kPageBytes < check.file_bytes; number += kStridePages) {
        ASSIGN_OR_RETURN(const size_t got, file->read_at(buffer, number * kPageBytes));
        if (number == 0) {
            const Bytes first = Bytes(buffer).first(std::min<uint64_t>(got, kPageBytes));
            check.sealed = log.pages.contains(0) || form_of(first) != FileForm::unsealed;
            if (!check.sealed) return check;
        }
        for (uint64_t at = 0; at < got; at += kPageBytes) {
            const uint64_t page = number + at / kPageBytes;
            if (log.pages.contains(page)) continue;
            check_page(Bytes(buffer).subspan(at, std::min<uint64_t>(kPageBytes, got - at)), page,
                       check);
        }
    }
    return check;
}

}  // namespace insula::sqlite
