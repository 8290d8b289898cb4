#include "server/node_catalog.h"

#include <string>

#include "core/catalog/postgres/postgres_catalog.h"
#include "server/catalog_check.h"

namespace insula::server {

namespace {

constexpr std::string_view kPairFileBegin = "postgresql ";
constexpr uint64_t kPairFileBytesMax = 256;

Error wrong_catalog(std::string message, std::string hint) {
    return Error(Code::failed_precondition, "data_directory_catalog", std::move(message))
        .with_hint(std::move(hint));
}

Error catalog_of_another(const DataDirectory& directory) {
    return wrong_catalog(
        "The catalog on PostgreSQL belongs to another data directory than " + directory.path() +
            ".",
        "Start with that one, or give this one a schema of its own with catalog.schema.");
}

Error where_is_the_catalog(const DataDirectory& directory) {
    return wrong_catalog(
        "The data directory " + directory.path() + " has its catalog on PostgreSQL.",
        "Say where with catalog.url, or INSULA_CATALOG_URL.");
}

// The node whose directory it is; nullopt: none with a catalog on PostgreSQL.
Result<std::optional<catalog::NodeName>> read_node(FileSystem& fs, const DataDirectory& directory) {
    const auto text = read_file(fs, directory.pair_path(), kPairFileBytesMax);
    if (!text && text.error().code() == Code::not_found) return std::nullopt;
    if (!text) return fail(text.error());
    const auto damaged = [&] {
        return fail(data_loss(directory.pair_path() + ": not what a start writes"));
    };
    if (!text->starts_with(kPairFileBegin) || !text->ends_with('\n')) return damaged();
    const size_t begin = kPairFileBegin.size();
    const auto name = catalog::NodeName::parse(text->substr(begin, text->size() - begin - 1));
    if (!name) return damaged();
    return *name;
}

// Whether anything was ever stored in the directory.
Result<bool> holds_data(FileSystem& fs, const DataDirectory& directory) {
    for (const std::string& part : {directory.journal_path(), directory.path() + "/blob"}) {
        ASSIGN_OR_RETURN(const auto entries, fs.list(part));
        if (!entries.empty()) return true;
    }
    return false;
}

Status own(FileSystem& fs, catalog::PostgresCatalog& catalog, Random& random,
           const DataDirectory& directory) {
    ASSIGN_OR_RETURN(auto here, read_node(fs, directory));
    ASSIGN_OR_RETURN(const auto there, catalog.owner());
    if (there && there != here) return fail(catalog_of_another(directory));
    if (!there) {
        ASSIGN_OR_RETURN(const bool data, holds_data(fs, directory));
        if (data) {
            return fail(wrong_catalog(
                "The catalog on PostgreSQL is empty, and the data directory " + directory.path() +
                    " is not: what it holds is named elsewhere.",
                "Check catalog.url and catalog.schema, or restore the catalog from its backup."));
        }
    }
    // The directory first: a start that ends in between comes here again.
    if (!here) {
        here = random.uuid();
        RETURN_IF_ERROR(write_file_durably(fs, directory.pair_path(),
                                           std::string(kPairFileBegin) + here->to_string() + "\n"));
    }
    const Status owned = catalog.own(*here);
    // Another new directory was first.
    if (!owned && owned.error().reason() == catalog::kOtherNodeReason) {
        return fail(catalog_of_another(directory));
    }
    return owned;
}

catalog::PostgresCatalogOptions postgres_options(const config::ServerConfig& config,
                                                 std::function<bool()> give_up) {
    using std::chrono::duration_cast;
    using std::chrono::milliseconds;
    return {.url = config.catalog_url,
            .schema = config.catalog_schema,
            .connections_max = config.catalog_connections,
            .connect_timeout = duration_cast<milliseconds>(config.catalog_connect_timeout),
            .command_timeout = duration_cast<milliseconds>(config.catalog_command_timeout),
            .start_timeout = duration_cast<milliseconds>(config.catalog_start_timeout),
            .give_up = std::move(give_up)};
}

}  // namespace

Result<std::unique_ptr<catalog::Catalog>> open_node_catalog(const config::ServerConfig& config,
                                                            FileSystem& fs, Clock& clock,
                                                            Random& random,
                                                            const DataDirectory& directory,
                                                            std::function<bool()> give_up) {
    if (config.catalog_url.empty()) {
        ASSIGN_OR_RETURN(const bool elsewhere, fs.exists(directory.pair_path()));
        if (elsewhere) {
            return fail(where_is_the_catalog(directory));
        }
        RETURN_IF_ERROR(
            check_catalog_present(fs, directory.catalog_path(), directory.journal_path()));
        return catalog::open_sqlite_catalog(fs, clock, directory.catalog_path());
    }
    ASSIGN_OR_RETURN(const bool embedded, fs.exists(directory.catalog_path()));
    if (embedded) {
        return fail(wrong_catalog(
            "The data directory " + directory.path() + " has its catalog in control.db.",
            "Leave catalog.url empty, or name a new data directory."));
    }
    ASSIGN_OR_RETURN(auto catalog,
                     catalog::PostgresCatalog::open(postgres_options(config, std::move(give_up)),
                                                    clock, random));
    RETURN_IF_ERROR(own(fs, *catalog, random, directory));
    return catalog;
}

Result<std::unique_ptr<catalog::Catalog>> look_at_catalog(const config::ServerConfig& config,
                                                          FileSystem& fs, Clock& clock,
                                                          Random& random,
                                                          const DataDirectory& directory) {
    if (config.catalog_url.empty()) return fail(where_is_the_catalog(directory));
    catalog::PostgresCatalogOptions options = postgres_options(config, [] { return true; });
    options.as_it_is = true;
    ASSIGN_OR_RETURN(auto catalog, catalog::PostgresCatalog::open(options, clock, random));
    ASSIGN_OR_RETURN(const auto here, read_node(fs, directory));
    ASSIGN_OR_RETURN(const auto there, catalog->owner());
    if (!here || here != there) return fail(catalog_of_another(directory));
    return catalog;
}

}  // namespace insula::server
