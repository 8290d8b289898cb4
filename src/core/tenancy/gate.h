// Gate: the one place where a request of any protocol becomes an identity with a tenant and a
// right. Every operation names its action and resource where it is defined; nothing is allowed by
// default. Thread-safe.
//
// A key, or a token, belongs to a member of one tenant, who acts in that tenant alone; or to a
// member of the platform, who administers tenants (the actions "node:*") and acts in one only with
// a grant that is kept there. No policy of a tenant opens the platform's actions. In development
// mode a request without a credential acts as the developer: an owner of the default tenant and an
// administrator of the platform.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "core/policy/evaluate.h"
#include "core/tenancy/directory.h"
#include "core/tenancy/meter.h"
#include "core/tenancy/rank.h"
#include "core/tenancy/request_context.h"
#include "core/tenancy/tokens.h"
#include "platform/runtime/clock.h"

namespace insula::tenancy {

// What an operation needs: an action of one namespace ("tables:Write") on a resource
// ("source/sales").
struct Permission {
    std::string_view action;
    std::string resource;
};

// What came with the request, unverified.
struct Credential {
    std::optional<std::string_view>
        key;  // or a token; from "Authorization: Bearer …" or "X-Api-Key: …"
    std::optional<std::string_view>
        tenant;  // from "X-Tenant-Id": an id or a slug; chooses, never grants
};

// Where the request came from: what policies may ask about.
struct RequestOrigin {
    std::string_view remote_address;
    std::string_view user_agent;
    std::string_view request_id;
    bool secure = false;
};

// Who acts, in which tenant, and with which rights, for the time of one request. Not thread-safe;
// what it is asked must come from one thread at a time.
class Actor {
  public:
    // Acts for the platform's own actions, or with a tenant's data.
    const std::string& principal() const { return principal_; }  // "user/ann", "platform/user/root"
    // The tenant that is acted in; the platform's row, without a name, for its own actions.
    const catalog::Tenant& tenant() const { return view_->tenant(); }
    const TenantViewPtr& view() const { return view_; }

    // Without the tenant it belongs to: "user/root". Empty for the developer.
    std::string member_principal() const;
    MemberKind member_kind() const { return kind_; }
    const std::string& member_name() const { return member_; }
    // In the tenant that is acted in.
    Rank rank() const { return rank_; }
    // Whether the credential was a token, and one that may do less than its member.
    bool has_token() const { return has_token_; }
    bool has_scopes() const { return has_scopes_; }
    // What the tenant may use, and what counts it. Never null.
    const LimitsPtr& limits() const { return limits_; }
    const std::shared_ptr<TenantMeter>& meter() const { return meter_; }

    // permission_denied `not_permitted`. What decided is the value. What only owners may do, no
    // policy that a tenant writes allows.
    Result<policy::Decision> authorise(const Permission& permission) const;

  private:
    friend class Gate;
    Actor(TenantViewPtr view, std::string principal)
        : view_(std::move(view)), principal_(std::move(principal)) {}
    void set_origin(const RequestOrigin& origin, Clock& clock);

    TenantViewPtr view_;
    std::string principal_;
    std::string member_;  // the name alone
    MemberKind kind_ = MemberKind::user;
    std::vector<policy::AttachedPolicy> rights_;
    std::vector<policy::AttachedPolicy> scopes_;  // one of them has to allow it as well
    std::string remote_address_;
    std::string user_agent_;
    std::string request_id_;
    bool secure_ = false;
    Rank rank_ = Rank::member;
    bool developer_ = false;  // may do everything
    bool has_token_ = false;
    bool has_scopes_ = false;
    Clock* clock_ = nullptr;
    LimitsPtr limits_;
    std::shared_ptr<TenantMeter> meter_;
};

struct GateOptions {
    bool development = false;
    TenantId default_tenant;
};

// An action of the platform's, which only its administrators may be allowed.
bool is_platform_action(std::string_view action);

class Gate {
  public:
    // All must outlive it.
    Gate(GateOptions options, Directory& directory, Tokens& tokens, Meters& meters, Clock& clock)
        : options_(options),
          directory_(directory),
          tokens_(tokens),
          meters_(meters),
          clock_(clock) {}

    // Who the request is from, for an action of this name; whether it may be carried out on what it
    // names is asked of the actor. unauthenticated for a missing or wrong key, or one that may not
    // be used any more; permission_denied `tenant_not_allowed` where the credential may not act for
    // the tenant, whether there is such a tenant or not, `tenant_suspended`, and `not_permitted`
    // for a member of a tenant that asks for an action of the platform; invalid_argument
    // `tenant_required` where a member of the platform has not said in which tenant to act,
    // `malformed_tenant_id` for one that is written like an id and is none; and what limits
    // refuse (TenantMeter::admit_request()).
    //
    // nullopt: the catalog must be asked, which may block; enter() does it.
    std::optional<Result<Actor>> enter_from_memory(const Credential& credential,
                                                   std::string_view action,
                                                   const RequestOrigin& origin) const;
    Result<Actor> enter(const Credential& credential, std::string_view action,
                        const RequestOrigin& origin) const;
    bool development() const { return options_.development; }

  private:
    enum class Source : uint8_t { memory, catalog };
    using Entered = std::optional<Result<Actor>>;

    Entered enter_from(Source source, const Credential& credential, std::string_view action) const;
    // Limits and meters a request whose actor is known.
    Status admit(Actor& actor, const RequestOrigin& origin) const;
    // nullopt: not in memory.
    std::optional<Result<KeyOwner>> owner(Source source, std::string_view key) const;
    std::optional<Result<TenantViewPtr>> view(Source source, const TenantId& id) const;
    Entered enter_as_developer(Source source, const Credential& credential,
                               std::string_view action) const;
    Entered enter_as_member(Source source, const KeyOwner& owner, const Credential& credential,
                            std::string_view action) const;
    Entered enter_with_token(Source source, const Credential& credential,
                             std::string_view action) const;
    std::optional<Result<KeyOwner>> remembered_owner(Source source, std::string_view key) const;
    Entered enter_where_the_header_says(Source source, const KeyOwner& owner,
                                        std::string_view tenant) const;
    Entered enter_as_administrator(Source source, const KeyOwner& owner,
                                   const Credential& credential, std::string_view action) const;
    // The rights that grants of the actor's tenant give an administrator.
    void use_grants(std::string_view administrator, Actor& actor) const;

    const GateOptions options_;
    Directory& directory_;
    Tokens& tokens_;
    Meters& meters_;
    Clock& clock_;
};

}  // namespace insula::tenancy
