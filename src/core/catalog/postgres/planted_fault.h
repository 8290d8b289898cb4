// Faults that tests plant into the catalog on PostgreSQL, to prove that their harness can fail.
// Always `none` in the product.
#pragma once

#include <cstdint>

namespace insula::catalog {

enum class PlantedFault : uint8_t {
    none,
    repeat_without_key,        // a change whose outcome is unknown is sent again as a new one
    take_unknown_for_refused,  // … is answered as if it had certainly not been carried out
    take_unknown_for_done,     // … is answered as if it had been
    ignore_epoch,              // a commit's epoch is not compared
    epoch_without_lock,        // … is compared, and may be raised before the commit is done
    ignore_node,               // changes of a process that owns the node no longer are carried out
    node_without_lock,         // … are refused, but for those that have looked at it before
    natural_collation,         // names are compared as people do, not bytewise
    migrate_in_pieces,         // a step's version and its statements are transactions of their own
    migrate_unguarded,         // without the lock that lets one node migrate at a time
};

}  // namespace insula::catalog
