#include "core/keys/root_key.h"

#include <cstring>
#include <string_view>

#include "platform/crypto/hash.h"
#include "platform/crypto/hkdf.h"
#include "platform/fs/private_file.h"

namespace insula::keys {
namespace {

constexpr std::string_view kWrappingPurpose = "insula root key wraps tenant keys 1";
constexpr std::string_view kSigningPurpose = "insula root key wraps signing keys 1";
constexpr std::string_view kIdPurpose = "insula root key id 1";
constexpr uint64_t kFileBytesMax = 256;

RootKeyId id_of(const crypto::SecretKey& root) {
    const crypto::SecretKey derived = crypto::derive_key(root, as_bytes(kIdPurpose));
    RootKeyId id;
    std::memcpy(&id.value, derived.bytes().data(), sizeof id.value);
    if (!id) id.value = 1;  // 0 means none
    return id;
}

std::string_view trim(std::string_view text) {
    constexpr std::string_view kBlank = " \t\r\n";
    const size_t first = text.find_first_not_of(kBlank);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

void wipe_text(std::string& text) { crypto::wipe(std::as_writable_bytes(std::span(text))); }

Result<crypto::SecretKey> parse(std::string_view text, std::string_view from) {
    auto key = crypto::SecretKey::parse(trim(text));
    if (key) return key;
    return fail(Error(Code::failed_precondition, "root_key_unreadable",
                      "The root key is not 32 bytes in hexadecimal or base64.")
                    .with_hint("Put back the key that the tenants' keys were wrapped with; a new "
                               "one is made with: openssl rand -hex 32")
                    .with_detail(from));
}

Result<crypto::SecretKey> read(const std::string& path) {
    ASSIGN_OR_RETURN(std::string text, read_private_file(path, kFileBytesMax));
    auto key = parse(text, path);
    wipe_text(text);
    return key;
}

Result<crypto::SecretKey> create(const std::string& path, Random& random) {
    crypto::SecretKey key = crypto::SecretKey::random(random);
    std::string text = crypto::hex_encode(key.bytes()) + "\n";
    const Status created = create_private_file(path, text);
    wipe_text(text);
    RETURN_IF_ERROR(created);
    return key;
}

Error missing(const std::string& path) {
    return Error(Code::failed_precondition, "root_key_missing",
                 "The root key is missing, and what is sealed cannot be opened without it.")
        .with_hint("Put the file back, or give the key in the environment.")
        .with_detail(path.empty() ? "no file and no text is set" : path + ": no such file");
}

}  // namespace

RootKey::RootKey(const crypto::SecretKey& root)
    : id_(id_of(root)),
      wrapping_key_(crypto::derive_key(root, as_bytes(kWrappingPurpose))),
      signing_wrapping_key_(crypto::derive_key(root, as_bytes(kSigningPurpose))) {}

Result<LoadedRootKey> load_root_key(const RootKeySource& source, Random& random) {
    if (!source.text.empty()) {
        ASSIGN_OR_RETURN(const crypto::SecretKey key, parse(source.text, "from the environment"));
        return LoadedRootKey{RootKey(key)};
    }
    if (source.path.empty()) return fail(missing(source.path));
    const auto found = read(source.path);
    if (found) return LoadedRootKey{RootKey(*found)};
    if (found.error().code() != Code::not_found) return fail(found.error());
    if (!source.may_create) return fail(missing(source.path));
    ASSIGN_OR_RETURN(const crypto::SecretKey key, create(source.path, random));
    return LoadedRootKey{RootKey(key), true};
}

}  // namespace insula::keys
