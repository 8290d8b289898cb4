#include "core/tenancy/directory.h"

#include <algorithm>
#include <set>

#include "base/check.h"
#include "platform/runtime/log.h"

namespace insula::tenancy {

using catalog::ChangeDirectory;
using catalog::DirectoryEntry;
using catalog::Tenant;

namespace {

Error unknown_tenant() { return not_found("unknown_tenant", "There is no such tenant."); }

// Makes room for one more: which one goes is left to chance, as every one can be read again.
template <class Map>
void bound(Map& map, size_t size_max) {
    if (map.size() >= size_max) map.erase(map.begin());
}

std::set<TenantId> touched_by(const ChangeDirectory& change) {
    std::set<TenantId> touched;
    for (const catalog::PutEntry& put : change.put) touched.insert(put.entry.tenant);
    for (const catalog::EntryName& name : change.remove) touched.insert(name.tenant);
    if (change.add_tenant) touched.insert(change.add_tenant->id);
    if (change.update_tenant) touched.insert(change.update_tenant->id);
    if (change.remove_tenant) touched.insert(*change.remove_tenant);
    return touched;
}

Result<NetworksPtr> parse_networks(std::span<const std::string> texts) {
    auto ranges = std::make_shared<std::vector<policy::IpRange>>();
    for (const std::string& text : texts) {
        const auto range = policy::parse_ip_range(text);
        if (!range) return fail(data_loss("a tenant's network is none: " + text));
        ranges->push_back(*range);
    }
    return ranges;
}

bool changes_plans(const ChangeDirectory& change) {
    const auto is_plan = [](catalog::EntryKind kind) { return kind == catalog::EntryKind::plan; };
    return std::ranges::any_of(change.put, is_plan,
                               [](const catalog::PutEntry& put) { return put.entry.kind; }) ||
           std::ranges::any_of(change.remove, is_plan, &catalog::EntryName::kind);
}

}  // namespace

Result<std::unique_ptr<Directory>> Directory::open(catalog::Catalog& catalog,
                                                   const Limits& defaults) {
    std::unique_ptr<Directory> directory(new Directory(catalog, defaults));
    RETURN_IF_ERROR(directory->read_tenants());
    return directory;
}

// With changing_ held, or before anybody else has the directory.
Status Directory::read_tenants() {
    ASSIGN_OR_RETURN(std::vector<Tenant> rows, catalog_.tenants());
    ASSIGN_OR_RETURN(const std::vector<DirectoryEntry> platform, catalog_.directory(TenantId()));
    const std::unique_lock lock(mutex_);
    tenants_.clear();
    slugs_.clear();
    plans_.clear();
    for (const DirectoryEntry& entry : platform) {
        if (entry.kind != catalog::EntryKind::plan) continue;
        ASSIGN_OR_RETURN(Plan plan, plan_of(entry));
        plans_.insert_or_assign(plan.name, plan.limits);
    }
    for (Tenant& tenant : rows) RETURN_IF_ERROR(put_row(std::move(tenant)));
    rows_in_doubt_ = false;
    return {};
}

std::vector<Tenant> Directory::tenants() const {
    const std::shared_lock lock(mutex_);
    std::vector<Tenant> all;
    all.reserve(tenants_.size());
    for (const auto& [slug, id] : slugs_) all.push_back(tenants_.at(id).tenant);
    return all;
}

std::optional<Tenant> Directory::find(const TenantId& id) const {
    const std::shared_lock lock(mutex_);
    const auto found = tenants_.find(id);
    if (found == tenants_.end()) return std::nullopt;
    return found->second.tenant;
}

std::optional<Tenant> Directory::find(std::string_view name) const {
    {
        const std::shared_lock lock(mutex_);
        if (const auto slug = slugs_.find(name); slug != slugs_.end()) {
            return tenants_.at(slug->second).tenant;
        }
    }
    const auto id = TenantId::parse(name);
    return id ? find(*id) : std::nullopt;
}

LimitsPtr Directory::limits(const TenantId& id) const {
    static const LimitsPtr kNone = std::make_shared<const Limits>();
    const std::shared_lock lock(mutex_);
    const auto found = tenants_.find(id);
    return found == tenants_.end() ? kNone : found->second.limits;
}

NetworksPtr Directory::networks(const TenantId& id) const {
    const std::shared_lock lock(mutex_);
    const auto found = tenants_.find(id);
    return found == tenants_.end() ? nullptr : found->second.networks;
}

TenantProfile Directory::profile(const TenantId& id) const {
    const std::shared_lock lock(mutex_);
    const auto found = tenants_.find(id);
    return found == tenants_.end() ? TenantProfile() : found->second.profile;
}

bool Directory::has_plan(std::string_view plan) const {
    const std::shared_lock lock(mutex_);
    return plans_.contains(plan);
}

bool Directory::is_plan_in_use(std::string_view plan) const {
    const std::shared_lock lock(mutex_);
    return std::ranges::any_of(tenants_,
                               [&](const auto& row) { return row.second.profile.plan == plan; });
}

TenantViewPtr Directory::view_in_memory(const TenantId& id) const {
    const std::shared_lock lock(mutex_);
    const auto found = views_.find(id);
    return found == views_.end() ? nullptr : found->second;
}

Result<TenantViewPtr> Directory::view(const TenantId& id) {
    if (TenantViewPtr view = view_in_memory(id)) return view;
    // No change while it is read: an older view would hide it.
    const std::lock_guard changing(changing_);
    if (TenantViewPtr view = view_in_memory(id)) return view;
    if (rows_in_doubt_) RETURN_IF_ERROR(read_tenants());
    return load(id);
}

// With changing_ held.
Result<TenantViewPtr> Directory::load(const TenantId& id) {
    Tenant tenant;
    if (id != TenantId()) {
        const auto found = find(id);
        if (!found) return fail(unknown_tenant());
        tenant = *found;
    }
    ASSIGN_OR_RETURN(const std::vector<DirectoryEntry> entries, catalog_.directory(id));
    ASSIGN_OR_RETURN(TenantViewPtr view, TenantView::make(std::move(tenant), entries));
    keep(view);
    return view;
}

void Directory::keep(const TenantViewPtr& view) {
    const std::unique_lock lock(mutex_);
    const TenantId& id = view->tenant().id;
    if (!views_.contains(id)) bound(views_, kViewsMax);
    views_[id] = view;
}

void Directory::keep_owner(std::string_view key_hash, const TenantId& tenant) {
    const std::unique_lock lock(mutex_);
    bound(key_tenants_, kKnownKeysMax);
    key_tenants_.insert_or_assign(std::string(key_hash), tenant);
}

std::optional<KeyOwner> Directory::owner_in(TenantViewPtr view, std::string_view key_hash) {
    KeyOwner owner{.view = std::move(view)};
    owner.key = owner.view->key_by_hash(key_hash);
    if (owner.key != nullptr) {
        owner.member = owner.view->member(owner.key->owner_kind, owner.key->owner);
    }
    if (owner.member == nullptr) return std::nullopt;
    return owner;
}

std::optional<KeyOwner> Directory::owner_in_memory(std::string_view key_hash) const {
    TenantViewPtr view;
    {
        const std::shared_lock lock(mutex_);
        const auto tenant = key_tenants_.find(key_hash);
        if (tenant == key_tenants_.end()) return std::nullopt;
        const auto found = views_.find(tenant->second);
        if (found == views_.end()) return std::nullopt;
        view = found->second;
    }
    return owner_in(std::move(view), key_hash);
}

Result<std::optional<KeyOwner>> Directory::owner(std::string_view key_hash) {
    if (auto owner = owner_in_memory(key_hash)) return owner;
    ASSIGN_OR_RETURN(const auto entry, catalog_.find_entry(key_hash));
    if (!entry || entry->kind != catalog::EntryKind::api_key) return std::nullopt;
    auto found = view(entry->tenant);
    if (!found && found.error().code() == Code::not_found) return std::nullopt;
    RETURN_IF_ERROR(found);
    auto owner = owner_in(*found, key_hash);
    if (owner) keep_owner(key_hash, entry->tenant);
    return owner;
}

Status Directory::change(const TenantId& id, const MakeChange& make) {
    const std::lock_guard changing(changing_);
    if (rows_in_doubt_) RETURN_IF_ERROR(read_tenants());
    TenantViewPtr view = view_in_memory(id);
    if (!view) {
        ASSIGN_OR_RETURN(view, load(id));
    }
    ASSIGN_OR_RETURN(const ChangeDirectory change, make(*view));
    const auto revision = catalog_.change_directory(change);
    if (revision) {
        apply(change, *revision);
        return {};
    }
    if (catalog::is_in_doubt(revision.error())) forget(change);
    return fail(revision.error());
}

void Directory::apply(const ChangeDirectory& change, uint64_t revision) {
    const std::unique_lock lock(mutex_);
    for (const TenantId& id : touched_by(change)) views_.erase(id);
    change_plans(change);
    if (change.add_tenant) {
        Tenant tenant = *change.add_tenant;
        tenant.epoch = {};
        tenant.revision = revision;
        put_changed_row(std::move(tenant));
    }
    if (change.update_tenant) {
        Tenant tenant = *change.update_tenant;
        tenant.revision = revision;
        if (const auto held = tenants_.find(tenant.id); held != tenants_.end()) {
            tenant.epoch = held->second.tenant.epoch;
            tenant.created_at = held->second.tenant.created_at;
        }
        erase_row(tenant.id);
        put_changed_row(std::move(tenant));
    }
    if (change.remove_tenant) erase_row(*change.remove_tenant);
}

// Whoever was to be suspended must not go on because nobody knows whether he was: a tenant whose
// row is in doubt is not there until the rows were read again.
void Directory::forget(const ChangeDirectory& change) {
    {
        const std::unique_lock lock(mutex_);
        for (const TenantId& id : touched_by(change)) views_.erase(id);
        const bool rows = change.add_tenant || change.update_tenant || change.remove_tenant;
        if (!rows && !changes_plans(change)) return;
        for (const TenantId& id : touched_by(change)) erase_row(id);
    }
    rows_in_doubt_ = true;
    if (const Status read = read_tenants(); !read) {
        log::warn("the tenants' rows could not be read again",
                  {{"error", read.error().describe()}});
    }
}

Status Directory::put_row(Tenant tenant) {
    ASSIGN_OR_RETURN(TenantProfile profile, read_profile(tenant.profile));
    const TenantId id = tenant.id;
    Row row{std::move(tenant), std::move(profile), nullptr, nullptr};
    row.limits = limits_of(row.profile);
    if (row.profile.isolation == IsolationLevel::network) {
        ASSIGN_OR_RETURN(row.networks, parse_networks(row.profile.networks));
    }
    slugs_[row.tenant.slug] = id;
    tenants_.insert_or_assign(id, std::move(row));
    return {};
}

// One that was written by this release can be read.
void Directory::put_changed_row(Tenant tenant) {
    const Status put = put_row(std::move(tenant));
    INSULA_CHECK(put.has_value(), "a profile is read as it was written");
}

LimitsPtr Directory::limits_of(const TenantProfile& profile) const {
    Limits limits = profile.limits;
    if (const auto plan = plans_.find(profile.plan); plan != plans_.end()) {
        limits = with_defaults(limits, plan->second);
    }
    return std::make_shared<const Limits>(with_defaults(limits, defaults_));
}

void Directory::change_plans(const ChangeDirectory& change) {
    if (!changes_plans(change)) return;
    for (const catalog::PutEntry& put : change.put) {
        if (put.entry.kind != catalog::EntryKind::plan) continue;
        const auto plan = plan_of(put.entry);
        INSULA_CHECK(plan.has_value(), "a plan is read as it was written");
        plans_.insert_or_assign(plan->name, plan->limits);
    }
    for (const catalog::EntryName& name : change.remove) {
        if (name.kind == catalog::EntryKind::plan) plans_.erase(name.name);
    }
    for (auto& [id, row] : tenants_) row.limits = limits_of(row.profile);
}

void Directory::erase_row(const TenantId& id) {
    const auto found = tenants_.find(id);
    if (found == tenants_.end()) return;
    slugs_.erase(found->second.tenant.slug);
    tenants_.erase(found);
}

}  // namespace insula::tenancy
