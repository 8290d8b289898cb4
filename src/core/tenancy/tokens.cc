#include "core/tenancy/tokens.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/check.h"
#include "core/tenancy/built_in_roles.h"
#include "core/tenancy/new_key.h"
#include "platform/crypto/base64url.h"
#include "platform/crypto/key_wrap.h"

namespace insula::tenancy {

using catalog::ChangeDirectory;

namespace {

constexpr std::array kScopes{std::string_view("read"), std::string_view("write"),
                             std::string_view("admin"), std::string_view("audit")};
constexpr std::array kRolesOfScopes{std::string_view("reader"), std::string_view("writer"),
                                    std::string_view("admin"), std::string_view("auditor")};

// So that no wrapped key opens in the place of another.
std::string purpose_of(std::string_view id) { return fmt::format("insula signing key 1 {}", id); }

StoredSigningKey wrap(const std::string& id, const crypto::SigningKey& key,
                      const crypto::SecretKey& wrapping, Random& random) {
    const std::string purpose = purpose_of(id);
    const crypto::WrappedKey wrapped =
        crypto::wrap_key(wrapping, key.seed(), as_bytes(purpose), random);
    return {.id = id,
            .public_key = crypto::base64url_encode(key.public_key()),
            .wrapped = crypto::base64url_encode(wrapped)};
}

Result<crypto::SigningKey> unwrap(const StoredSigningKey& stored,
                                  const crypto::SecretKey& wrapping) {
    const auto bytes = crypto::base64url_decode(stored.wrapped);
    crypto::WrappedKey wrapped{};
    if (!bytes || bytes->size() != wrapped.size()) {
        return fail(data_loss("a stored signing key is damaged"));
    }
    std::ranges::copy(*bytes, wrapped.begin());
    const std::string purpose = purpose_of(stored.id);
    auto seed = crypto::unwrap_key(wrapping, wrapped, as_bytes(purpose));
    if (!seed) {
        return fail(Error(Code::failed_precondition, "wrong_root_key",
                          "The keys that sign tokens are wrapped under another root key.")
                        .with_hint("Start with the root key of before."));
    }
    return crypto::SigningKey(*std::move(seed));
}

Result<StoredSigningKey> add_key(Directory& directory, const crypto::SecretKey& wrapping,
                                 Random& random, WallNanos now) {
    const std::string id = make_id(random, "tk_");
    StoredSigningKey made = wrap(id, crypto::SigningKey::random(random), wrapping, random);
    made.created_at = now;
    const Status added =
        directory.change(TenantId(), [&](const TenantView&) -> Result<ChangeDirectory> {
            ChangeDirectory change;
            change.put.push_back({entry_of(made)});
            return change;
        });
    RETURN_IF_ERROR(added);
    return made;
}

}  // namespace

Tokens::Tokens(std::string key_id, crypto::SigningKey key, SharedTokenKeys keys)
    : key_id_(std::move(key_id)),
      key_(std::move(key)),
      cache_({.issuer = std::string(kTokenIssuer), .audience = std::string(kTokenAudience)},
             std::move(keys)) {}

Result<std::unique_ptr<Tokens>> Tokens::open(Directory& directory,
                                             const crypto::SecretKey& wrapping, Random& random,
                                             WallNanos now) {
    ASSIGN_OR_RETURN(const TenantViewPtr platform, directory.view(TenantId()));
    std::vector<StoredSigningKey> stored;
    for (const StoredSigningKey* key : platform->signing_keys()) stored.push_back(*key);
    const auto in_use = [](const StoredSigningKey& key) { return key.retired_at == 0; };
    if (std::ranges::none_of(stored, in_use)) {
        ASSIGN_OR_RETURN(stored.emplace_back(), add_key(directory, wrapping, random, now));
    }
    std::vector<TokenKey> keys;
    const StoredSigningKey* newest = nullptr;
    for (const StoredSigningKey& key : stored) {
        const auto bytes = crypto::base64url_decode(key.public_key);
        TokenKey known{.id = key.id, .key = {}, .not_before = 0, .retired_at = std::nullopt};
        if (!bytes || bytes->size() != known.key.size()) {
            return fail(data_loss("a stored signing key is damaged"));
        }
        std::ranges::copy(*bytes, known.key.begin());
        if (key.retired_at != 0) known.retired_at = key.retired_at;
        keys.push_back(std::move(known));
        if (in_use(key) && (newest == nullptr || key.created_at > newest->created_at)) {
            newest = &key;
        }
    }
    INSULA_CHECK(newest != nullptr, "one of the keys is in use");
    ASSIGN_OR_RETURN(auto signing, unwrap(*newest, wrapping));
    ASSIGN_OR_RETURN(auto shared, TokenKeys::create(std::move(keys)));
    return std::unique_ptr<Tokens>(new Tokens(newest->id, std::move(signing), std::move(shared)));
}

Status Tokens::check_keys(std::span<const catalog::DirectoryEntry> entries,
                          const crypto::SecretKey& wrapping) {
    for (const catalog::DirectoryEntry& entry : entries) {
        if (entry.kind != catalog::EntryKind::signing_key) continue;
        ASSIGN_OR_RETURN(const StoredSigningKey key, signing_key_of(entry));
        RETURN_IF_ERROR(unwrap(key, wrapping));
    }
    return {};
}

Result<std::string> Tokens::issue(TokenClaims claims) const {
    claims.issuer = kTokenIssuer;
    claims.audience = kTokenAudience;
    return issue_token(claims, key_id_, key_);
}

const policy::Policy* find_scope(std::string_view scope) {
    const auto found = std::ranges::find(kScopes, scope);
    if (found == kScopes.end()) return nullptr;
    const auto place = static_cast<size_t>(found - kScopes.begin());
    const BuiltInRole* role = find_built_in_role(kRolesOfScopes[place], false);
    INSULA_CHECK(role != nullptr, "a scope is a built-in role");
    return role->policy;
}

std::span<const std::string_view> scope_names() { return kScopes; }

}  // namespace insula::tenancy
