// Making keys: the secret is shown once, and only its hash is kept.
#pragma once

#include <string>

#include "core/tenancy/identity.h"
#include "platform/runtime/clock.h"
#include "platform/runtime/random.h"

namespace insula::tenancy {

struct NewKey {
    ApiKey key;
    std::string secret;  // "insula_" and 43 characters
};

struct KeyOptions {
    MemberKind owner_kind = MemberKind::user;
    std::string owner;
    std::string label;
    WallNanos expires_at = 0;  // 0: never
};

NewKey make_key(Random& random, WallNanos now, KeyOptions options);
// What is kept of a key that was made elsewhere, of which only the hash is known (32 bytes).
ApiKey key_of_hash(Random& random, WallNanos now, KeyOptions options, std::string hash);
// "key_", "grant_" and 12 hexadecimal digits.
std::string make_id(Random& random, std::string_view prefix);

}  // namespace insula::tenancy
