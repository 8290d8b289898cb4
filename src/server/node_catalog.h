// The catalog of a node: control.db in its data directory, or a schema on PostgreSQL.
//
// A data directory belongs to one catalog and a catalog, while bytes are on local disks, to one
// data directory: with another one, replay would drop the records of sources that it does not know.
// The file CATALOG names the node that both belong to (docs/formats/data-directory.md). Of two
// processes of one node, on copies of its directory, the one that started last owns the catalog.
#pragma once

#include <functional>
#include <memory>

#include "base/result.h"
#include "core/catalog/catalog.h"
#include "platform/fs/file_system.h"
#include "platform/runtime/clock.h"
#include "platform/runtime/random.h"
#include "server/config/server_config.h"
#include "server/data_directory.h"

namespace insula::server {

// Waits for PostgreSQL as long as the configuration says, or until `give_up`.
// "data_directory_catalog" if directory and catalog belong to others.
Result<std::unique_ptr<catalog::Catalog>> open_node_catalog(const config::ServerConfig& config,
                                                            FileSystem& fs, Clock& clock,
                                                            Random& random,
                                                            const DataDirectory& directory,
                                                            std::function<bool()> give_up);
// The one on PostgreSQL of a node that does not run, to be read; nothing is waited for.
Result<std::unique_ptr<catalog::Catalog>> look_at_catalog(const config::ServerConfig& config,
                                                          FileSystem& fs, Clock& clock,
                                                          Random& random,
                                                          const DataDirectory& directory);

}  // namespace insula::server
