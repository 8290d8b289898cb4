#include "server/offline/key_reset.h"

#include "core/tenancy/gate.h"
#include "server/data_directory.h"
#include "server/node_catalog.h"

namespace insula::server {

Result<std::string> reset_administrator_key(const config::ServerConfig& config, FileSystem& fs,
                                            Clock& clock, Random& random) {
    ASSIGN_OR_RETURN(const DataDirectory directory,
                     DataDirectory::open_stopped(fs, config.data_dir));
    ASSIGN_OR_RETURN(const auto catalog,
                     open_node_catalog(config, fs, clock, random, directory, [] { return false; }));
    const tenancy::AdministratorKey key = tenancy::make_administrator_key(random);
    RETURN_IF_ERROR(tenancy::store_administrator_key(*catalog, key));
    RETURN_IF_ERROR(catalog->close());
    return *key.created;
}

}  // namespace insula::server
