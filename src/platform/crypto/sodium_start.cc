#include "platform/crypto/sodium_start.h"

#include <sodium.h>

#include "base/check.h"

namespace insula::crypto {

void start_sodium() {
    static const bool started = sodium_init() >= 0;
    INSULA_CHECK(started, "libsodium must start");
}

}  // namespace insula::crypto
