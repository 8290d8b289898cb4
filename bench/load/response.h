// ResponseReader: takes one HTTP answer apart as it arrives, looking at no more than the loader
// needs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace insula::load {

class ResponseReader {
  public:
    enum class State { head, body, done, malformed };

    // Forgets the last answer.
    void begin(bool count_lines);
    // Takes bytes as they came; what follows an answer is an error, since nothing is pipelined.
    State take(std::string_view bytes);

    int status() const { return status_; }
    bool closes() const { return closes_; }
    uint64_t body_bytes() const { return body_bytes_; }
    uint64_t lines() const { return lines_; }
    // The beginning of the last complete line: tells a finished stream from one that was cut off.
    std::string_view last_line() const { return last_line_; }

  private:
    enum class Chunk { size, data, data_end, trailer };

    bool parse_head(std::string_view head);
    State take_body(std::string_view bytes);
    State take_chunks(std::string_view bytes);
    bool take_line(std::string_view& bytes);
    void count(std::string_view data);

    State state_ = State::head;
    std::string text_;  // of an incomplete head or chunk line
    int status_ = 0;
    bool closes_ = false;
    bool chunked_ = false;
    uint64_t left_ = 0;  // of the body or the chunk
    Chunk chunk_ = Chunk::size;
    bool count_lines_ = false;
    uint64_t body_bytes_ = 0;
    uint64_t lines_ = 0;
    std::string line_;  // the beginning of the present line
    std::string last_line_;
};

}  // namespace insula::load
