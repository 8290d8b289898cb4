// Damage to files whose content is known: inputs are lists of changes, so that a fuzzer reaches
// what lies behind checksums.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"

namespace insula::fuzz {

// Applies changes of 8 bytes each: what to do, a place (32 bits), a length (16 bits), a value.
inline void damage(std::string& content, Bytes changes) {
    for (; changes.size() >= 8 && !content.empty(); changes = changes.subspan(8)) {
        const auto byte = [&](size_t i) { return static_cast<uint32_t>(changes[i]); };
        const size_t at = (byte(1) | byte(2) << 8 | byte(3) << 16 | byte(4) << 24) % content.size();
        const size_t length = std::min<size_t>(1 + (byte(5) | byte(6) << 8), content.size() - at);
        const char value = static_cast<char>(byte(7));
        switch (byte(0) % 5) {
            case 0:  // one bit
                content[at] = static_cast<char>(content[at] ^ (1 << (value & 7)));
                break;
            case 1:  // a run of one value, zeros above all
                content.replace(at, length, length, value);
                break;
            case 2:  // cut off
                content.resize(at);
                break;
            case 3:  // a part in the place of another
                content.replace(at, length, content.substr(content.size() - length, length));
                break;
            default:  // more at the end
                content.append(std::min<size_t>(length, 4096), value);
                break;
        }
    }
}

}  // namespace insula::fuzz
