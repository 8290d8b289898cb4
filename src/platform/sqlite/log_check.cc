// The format is sqlite.org/fileformat2.html#the_write_ahead_log.
#include "platform/sqlite/log_check.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <cstring>
#include <vector>

#include "platform/sqlite/page_checksum.h"

namespace insula::sqlite {

namespace {

constexpr uint32_t kMagic = 0x377f0682;  // the lowest bit: words are big-endian
constexpr uint64_t kHeaderBytes = 32;
constexpr uint64_t kFrameHeaderBytes = 24;
constexpr uint64_t kFrameBytes = kFrameHeaderBytes + kPageBytes;
constexpr uint64_t kSectorBytes = 512;  // written wholly or not at all
constexpr size_t kHeaderSummedBytes = 24;
constexpr size_t kFrameSummedBytes = 8;

uint32_t big_endian(Bytes bytes, size_t offset) {
    uint32_t value = 0;
    std::memcpy(&value, bytes.data() + offset, sizeof value);
    return __builtin_bswap32(value);
}

struct Sum {
    uint32_t first = 0;
    uint32_t second = 0;
    bool operator==(const Sum&) const = default;
};

Sum add(Sum sum, Bytes bytes, bool big_endian_words) {
    for (size_t at = 0; at + 8 <= bytes.size(); at += 8) {
        uint32_t words[2];
        std::memcpy(words, bytes.data() + at, sizeof words);
        if (big_endian_words) {
            for (uint32_t& word : words) word = __builtin_bswap32(word);
        }
        sum.first += words[0] + sum.second;
        sum.second += words[1] + sum.first;
    }
    return sum;
}

struct Header {
    bool sound = false;
    bool big_endian_words = false;
    std::array<uint32_t, 2> salts{};
    Sum sum;
};

Header read_header(Bytes bytes) {
    const uint32_t magic = big_endian(bytes, 0);
    Header header{.big_endian_words = (magic & 1) != 0,
                  .salts = {big_endian(bytes, 16), big_endian(bytes, 20)},
                  .sum = {big_endian(bytes, 24), big_endian(bytes, 28)}};
    header.sound = (magic & ~1u) == kMagic && big_endian(bytes, 8) == kPageBytes &&
                   add({}, bytes.first(kHeaderSummedBytes), header.big_endian_words) == header.sum;
    return header;
}

struct Frame {
    bool present = false;
    bool commits = false;
    uint64_t page = 0;
    std::array<uint32_t, 2> salts{};
    Sum stored;
    Sum of_content;  // if the frame before it has the sum that was given to read()
};

class LogReader {
  public:
    LogReader(File& file, bool big_endian_words)
        : file_(file), big_endian_words_(big_endian_words), buffer_(kFrameBytes, '\0') {}

    Result<Frame> read(uint64_t number, Sum before) {
        ASSIGN_OR_RETURN(const size_t got, file_.read_at(std::as_writable_bytes(std::span(buffer_)),
                                                         kHeaderBytes + number * kFrameBytes));
        Frame frame;
        if (got < kFrameBytes) return frame;
        const Bytes bytes = as_bytes(buffer_);
        frame.present = true;
        frame.page = uint64_t{big_endian(bytes, 0)} - 1;
        frame.commits = big_endian(bytes, 4) != 0;
        frame.salts = {big_endian(bytes, 8), big_endian(bytes, 12)};
        frame.stored = {big_endian(bytes, 16), big_endian(bytes, 20)};
        const Sum head = add(before, bytes.first(kFrameSummedBytes), big_endian_words_);
        frame.of_content = add(head, bytes.subspan(kFrameHeaderBytes), big_endian_words_);
        return frame;
    }

  private:
    File& file_;
    const bool big_endian_words_;
    std::string buffer_;
};

Error damaged(const std::string& path, uint64_t offset, std::string_view what) {
    return data_loss(fmt::format("{}: offset {}: {}", path, offset, what));
}

bool share_a_salt(const Frame& frame, const Header& header) {
    return frame.salts[0] == header.salts[0] || frame.salts[1] == header.salts[1];
}

// A header is synced before a frame of its own is written, and its salts are new each time: half of
// one number is still shared with the frames only where it was damaged later.
Status check_header(LogReader& reader, const Header& header, const std::string& path) {
    ASSIGN_OR_RETURN(const Frame first, reader.read(0, header.sum));
    if (header.sound || !first.present || !share_a_salt(first, header)) return {};
    return fail(damaged(path, 0, "the log's header is damaged, and frames follow it"));
}

bool follows(const Frame& frame, const Header& header) {
    return frame.present && frame.salts == header.salts && frame.of_content == frame.stored;
}

// Whether a transaction was written behind one that was committed at or behind the bad frame `bad`:
// so that one had been synced. `before` is the sum of the frame before it.
Result<bool> synced(LogReader& reader, const Header& header, uint64_t bad, Sum before) {
    ASSIGN_OR_RETURN(Frame frame, reader.read(bad, before));
    if (!frame.present) return false;
    // A header that lies in one sector was not torn: what it says of itself holds, or has a flipped
    // bit.
    const uint64_t at = kHeaderBytes + bad * kFrameBytes;
    const bool one_sector = at / kSectorBytes == (at + kFrameHeaderBytes - 1) / kSectorBytes;
    if (!share_a_salt(frame, header)) return false;
    bool committed = one_sector && frame.commits;
    for (uint64_t number = bad + 1;; ++number) {
        ASSIGN_OR_RETURN(Frame next, reader.read(number, frame.stored));
        if (!follows(next, header) && number == bad + 1) {
            // Perhaps it is its sum that is damaged, and not its content.
            ASSIGN_OR_RETURN(next, reader.read(number, frame.of_content));
        }
        if (!next.present) return false;
        if (committed && follows(next, header)) return true;
        committed = follows(next, header) && next.commits;
        frame = next;
    }
}

}  // namespace

Result<LogContent> check_log(FileSystem& fs, const std::string& path) {
    LogContent content;
    const auto file = fs.open(path, OpenMode::read);
    if (!file && file.error().code() == Code::not_found) return content;
    if (!file) return fail(file.error());
    ASSIGN_OR_RETURN(content.file_bytes, (*file)->size());
    std::array<std::byte, kHeaderBytes> bytes{};
    ASSIGN_OR_RETURN(const size_t got, (*file)->read_at(bytes, 0));
    if (got < kHeaderBytes) return content;
    const Header header = read_header(bytes);
    LogReader reader(**file, header.big_endian_words);
    RETURN_IF_ERROR(check_header(reader, header, path));
    if (!header.sound) return content;
    Sum sum = header.sum;
    uint64_t number = 0;
    std::vector<uint64_t> pending;  // of the transaction that is being read
    for (;; ++number) {
        ASSIGN_OR_RETURN(const Frame frame, reader.read(number, sum));
        if (!frame.present) return content;
        if (frame.salts != header.salts || frame.of_content != frame.stored) break;
        sum = frame.stored;
        pending.push_back(frame.page);
        if (!frame.commits) continue;
        content.frames = number + 1;
        content.pages.insert(pending.begin(), pending.end());
        pending.clear();
    }
    ASSIGN_OR_RETURN(const bool lost, synced(reader, header, number, sum));
    if (!lost) return content;
    return fail(damaged(path, kHeaderBytes + number * kFrameBytes,
                        "the log is damaged here, and commits follow that were made later"));
}

}  // namespace insula::sqlite
