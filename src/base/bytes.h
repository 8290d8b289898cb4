// Little-endian encoding into a growing buffer and bounds-checked decoding. Every format of ours on
// disk is written with these two. Not thread-safe; a ByteReader refers to memory that must outlive
// it.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace insula {

static_assert(std::endian::native == std::endian::little, "formats are written by memory copy");

using Bytes = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;

inline Bytes as_bytes(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}
inline std::string_view as_text(Bytes bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class ByteWriter {
  public:
    template <std::integral T>
    void put(T value) {
        buffer_.append(reinterpret_cast<const char*>(&value), sizeof value);
    }
    void put_double(double value) { put(std::bit_cast<uint64_t>(value)); }
    // Length as 32 bits, then the bytes.
    void put_string(std::string_view text) {
        put(static_cast<uint32_t>(text.size()));
        buffer_.append(text);
    }
    void put_bytes(Bytes bytes) { buffer_.append(as_text(bytes)); }
    void put_zeros(size_t count) { buffer_.append(count, '\0'); }
    // Overwrites an integer that was put before, such as a length known only at the end.
    template <std::integral T>
    void patch(size_t offset, T value) {
        std::memcpy(buffer_.data() + offset, &value, sizeof value);
    }

    size_t size() const { return buffer_.size(); }
    void reserve(size_t bytes) { buffer_.reserve(bytes); }
    void clear() { buffer_.clear(); }
    Bytes bytes() const { return as_bytes(buffer_); }
    std::string& buffer() { return buffer_; }
    std::string take() { return std::move(buffer_); }

  private:
    std::string buffer_;
};

// Reads fail with data_loss once the input is exhausted; `what` names the structure in that error.
class ByteReader {
  public:
    ByteReader(Bytes bytes, std::string_view what)
        : rest_(bytes), size_(bytes.size()), what_(what) {}

    template <std::integral T>
    Result<T> get() {
        if (rest_.size() < sizeof(T)) return fail(truncated(sizeof(T)));
        T value;
        std::memcpy(&value, rest_.data(), sizeof value);
        rest_ = rest_.subspan(sizeof value);
        return value;
    }
    Result<double> get_double();
    // The view refers to the input.
    Result<std::string_view> get_string();
    Result<Bytes> get_bytes(size_t count);

    size_t offset() const { return size_ - rest_.size(); }
    size_t remaining() const { return rest_.size(); }
    bool at_end() const { return rest_.empty(); }

  private:
    Error truncated(size_t wanted) const;

    Bytes rest_;
    size_t size_;
    std::string_view what_;
};

}  // namespace insula
