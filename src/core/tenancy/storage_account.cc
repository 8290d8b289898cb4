#include "core/tenancy/storage_account.h"

#include <array>
#include <utility>

#include "base/check.h"
#include "core/tenancy/meter.h"

namespace insula::tenancy {

namespace {

struct Quota {
    std::string_view limit;
    uint64_t Stored::* part;
};
constexpr std::array kQuotas{Quota{"storage_bytes", &Stored::bytes}, Quota{"rows", &Stored::rows},
                             Quota{"sources", &Stored::sources}};

}  // namespace

StorageGrant::StorageGrant(StorageGrant&& other) noexcept
    : account_(std::move(other.account_)), stored_(std::exchange(other.stored_, {})) {}

StorageGrant& StorageGrant::operator=(StorageGrant&& other) noexcept {
    if (this != &other) {
        release();
        account_ = std::move(other.account_);
        stored_ = std::exchange(other.stored_, {});
    }
    return *this;
}

void StorageGrant::merge(StorageGrant other) {
    if (!other.account_) return;
    INSULA_CHECK(!account_ || account_ == other.account_, "grants of one account are merged");
    account_ = std::move(other.account_);
    for (const Quota& quota : kQuotas) stored_.*quota.part += other.stored_.*quota.part;
    other.stored_ = {};
}

void StorageGrant::lower_bytes_to(uint64_t bytes) {
    if (bytes >= stored_.bytes) return;
    account_->give_back({.bytes = stored_.bytes - bytes});
    stored_.bytes = bytes;
}

Status StorageGrant::raise_bytes_to(uint64_t bytes) {
    if (bytes <= stored_.bytes) return {};
    INSULA_CHECK(account_ != nullptr, "a grant that is empty has no account");
    RETURN_IF_ERROR(account_->take({.bytes = bytes - stored_.bytes}));
    stored_.bytes = bytes;
    return {};
}

void StorageGrant::release() {
    if (account_) account_->give_back(stored_);
    account_ = nullptr;
    stored_ = {};
}

Result<StorageGrant> StorageAccount::reserve(const Stored& wanted) {
    RETURN_IF_ERROR(take(wanted));
    return StorageGrant(shared_from_this(), wanted);
}

StorageGrant StorageAccount::reserve_anyway(const Stored& stored) {
    const std::lock_guard lock(mutex_);
    for (const Quota& quota : kQuotas) used_.*quota.part += stored.*quota.part;
    return {shared_from_this(), stored};
}

Stored StorageAccount::used() const {
    const std::lock_guard lock(mutex_);
    return used_;
}

const LimitField* StorageAccount::exceeded_by(const Stored& wanted, const Limits& limits) const {
    for (const Quota& quota : kQuotas) {
        const uint64_t more = wanted.*quota.part;
        const LimitField* field = find_limit(quota.limit);
        const std::optional<uint64_t>& most = limits.*field->value;
        const uint64_t used = used_.*quota.part;
        if (more > 0 && most && (used > *most || more > *most - used)) return field;
    }
    return nullptr;
}

Status StorageAccount::check(const Stored& wanted) const {
    const std::lock_guard lock(mutex_);
    const auto limits = limits_();
    const LimitField* field = exceeded_by(wanted, *limits);
    if (field == nullptr) return {};
    return fail(limit_refusal(*field, *limits));
}

Status StorageAccount::take(const Stored& wanted) {
    const std::lock_guard lock(mutex_);
    const auto limits = limits_();
    if (const LimitField* field = exceeded_by(wanted, *limits)) {
        count_refusal_(*field);
        return fail(limit_refusal(*field, *limits));
    }
    for (const Quota& quota : kQuotas) used_.*quota.part += wanted.*quota.part;
    return {};
}

void StorageAccount::give_back(const Stored& stored) {
    const std::lock_guard lock(mutex_);
    for (const Quota& quota : kQuotas) {
        INSULA_CHECK(used_.*quota.part >= stored.*quota.part, "no more is given back than taken");
        used_.*quota.part -= stored.*quota.part;
    }
}

StorageAccounts::StorageAccounts()
    : StorageAccounts(
          [](const TenantId&) {
              static const auto kNone = std::make_shared<const Limits>();
              return kNone;
          },
          [](const TenantId&, const LimitField&) {}) {}

StorageAccounts::StorageAccounts(FindLimits limits, CountRefusal count_refusal)
    : limits_(std::move(limits)), count_refusal_(std::move(count_refusal)) {}

std::shared_ptr<StorageAccount> StorageAccounts::of(const TenantId& tenant) {
    const std::lock_guard lock(mutex_);
    std::shared_ptr<StorageAccount>& account = accounts_[tenant];
    if (!account) {
        account = std::make_shared<StorageAccount>(
            [limits = limits_, tenant] { return limits(tenant); },
            [count = count_refusal_, tenant](const LimitField& field) { count(tenant, field); });
    }
    return account;
}

void StorageAccounts::forget(const TenantId& tenant) {
    const std::lock_guard lock(mutex_);
    accounts_.erase(tenant);
}

}  // namespace insula::tenancy
