#include "load/response.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace insula::load {

namespace {

constexpr size_t kHeadBytesMax = 64 * 1024;
constexpr size_t kLineKept = 64;

// The value of a header, whose name must be given in lower case with its colon; empty where it is
// absent.
std::string_view header_value(std::string_view head, std::string_view name) {
    for (size_t at = head.find("\r\n"); at != std::string_view::npos && at + 2 < head.size();
         at = head.find("\r\n", at + 2)) {
        const std::string_view line = head.substr(at + 2);
        if (line.size() <= name.size()) continue;
        const bool same = std::equal(name.begin(), name.end(), line.begin(), [](char a, char b) {
            return a == (b >= 'A' && b <= 'Z' ? static_cast<char>(b | 0x20) : b);
        });
        if (!same) continue;
        std::string_view value = line.substr(name.size(), line.find("\r\n") - name.size());
        while (value.starts_with(' ')) value.remove_prefix(1);
        return value;
    }
    return {};
}

}  // namespace

void ResponseReader::begin(bool count_lines) {
    state_ = State::head;
    text_.clear();
    count_lines_ = count_lines;
    body_bytes_ = lines_ = left_ = 0;
    line_.clear();
    last_line_.clear();
}

bool ResponseReader::parse_head(std::string_view head) {
    if (!head.starts_with("HTTP/1.1 ") || head.size() < 13) return false;
    status_ = (head[9] - '0') * 100 + (head[10] - '0') * 10 + (head[11] - '0');
    if (status_ < 200 || status_ > 599) return false;
    closes_ = header_value(head, "connection:") == "close";
    chunked_ = header_value(head, "transfer-encoding:") == "chunked";
    chunk_ = Chunk::size;
    if (chunked_ || status_ == 204) return true;
    const std::string_view length = header_value(head, "content-length:");
    const auto [end, error] = std::from_chars(length.begin(), length.end(), left_);
    return error == std::errc() && end == length.end();
}

ResponseReader::State ResponseReader::take(std::string_view bytes) {
    if (state_ == State::head) {
        // Nearly always the whole head arrives at once and needs no copy.
        if (!text_.empty()) text_.append(bytes);
        const std::string_view all = text_.empty() ? bytes : std::string_view(text_);
        const size_t end = all.find("\r\n\r\n");
        if (end == std::string_view::npos) {
            if (text_.empty()) text_.assign(bytes);
            return state_ = text_.size() > kHeadBytesMax ? State::malformed : State::head;
        }
        if (!parse_head(all.substr(0, end + 2))) return state_ = State::malformed;
        bytes = bytes.substr(bytes.size() - (all.size() - end - 4));
        text_.clear();
        state_ = State::body;
    }
    return state_ = chunked_ ? take_chunks(bytes) : take_body(bytes);
}

ResponseReader::State ResponseReader::take_body(std::string_view bytes) {
    if (bytes.size() > left_) return State::malformed;
    count(bytes);
    left_ -= bytes.size();
    return left_ == 0 ? State::done : State::body;
}

// Moves bytes up to a line feed into text_; true when the line is complete.
bool ResponseReader::take_line(std::string_view& bytes) {
    const size_t end = bytes.find('\n');
    text_.append(bytes.substr(0, end));
    bytes.remove_prefix(std::min(bytes.size(), end == std::string_view::npos ? end : end + 1));
    if (end == std::string_view::npos) return false;
    if (text_.ends_with('\r')) text_.pop_back();
    return true;
}

ResponseReader::State ResponseReader::take_chunks(std::string_view bytes) {
    while (!bytes.empty()) {
        if (chunk_ == Chunk::data) {
            const std::string_view data = bytes.substr(0, left_);
            count(data);
            left_ -= data.size();
            bytes.remove_prefix(data.size());
            if (left_ == 0) chunk_ = Chunk::data_end;
            continue;
        }
        if (!take_line(bytes)) return State::body;
        const std::string line = std::exchange(text_, {});
        if (chunk_ == Chunk::data_end) {
            if (!line.empty()) return State::malformed;
            chunk_ = Chunk::size;
        } else if (chunk_ == Chunk::size) {
            const auto [end, error] =
                std::from_chars(line.data(), line.data() + line.size(), left_, 16);
            if (error != std::errc() || end == line.data()) return State::malformed;
            chunk_ = left_ == 0 ? Chunk::trailer : Chunk::data;
        } else if (line.empty()) {
            return bytes.empty() ? State::done : State::malformed;
        }
    }
    return State::body;
}

void ResponseReader::count(std::string_view data) {
    body_bytes_ += data.size();
    if (!count_lines_) return;
    lines_ += static_cast<uint64_t>(std::count(data.begin(), data.end(), '\n'));
    // Only the beginnings of the last two lines are of interest.
    const size_t last = data.rfind('\n');
    if (last == std::string_view::npos) {
        if (line_.size() < kLineKept) line_.append(data.substr(0, kLineKept));
        return;
    }
    const size_t before = last == 0 ? std::string_view::npos : data.rfind('\n', last - 1);
    if (before == std::string_view::npos) {
        line_.append(data.substr(0, std::min(last, kLineKept)));
        last_line_ = line_;
    } else {
        last_line_ = data.substr(before + 1, std::min(last - before - 1, kLineKept));
    }
    line_ = data.substr(last + 1, kLineKept);
}

}  // namespace insula::load
