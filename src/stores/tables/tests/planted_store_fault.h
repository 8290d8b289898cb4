// Faults that the tests plant around the store, to prove that their harness can fail: wrappers
// around the journal, the catalog and the file system that break one promise each.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/catalog/catalog.h"
#include "platform/fs/file_system.h"
#include "platform/journal/journal.h"

namespace insula::tables::durability {

enum class StoreFault : uint8_t {
    none,
    // journal
    acknowledge_before_sync,  // durable() moves before the bytes are synced
    skip_journal_sync,        // segments are never synced
    recycle_early,            // a segment goes while a record in it is needed
    release_too_much,         // what memtables still need is released
    flush_without_waiting,    // a flush does not wait until its records are durable
    restate_as_write,         // a restatement is an ordinary record: it always counts
    // files
    skip_file_sync,            // a data file is renamed without a sync
    skip_file_directory_sync,  // its name is not made durable
    delete_before_commit,      // a removed source's files go before the catalog says so
    // catalog
    publish_before_commit,  // a commit is answered before it is carried out
    flushed_lsn_too_far,    // the first record after a flush counts as flushed
    replay_flushed_records,
    forget_keys,         // a flush commits without its idempotency keys
    forget_columns,      // or without the columns that are new
    forget_row_ids,      // or without the next row id
    commit_one_by_one,   // the files of a flush are named one after the other
    forget_a_file,       // or all but one of them
    forget_restatement,  // the commit of a restatement is answered and not carried out
    count,
};

std::string_view fault_name(StoreFault fault);

// The journal's own seam for the faults that it can plant itself.
journal::PlantedFault planted_in_journal(StoreFault fault);

// A journal in manual mode that writes and syncs when somebody waits, as the real one's thread
// would.
std::unique_ptr<journal::Journal> waiting_journal(std::unique_ptr<journal::Journal> journal,
                                                  StoreFault fault);
// `fs` and `data_directory` are those of the store: delete_before_commit deletes there.
std::unique_ptr<catalog::Catalog> faulty_catalog(std::unique_ptr<catalog::Catalog> catalog,
                                                 FileSystem& fs, std::string data_directory,
                                                 StoreFault fault);
std::unique_ptr<FileSystem> file_system_without_syncs(FileSystem& fs, StoreFault fault);

}  // namespace insula::tables::durability
