#include "platform/sqlite/page_checksum.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string_view>

#include "base/check.h"
#include "base/crc32c.h"

namespace insula::sqlite {

namespace {

constexpr std::string_view kTag = "IPC1";
constexpr size_t kTagOffset = kPageBytes - kPageReservedBytes;
constexpr size_t kChecksumOffset = kPageBytes - sizeof(uint32_t);
// The file's header, sqlite.org/fileformat2.html#the_database_header.
constexpr std::string_view kMagic("SQLite format 3\0", 16);
constexpr size_t kReservedBytesOffset = 20;

uint32_t checksum(Bytes page, uint64_t number) {
    const uint32_t start = crc32c(std::as_bytes(std::span(&number, 1)));
    return crc32c(page.first(kChecksumOffset), start);
}

bool has_tag(Bytes page) {
    return page.size() == kPageBytes && as_text(page.subspan(kTagOffset, kTag.size())) == kTag;
}

}  // namespace

void seal_page(MutableBytes page, uint64_t number) {
    INSULA_CHECK(page.size() == kPageBytes, "whole pages are sealed");
    std::memcpy(page.data() + kTagOffset, kTag.data(), kTag.size());
    const uint32_t sum = checksum(page, number);
    std::memcpy(page.data() + kChecksumOffset, &sum, sizeof sum);
}

bool page_is_sound(Bytes page, uint64_t number) {
    if (!has_tag(page)) return false;
    uint32_t stored = 0;
    std::memcpy(&stored, page.data() + kChecksumOffset, sizeof stored);
    return stored == checksum(page, number);
}

std::optional<FlippedBit> find_flipped_page_bit(Bytes page, uint64_t number) {
    if (page.size() != kPageBytes) return std::nullopt;
    uint32_t stored = 0;
    std::memcpy(&stored, page.data() + kChecksumOffset, sizeof stored);
    const uint32_t found = checksum(page, number);
    if (const auto bit = find_flipped_bit(found, stored, kChecksumOffset)) return bit;
    if (!std::has_single_bit(found ^ stored)) return std::nullopt;
    const int bit = std::countr_zero(found ^ stored);
    return FlippedBit{kChecksumOffset + static_cast<uint64_t>(bit / 8), bit % 8};
}

FileForm form_of(Bytes first_page) {
    // Without the magic it is being made, or none of ours: SQLite says so.
    if (first_page.size() <= kReservedBytesOffset ||
        as_text(first_page.first(kMagic.size())) != kMagic) {
        return FileForm::sealed;
    }
    const auto reserved = std::to_integer<int>(first_page[kReservedBytesOffset]);
    if (reserved == kPageReservedBytes) return FileForm::sealed;
    return reserved == 0 && !has_tag(first_page) ? FileForm::unsealed : FileForm::damaged;
}

}  // namespace insula::sqlite
