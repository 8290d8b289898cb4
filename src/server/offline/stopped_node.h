// StoppedNode: the data directory of a node that is not running, held by its lock so that none
// starts meanwhile. What looks at it changes nothing: the catalog is read through a view in which
// writes stay in memory. Used by one thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "core/catalog/catalog.h"
#include "platform/fs/file_system.h"
#include "platform/fs/frozen_file_system.h"
#include "platform/runtime/clock.h"
#include "server/data_directory.h"

namespace insula::server {

class StoppedNode {
  public:
    // Opens the catalog of a directory whose catalog is not in it.
    using OpenElsewhere =
        std::function<Result<std::unique_ptr<catalog::Catalog>>(const DataDirectory& directory)>;

    // Errors as DataDirectory::open_stopped(). `fs` and `clock` must outlive the node.
    static Result<std::unique_ptr<StoppedNode>> open(FileSystem& fs, Clock& clock,
                                                     const std::string& path,
                                                     OpenElsewhere open_elsewhere);

    FileSystem& fs() { return fs_; }
    Clock& clock() { return clock_; }
    const DataDirectory& directory() const { return directory_; }
    // Whether the catalog is on PostgreSQL; no file of the directory holds it then.
    Result<bool> catalog_is_elsewhere() { return fs_.exists(directory_.pair_path()); }
    // As the next start will see it. Opened at the first call; an error stays the answer.
    Result<catalog::Catalog*> catalog();

  private:
    StoppedNode(FileSystem& fs, Clock& clock, DataDirectory directory, OpenElsewhere open_elsewhere)
        : fs_(fs),
          clock_(clock),
          directory_(std::move(directory)),
          open_elsewhere_(std::move(open_elsewhere)),
          frozen_(fs) {}
    Result<std::unique_ptr<catalog::Catalog>> open_catalog();

    FileSystem& fs_;
    Clock& clock_;
    const DataDirectory directory_;
    const OpenElsewhere open_elsewhere_;
    FrozenFileSystem frozen_;
    std::optional<Result<std::unique_ptr<catalog::Catalog>>> catalog_;
};

// Whose records these are, for people. Empty where the catalog cannot be read.
class Names {
  public:
    struct SourceName {
        std::string source_id;
        Lsn flushed_lsn;
    };

    // Fails only with the catalog's own error.
    static Result<Names> load(catalog::Catalog& catalog);

    // "acme", or the UUID.
    std::string tenant(const TenantId& tenant) const;
    // Nothing for a source that was removed, or that is not known.
    const SourceName* source(SourceIncarnation incarnation) const;
    // By UUID or slug.
    std::optional<TenantId> find_tenant(std::string_view text) const;
    // By id, in any tenant, or by incarnation.
    std::vector<SourceIncarnation> find_sources(std::string_view text) const;

  private:
    std::unordered_map<TenantId, std::string> tenants_;
    std::unordered_map<SourceIncarnation, SourceName> sources_;
};

}  // namespace insula::server
