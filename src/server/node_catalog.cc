#include "server/node_catalog.h"

#include <string>

#include "core/catalog/postgres/postgres_catalog.h"
#include "server/catalog_check.h"

namespace insula::server {

namespace {

constexpr std::string_view kPairFileBegin = "postgresql ";
constexpr uint64_t kPairFileBytesMax = 256;
constexpr std::string_view kPairSetting = "data_directory";

Error wrong_catalog(std::string message, std::string hint) {
    return Error(Code::failed_precondition, "data_directory_catalog", std::move(message))
        .with_hint(std::move(hint));
}

// The name of the pair that the directory belongs to; nullopt: to none.
Result<std::optional<std::string>> read_pair(FileSystem& fs, const DataDirectory& directory) {
    const auto text = read_file(fs, directory.pair_path(), kPairFileBytesMax);
    if (!text && text.error().code() == Code::not_found) return std::nullopt;
    if (!text) return fail(text.error());
    if (!text->starts_with(kPairFileBegin) || !text->ends_with('\n')) {
        return fail(data_loss(directory.pair_path() + ": not what a start writes"));
    }
    const size_t begin = kPairFileBegin.size();
    return text->substr(begin, text->size() - begin - 1);
}

// Whether anything was ever stored in the directory.
Result<bool> holds_data(FileSystem& fs, const DataDirectory& directory) {
    for (const std::string& part : {directory.journal_path(), directory.path() + "/blob"}) {
        ASSIGN_OR_RETURN(const auto entries, fs.list(part));
        if (!entries.empty()) return true;
    }
    return false;
}

Status pair(FileSystem& fs, catalog::Catalog& catalog, Random& random,
            const DataDirectory& directory) {
    ASSIGN_OR_RETURN(const auto here, read_pair(fs, directory));
    ASSIGN_OR_RETURN(const auto there, catalog.setting(kPairSetting));
    if (here && there && *here == *there) return {};
    if (there) {
        return fail(wrong_catalog(
            "The catalog on PostgreSQL belongs to another data directory than " + directory.path() +
                ".",
            "Start with that one, or give this one a schema of its own with catalog.schema."));
    }
    ASSIGN_OR_RETURN(const bool data, holds_data(fs, directory));
    if (data) {
        return fail(wrong_catalog("The catalog on PostgreSQL is empty, and the data directory " +
                                      directory.path() +
                                      " is not: what it holds is named elsewhere.",
                                  "Check catalog.url and catalog.schema, or restore the catalog "
                                  "from its backup."));
    }
    // The directory first: a start that ends in between comes here again.
    const std::string name = here ? *here : random.uuid().to_string();
    if (!here) {
        RETURN_IF_ERROR(write_file_durably(fs, directory.pair_path(),
                                           std::string(kPairFileBegin) + name + "\n"));
    }
    return catalog.put_setting(kPairSetting, name);
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
        ASSIGN_OR_RETURN(const auto pair_name, read_pair(fs, directory));
        if (pair_name) {
            return fail(wrong_catalog(
                "The data directory " + directory.path() + " has its catalog on PostgreSQL.",
                "Say where with catalog.url (INSULA_CATALOG_URL)."));
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
    RETURN_IF_ERROR(pair(fs, *catalog, random, directory));
    return catalog;
}

}  // namespace insula::server
