#include "server/offline/key_reset.h"

#include "core/tenancy/first_start.h"
#include "server/data_directory.h"
#include "server/node_catalog.h"

namespace insula::server {

Result<std::string> reset_administrator_key(const config::ServerConfig& config, FileSystem& fs,
                                            Clock& clock, Random& random) {
    ASSIGN_OR_RETURN(const DataDirectory directory,
                     DataDirectory::open_stopped(fs, config.data_dir));
    ASSIGN_OR_RETURN(const auto catalog,
                     open_node_catalog(config, fs, clock, random, directory, [] { return false; }));
    ASSIGN_OR_RETURN(const auto tenants, tenancy::Directory::open(*catalog));
    ASSIGN_OR_RETURN(std::string key,
                     tenancy::reset_administrator_key(*tenants, random, clock.wall_now()));
    RETURN_IF_ERROR(catalog->close());
    return key;
}

}  // namespace insula::server
