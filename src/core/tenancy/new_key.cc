#include "core/tenancy/new_key.h"

#include <array>

#include "platform/crypto/hash.h"
#include "platform/crypto/token.h"

namespace insula::tenancy {

namespace {

constexpr size_t kIdRandomBytes = 6;
// Of the secret's 256 random bits these 24 are shown again.
constexpr size_t kHintBytes = crypto::kTokenPrefix.size() + 4;

}  // namespace

std::string make_id(Random& random, std::string_view prefix) {
    std::array<uint8_t, kIdRandomBytes> bytes{};
    random.fill(bytes);
    return std::string(prefix) + crypto::hex_encode(std::as_bytes(std::span(bytes)));
}

ApiKey key_of_hash(Random& random, WallNanos now, KeyOptions options, std::string hash) {
    return {.id = make_id(random, "key_"),
            .hash = std::move(hash),
            .hint = {},
            .label = std::move(options.label),
            .owner_kind = options.owner_kind,
            .owner = std::move(options.owner),
            .created_at = now,
            .expires_at = options.expires_at};
}

NewKey make_key(Random& random, WallNanos now, KeyOptions options) {
    NewKey made{.key = {}, .secret = crypto::make_token(random)};
    const crypto::Sha256Digest hash = crypto::sha256(as_bytes(made.secret));
    made.key = key_of_hash(random, now, std::move(options), std::string(as_text(hash)));
    made.key.hint = made.secret.substr(0, kHintBytes);
    return made;
}

}  // namespace insula::tenancy
