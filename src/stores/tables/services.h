// What the table store stands on. One object a node; everything in it outlives the store.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "core/catalog/catalog.h"
#include "core/tenancy/storage_account.h"
#include "platform/fs/file_system.h"
#include "platform/journal/journal.h"
#include "platform/runtime/clock.h"
#include "platform/runtime/memory_budget.h"
#include "stores/tables/attached/discovery.h"
#include "stores/tables/engine_host.h"
#include "stores/tables/files/stored_file.h"

namespace insula::tables {

struct TableLimits {
    uint64_t source_memtable_bytes = 96ull << 20;  // a source's memtable is flushed from here on
    uint64_t source_memory_bytes = 192ull
                                   << 20;      // a source's writers wait for a flush from here on
    uint64_t node_flush_bytes = 256ull << 20;  // of all memtables: from here on the largest go
    uint64_t journal_bytes =
        1ull << 30;  // needed journal from which the oldest memtable is flushed
    // A memtable of at most so much that holds the oldest needed record is written to the journal's
    // head once more instead of to a file, as long as all such remainders come to no more than
    // remainders_bytes_max: a part of journal_bytes, or they alone would fill it.
    uint64_t remainder_bytes = 256ull << 10;
    uint64_t remainders_bytes_max = 64ull << 20;
    uint64_t record_bytes_max = 40ull << 20;  // larger batches go to a file at once
    uint64_t clean_stop_bytes = 16ull << 20;  // memtables above it are flushed by a clean stop
    // A flush makes a file for each value of the partition columns that has so many bytes in
    // memory, about a row group; values with less share a file with their neighbours. A file costs
    // each query some 30 us, a hundredth of what reading so much takes.
    uint64_t partition_file_bytes = 4ull << 20;
    size_t partition_files_max = 64;  // of one flush; beyond it more values share a file
    size_t sources_max = 10'000;      // a tenant
    bool create_sources = true;       // by the first write to an unknown one
};

struct Services {
    FileSystem& fs;
    Clock& clock;
    catalog::Catalog& catalog;
    EngineHost& engines;
    OpenFiles& open_files;
    MemoryBudget& memtables;
    std::string data_directory;
    TableLimits limits;
    // Set once replay is done; until then all that was read is durable by definition.
    std::atomic<journal::Journal*> journal{nullptr};
    // Asked before anything new is stored; must be quick.
    std::function<Status()> admit_write = [] { return Status(); };
    // How much each tenant has stored, and may store.
    std::shared_ptr<tenancy::StorageAccounts> storage =
        std::make_shared<tenancy::StorageAccounts>();
    // What a tenant may use. Must be quick.
    std::function<tenancy::LimitsPtr(const TenantId&)> limits_of = [](const TenantId&) {
        return std::make_shared<const tenancy::Limits>();
    };
    // Directories whose files may be attached to sources.
    AllowedRoots attachable;
    // Called after a write when a flush may be due; must be quick.
    std::function<void()> flush_wanted = [] {};

    Lsn durable() const {
        const journal::Journal* open = journal.load();
        return open == nullptr ? Lsn{StreamId{UINT64_MAX}, UINT64_MAX} : open->durable();
    }
};

}  // namespace insula::tables
