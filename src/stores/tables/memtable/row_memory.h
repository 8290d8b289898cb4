// RowMemory: what rows in memory take of two budgets, that of all memtables and that of their own
// source, and of what their tenant may store. Move-only; not thread-safe.
#pragma once

#include <cstdint>
#include <utility>

#include "core/tenancy/storage_account.h"
#include "platform/runtime/memory_budget.h"

namespace insula::tables {

struct RowMemory {
    MemoryGrant all;
    MemoryGrant own;
    tenancy::StorageGrant stored;

    void merge(RowMemory other) {
        all.merge(std::move(other.all));
        own.merge(std::move(other.own));
        stored.merge(std::move(other.stored));
    }
    // In memory: see MemoryGrant::hold().
    void hold(uint64_t bytes) {
        all.hold(bytes);
        own.hold(bytes);
    }
};

}  // namespace insula::tables
