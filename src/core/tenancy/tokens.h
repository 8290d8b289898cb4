// Tokens: the keys of this installation that sign tenants' tokens, and the tokens that were
// verified with them. The keys are the platform's entries in the catalog, wrapped under the root
// key; the newest one signs. Thread-safe.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "core/tenancy/directory.h"
#include "core/tenancy/token.h"
#include "core/tenancy/token_cache.h"
#include "platform/crypto/secret_key.h"
#include "platform/crypto/signing.h"
#include "platform/runtime/random.h"

namespace insula::tenancy {

// Of every token that is issued and taken here; that it is this installation's, its key says.
inline constexpr std::string_view kTokenIssuer = "insula";
inline constexpr std::string_view kTokenAudience = "insula";

class Tokens {
  public:
    // Makes the first key where there is none. May ask the catalog. failed_precondition
    // `wrong_root_key` where the keys were wrapped under another one.
    static Result<std::unique_ptr<Tokens>> open(Directory& directory,
                                                const crypto::SecretKey& wrapping, Random& random,
                                                WallNanos now);

    // Whether the keys among these entries of the platform's can be opened: as open().
    static Status check_keys(std::span<const catalog::DirectoryEntry> entries,
                             const crypto::SecretKey& wrapping);

    // See issue_token(). Issuer and audience are filled in.
    Result<std::string> issue(TokenClaims claims) const;
    // See verify_token(); what its tenant has revoked is not asked here.
    Result<SharedClaims> verify(std::string_view token, WallNanos now) {
        return cache_.verify(token, now);
    }

  private:
    Tokens(std::string key_id, crypto::SigningKey key, SharedTokenKeys keys);

    const std::string key_id_;  // of the one that signs
    const crypto::SigningKey key_;
    TokenCache cache_;
};

// Whether a credential is a token rather than a key: no key has a dot.
inline bool is_token(std::string_view credential) {
    return credential.find('.') != std::string_view::npos;
}

// What a token may be bound to beside its member's rights: the built-in roles of a tenant by the
// verbs "read", "write", "admin" and "audit". nullptr: no such scope.
const policy::Policy* find_scope(std::string_view scope);
std::span<const std::string_view> scope_names();

}  // namespace insula::tenancy
