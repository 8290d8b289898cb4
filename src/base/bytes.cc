#include "base/bytes.h"

namespace insula {

Result<double> ByteReader::get_double() {
    ASSIGN_OR_RETURN(const uint64_t bits, get<uint64_t>());
    return std::bit_cast<double>(bits);
}

Result<std::string_view> ByteReader::get_string() {
    ASSIGN_OR_RETURN(const uint32_t length, get<uint32_t>());
    ASSIGN_OR_RETURN(const Bytes bytes, get_bytes(length));
    return as_text(bytes);
}

Result<Bytes> ByteReader::get_bytes(size_t count) {
    if (rest_.size() < count) return fail(truncated(count));
    const Bytes bytes = rest_.first(count);
    rest_ = rest_.subspan(count);
    return bytes;
}

Error ByteReader::truncated(size_t wanted) const {
    return data_loss(std::string(what_) + ": " + std::to_string(wanted) +
                     " bytes wanted at offset " + std::to_string(offset()) + " of " +
                     std::to_string(size_));
}

}  // namespace insula
