#include "core/tenancy/gate.h"

#include <algorithm>
#include <map>
#include <mutex>

#include "core/policy/request_attributes.h"
#include "core/tenancy/built_in_roles.h"
#include "core/tenancy/planted_fault.h"
#include "platform/crypto/hash.h"
#include "platform/json/time_text.h"

namespace insula::tenancy {

namespace {

constexpr std::string_view kPlatformService = "node:";
constexpr std::string_view kDeveloper = "developer";

// Five groups with the lengths of a UUID's.
bool is_written_like_an_id(std::string_view text) {
    constexpr std::string_view kShape = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    if (text.size() != kShape.size()) return false;
    for (size_t i = 0; i < text.size(); ++i) {
        if ((text[i] == '-') != (kShape[i] == '-')) return false;
    }
    return true;
}

Error no_credential() {
    return Error(Code::unauthenticated, "unauthenticated", "The request has no credential.")
        .with_hint("Send a key as \"Authorization: Bearer …\".");
}

// One answer whatever is wrong with it, so that nobody learns that a key was once good.
Error invalid_key(std::string_view detail) {
    return Error(Code::unauthenticated, "unauthenticated", "The key is not valid.")
        .with_detail(detail);
}

Error tenant_not_allowed() {
    return {Code::permission_denied, "tenant_not_allowed",
            "The credential may not act for this tenant."};
}

Error tenant_suspended() {
    return Error(Code::permission_denied, "tenant_suspended", "The tenant is suspended.")
        .with_hint("Its data is kept. An administrator of the platform can resume it.");
}

Error tenant_required() {
    return invalid_argument("tenant_required",
                            "An administrator of the platform acts in a tenant only by name.")
        .with_hint(
            "Send its id or short name as X-Tenant-Id; a grant of the tenant is needed, too.");
}

Error not_permitted(std::string_view action, std::string_view detail) {
    return Error(Code::permission_denied, "not_permitted",
                 "The credential may not do this: " + std::string(action) + ".")
        .with_detail(detail);
}

// Whether the header, where there is one, names the tenant.
Status check_named(const std::optional<std::string_view>& named, const catalog::Tenant& tenant) {
    if (!named || *named == tenant.slug) return {};
    const auto id = TenantId::parse(*named);
    if (!id && is_written_like_an_id(*named)) return fail(id.error());
    if (id && *id == tenant.id) return {};
    return fail(tenant_not_allowed());
}

Status check_network(std::span<const policy::IpRange> networks, std::string_view address) {
    const auto from = policy::parse_ip_address(address);
    const auto contains = [&](const policy::IpRange& network) { return network.contains(*from); };
    if (from && std::ranges::any_of(networks, contains)) return {};
    return fail(Error(Code::permission_denied, "network_not_allowed",
                      "The tenant takes no requests from this network."));
}

Status check_active(const catalog::Tenant& tenant) {
    if (tenant.status == catalog::TenantStatus::active) return {};
    if (is_planted(PlantedFault::suspended_tenant_opens)) return {};
    return fail(tenant_suspended());
}

}  // namespace

bool is_platform_action(std::string_view action) { return action.starts_with(kPlatformService); }

Gate::Entered Gate::enter_from_memory(const Credential& credential, std::string_view action,
                                      const RequestOrigin& origin) const {
    Entered entered = enter_from(Source::memory, credential, action);
    if (!entered || !*entered) return entered;
    if (Status admitted = admit(**entered, origin); !admitted) return fail(admitted.error());
    return entered;
}

Result<Actor> Gate::enter(const Credential& credential, std::string_view action,
                          const RequestOrigin& origin) const {
    Result<Actor> actor = *enter_from(Source::catalog, credential, action);
    if (!actor) return actor;
    RETURN_IF_ERROR(admit(*actor, origin));
    return actor;
}

Status Gate::admit(Actor& actor, const RequestOrigin& origin) const {
    actor.set_origin(origin, clock_);
    const TenantId& tenant = actor.tenant().id;
    if (const NetworksPtr networks = directory_.networks(tenant)) {
        RETURN_IF_ERROR(check_network(*networks, origin.remote_address));
    }
    actor.limits_ = directory_.limits(tenant);
    actor.meter_ = meters_.of(tenant);
    return actor.meter_->admit_request(*actor.limits_, clock_.steady_now());
}

std::optional<Result<KeyOwner>> Gate::owner(Source source, std::string_view key) const {
    const crypto::Sha256Digest digest = crypto::sha256(as_bytes(key));
    const std::string_view hash = as_text(digest);
    if (source == Source::memory) {
        auto owner = directory_.owner_in_memory(hash);
        if (!owner) return std::nullopt;
        return *std::move(owner);
    }
    auto found = directory_.owner(hash);
    if (!found) return fail(std::move(found).error());
    if (!*found) return fail(invalid_key("no such key"));
    return **std::move(found);
}

std::optional<Result<TenantViewPtr>> Gate::view(Source source, const TenantId& id) const {
    if (source == Source::catalog) return directory_.view(id);
    TenantViewPtr view = directory_.view_in_memory(id);
    if (view == nullptr) return std::nullopt;
    return view;
}

// For planted faults alone, as is the one below.
std::optional<Result<KeyOwner>> Gate::remembered_owner(Source source, std::string_view key) const {
    static std::mutex mutex;
    static std::map<std::string, KeyOwner, std::less<>> owners;
    const std::lock_guard lock(mutex);
    if (const auto known = owners.find(key); known != owners.end()) return known->second;
    auto found = owner(source, key);
    if (found && *found) owners.emplace(key, **found);
    return found;
}

Gate::Entered Gate::enter_where_the_header_says(Source source, const KeyOwner& owner,
                                                std::string_view tenant) const {
    const auto named = directory_.find(tenant);
    if (!named) return fail(tenant_not_allowed());
    const auto found = view(source, named->id);
    if (!found) return std::nullopt;
    if (!*found) return fail(found->error());
    Actor actor(**found, principal_name(owner.member->kind, owner.member->name));
    const auto rights = owner.view->rights(*owner.member);
    actor.rights_.assign(rights.begin(), rights.end());
    actor.rank_ = rank_of_roles(owner.member->roles);
    return actor;
}

Gate::Entered Gate::enter_from(Source source, const Credential& credential,
                               std::string_view action) const {
    if (action.empty()) return fail(internal_error("an operation without an action was asked for"));
    if (!credential.key) {
        if (!options_.development) return fail(no_credential());
        return enter_as_developer(source, credential, action);
    }
    if (is_token(*credential.key)) return enter_with_token(source, credential, action);
    const auto found = is_planted(PlantedFault::removed_key_opens)
                           ? remembered_owner(source, *credential.key)
                           : owner(source, *credential.key);
    if (!found) return std::nullopt;
    if (!*found) return fail(found->error());
    const KeyOwner& owner = **found;
    const bool has_expired =
        owner.key->expires_at != 0 && owner.key->expires_at <= clock_.wall_now();
    if (has_expired && !is_planted(PlantedFault::expired_key_opens)) {
        return fail(invalid_key("the key has expired: " + owner.key->id));
    }
    if (owner.member->disabled && !is_planted(PlantedFault::disabled_member_opens))
        return fail(invalid_key("its owner is disabled"));
    if (owner.view->is_platform()) {
        return enter_as_administrator(source, owner, credential, action);
    }
    return enter_as_member(source, owner, credential, action);
}

Gate::Entered Gate::enter_as_developer(Source source, const Credential& credential,
                                       std::string_view action) const {
    const auto found = view(source, options_.default_tenant);
    if (!found) return std::nullopt;
    if (!*found) return fail(found->error());
    const catalog::Tenant& tenant = (**found)->tenant();
    if (const Status named = check_named(credential.tenant, tenant); !named) {
        return fail(named.error());
    }
    if (!is_platform_action(action)) {
        if (const Status active = check_active(tenant); !active) return fail(active.error());
    }
    Actor actor(**found, std::string(kDeveloper));
    actor.developer_ = true;
    actor.rank_ = Rank::owner;
    return actor;
}

Gate::Entered Gate::enter_as_member(Source source, const KeyOwner& owner,
                                    const Credential& credential, std::string_view action) const {
    if (is_planted(PlantedFault::header_chooses_freely) && credential.tenant) {
        return enter_where_the_header_says(source, owner, *credential.tenant);
    }
    const catalog::Tenant& tenant = owner.view->tenant();
    if (const Status named = check_named(credential.tenant, tenant); !named) {
        return fail(named.error());
    }
    if (const Status active = check_active(tenant); !active) return fail(active.error());
    // Whatever the tenant's policies say.
    if (is_platform_action(action) && !is_planted(PlantedFault::platform_is_open)) {
        return fail(not_permitted(action, "an action of the platform"));
    }
    Actor actor(owner.view, principal_name(owner.member->kind, owner.member->name));
    actor.member_ = owner.member->name;
    actor.kind_ = owner.member->kind;
    const auto rights = owner.view->rights(*owner.member);
    actor.rights_.assign(rights.begin(), rights.end());
    actor.rank_ = rank_of_roles(owner.member->roles);
    return actor;
}

Gate::Entered Gate::enter_as_administrator(Source source, const KeyOwner& owner,
                                           const Credential& credential,
                                           std::string_view action) const {
    const std::string name = principal_name(owner.member->kind, owner.member->name);
    Actor actor(owner.view, "platform/" + name);
    actor.member_ = owner.member->name;
    actor.kind_ = owner.member->kind;
    if (is_platform_action(action)) {
        const auto rights = owner.view->rights(*owner.member);
        actor.rights_.assign(rights.begin(), rights.end());
        actor.rank_ = rank_of_roles(owner.member->roles);
        return actor;
    }
    if (!credential.tenant) return fail(tenant_required());
    if (const auto id = TenantId::parse(*credential.tenant);
        !id && is_written_like_an_id(*credential.tenant)) {
        return fail(id.error());
    }
    const auto tenant = directory_.find(*credential.tenant);
    if (!tenant && is_planted(PlantedFault::absent_tenant_is_told)) {
        return fail(not_found("tenant_not_found", "There is no such tenant."));
    }
    if (!tenant) return fail(tenant_not_allowed());
    const auto found = view(source, tenant->id);
    if (!found) return std::nullopt;
    if (!*found) return fail(found->error());
    actor.view_ = **found;
    use_grants(name, actor);
    if (is_planted(PlantedFault::grants_are_not_asked)) {
        actor.rights_.push_back({kOwnerRole, find_built_in_role(kOwnerRole, false)->policy});
    }
    if (actor.rights_.empty()) return fail(tenant_not_allowed());
    // Told only to those whom the tenant has let in.
    if (const Status active = check_active(*tenant); !active) return fail(active.error());
    return actor;
}

// The token says whose it is; what he may do, and whether it counts still, the tenant's view.
Gate::Entered Gate::enter_with_token(Source source, const Credential& credential,
                                     std::string_view action) const {
    const auto claims = tokens_.verify(*credential.key, clock_.wall_now());
    if (!claims) return fail(claims.error());
    const auto found = view(source, (*claims)->tenant);
    if (!found) return std::nullopt;
    if (!*found) {
        const bool gone = found->error().code() == Code::not_found;
        return fail(gone ? token_refused(TokenFault::tenant_wrong) : found->error());
    }
    const TenantViewPtr& view = **found;
    const bool revoked =
        view->has_revoked(**claims) && !is_planted(PlantedFault::revoked_token_opens);
    if (view->is_platform() || revoked) return fail(token_refused(TokenFault::revoked));
    const Member* member = view->member_of_principal((*claims)->subject);
    // Another member of the name has nothing of what was issued to the one before.
    const bool is_his = member != nullptr && !member->disabled &&
                        (*claims)->issued_at >= member->created_at / json::kNanosPerSecond;
    if (!is_his) return fail(token_refused(TokenFault::revoked));
    Entered entered = enter_as_member(source, {view, nullptr, member}, credential, action);
    if (!entered || !*entered) return entered;
    Actor& actor = **entered;
    actor.has_token_ = true;
    actor.has_scopes_ = !(*claims)->scopes.empty();
    bool administers = !actor.has_scopes_;
    for (const std::string& scope : (*claims)->scopes) {
        if (const policy::Policy* allowed = find_scope(scope)) {
            actor.scopes_.push_back({scope, allowed});
        }
        administers = administers || scope == kAdminRole;
    }
    if (actor.has_scopes_) {
        actor.rank_ = std::min(actor.rank_, administers ? Rank::admin : Rank::member);
    }
    return entered;
}

void Gate::use_grants(std::string_view administrator, Actor& actor) const {
    for (const Grant* grant : actor.view_->grants()) {
        const BuiltInRole* role = find_built_in_role(grant->role, false);
        const bool holds = grant->administrator == administrator &&
                           grant->expires_at > clock_.wall_now() && role != nullptr;
        if (!holds) continue;
        actor.rights_.push_back({grant->id, role->policy});
        actor.rank_ = std::max(actor.rank_, rank_of_role(grant->role));
    }
}

std::string Actor::member_principal() const {
    return developer_ ? std::string() : principal_name(kind_, member_);
}

void Actor::set_origin(const RequestOrigin& origin, Clock& clock) {
    remote_address_ = origin.remote_address;
    user_agent_ = origin.user_agent;
    request_id_ = origin.request_id;
    secure_ = origin.secure;
    clock_ = &clock;
}

Result<policy::Decision> Actor::authorise(const Permission& permission) const {
    const bool open =
        is_planted(PlantedFault::policies_are_not_asked) ||
        (is_planted(PlantedFault::platform_is_open) && is_platform_action(permission.action));
    if (developer_ || open) {
        return policy::Decision{
            .allowed = true, .reason = policy::Reason::allowed, .policy = kDeveloper};
    }
    if (is_owners_action(permission.action) && rank_ != Rank::owner) {
        return fail(not_permitted(permission.action, "only an owner may"));
    }
    policy::RequestAttributes attributes(clock_->wall_now());
    const catalog::Tenant& tenant = view_->tenant();
    const std::string id = tenant.id.to_string();
    attributes.set(policy::Key::source_ip, remote_address_);
    attributes.set(policy::Key::user_agent, user_agent_);
    attributes.set(policy::Key::request_id, request_id_);
    attributes.set_secure_transport(secure_);
    attributes.set(policy::Key::username, member_);
    attributes.set(policy::Key::principal_type,
                   kind_ == MemberKind::user ? "User" : "ServiceAccount");
    attributes.set(policy::Key::tenant_id, id);
    attributes.set(policy::Key::tenant_slug, tenant.slug);
    const policy::Request request{
        .action = permission.action,
        .resource = policy::resource_of(permission.action, permission.resource),
        .principal = principal_,
        .context = attributes};
    const policy::Decision decision = policy::evaluate(rights_, request);
    if (!decision.allowed) {
        return fail(not_permitted(permission.action, policy::describe(decision)));
    }
    const bool in_scope = !has_scopes_ || policy::evaluate(scopes_, request).allowed;
    if (!in_scope && !is_planted(PlantedFault::scopes_are_not_asked)) {
        return fail(not_permitted(permission.action, "the token's scopes do not allow it"));
    }
    return decision;
}

}  // namespace insula::tenancy
