// Checkpoints: what the log signs of itself, so that others can hold it to what it was. The form is
// C2SP's tlog-checkpoint (https://c2sp.org/tlog-checkpoint) in a signed note
// (https://c2sp.org/signed-note) with one Ed25519 signature, whose key has the log's name. Pure
// functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "core/audit/merkle.h"
#include "platform/crypto/signing.h"

namespace insula::audit {

inline constexpr size_t kCheckpointBytesMax = 4096;

// "insula-audit/" and 16 hexadecimal digits of the key's SHA-256: a log is whose key signs it.
std::string log_name(const crypto::PublicKey& key);
// "<name>+<key hash>+<key>", as signed-note has it: what verifiers of others are given.
std::string verifier_key(std::string_view name, const crypto::PublicKey& key);
inline std::string verifier_key(const crypto::PublicKey& key) {
    return verifier_key(log_name(key), key);
}
// invalid_argument `invalid_verifier_key`.
Result<crypto::PublicKey> parse_verifier_key(std::string_view text);

std::string sign_checkpoint(const Tree& tree, const crypto::SigningKey& key);
// data_loss, whose detail says what is wrong: the form, the log that it is of, the signature.
Result<Tree> verify_checkpoint(std::string_view note, const crypto::PublicKey& key);

// With the alphabet of RFC 4648 section 4, padded: how notes and proofs show hashes.
std::string base64(Bytes bytes);
// Only the one spelling of the bytes.
std::optional<std::vector<std::byte>> parse_base64(std::string_view text);

}  // namespace insula::audit
