// StorageAccounts: how much each tenant has stored, in whichever store, counted exactly: room is
// reserved before anything is written, so that writers side by side never go beyond a quota
// together. Bytes are those of rows as they stand in memory, before compression: how they are
// packed changes nothing. Thread-safe; accounts and grants may outlive the accounts' owner.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "base/ids.h"
#include "base/result.h"
#include "core/tenancy/limits.h"

namespace insula::tenancy {

struct Stored {
    uint64_t bytes = 0;
    uint64_t rows = 0;
    uint64_t sources = 0;
    bool operator==(const Stored&) const = default;
};

class StorageAccount;

// Part of an account; given back when destroyed. Move-only; not thread-safe itself.
class StorageGrant {
  public:
    StorageGrant() = default;
    StorageGrant(StorageGrant&& other) noexcept;
    StorageGrant& operator=(StorageGrant&& other) noexcept;
    ~StorageGrant() { release(); }

    const Stored& stored() const { return stored_; }
    // Both of one account, or one of them empty.
    void merge(StorageGrant other);
    // Gives back what it holds beyond so many bytes.
    void lower_bytes_to(uint64_t bytes);
    // At least so many bytes, where the quota has them. Not for an empty grant.
    Status raise_bytes_to(uint64_t bytes);
    void release();

  private:
    friend class StorageAccount;
    StorageGrant(std::shared_ptr<StorageAccount> account, const Stored& stored)
        : account_(std::move(account)), stored_(stored) {}

    std::shared_ptr<StorageAccount> account_;
    Stored stored_;
};

// Refuses what would exceed a quota: see limit_refusal().
class StorageAccount : public std::enable_shared_from_this<StorageAccount> {
  public:
    using FindLimits = std::function<std::shared_ptr<const Limits>()>;
    using CountRefusal = std::function<void(const LimitField&)>;
    StorageAccount(FindLimits limits, CountRefusal count_refusal)
        : limits_(std::move(limits)), count_refusal_(std::move(count_refusal)) {}

    Result<StorageGrant> reserve(const Stored& wanted);
    // Whether it would be refused now; nothing is reserved or counted.
    Status check(const Stored& wanted) const;
    // For what is stored already.
    StorageGrant reserve_anyway(const Stored& stored);
    Stored used() const;

  private:
    friend class StorageGrant;
    Status take(const Stored& wanted);
    // The limit that refuses it; nullptr: none. With mutex_ held.
    const LimitField* exceeded_by(const Stored& wanted, const Limits& limits) const;
    void give_back(const Stored& stored);

    const FindLimits limits_;  // called with the lock held; quick
    const CountRefusal count_refusal_;
    mutable std::mutex mutex_;
    Stored used_;
};

class StorageAccounts {
  public:
    using FindLimits = std::function<std::shared_ptr<const Limits>(const TenantId&)>;
    using CountRefusal = std::function<void(const TenantId&, const LimitField&)>;
    // Nothing is limited.
    StorageAccounts();
    StorageAccounts(FindLimits limits, CountRefusal count_refusal);

    // The tenant's, made where it has none.
    std::shared_ptr<StorageAccount> of(const TenantId& tenant);
    // Once it was removed.
    void forget(const TenantId& tenant);

  private:
    const FindLimits limits_;
    const CountRefusal count_refusal_;
    std::mutex mutex_;
    std::unordered_map<TenantId, std::shared_ptr<StorageAccount>> accounts_;
};

}  // namespace insula::tenancy
