#include "core/catalog/tests/catalog_suite.h"

#include "core/catalog/postgres/postgres_catalog.h"
#include "platform/fs/crash_file_system.h"

namespace insula::catalog {
namespace {

class SqliteStorage final : public Storage {
  public:
    Result<std::unique_ptr<Catalog>> open(Clock& clock) override {
        return open_sqlite_catalog(fs_, clock, "control.db");
    }

  private:
    CrashFileSystem fs_;
};

class PostgresStorage final : public Storage {
  public:
    explicit PostgresStorage(const postgres::PostgresServer& server)
        : options_(test_options(server)) {}
    Result<std::unique_ptr<Catalog>> open(Clock& clock) override {
        return PostgresCatalog::open(options_, clock, random_);
    }

  private:
    const PostgresCatalogOptions options_;
    SystemRandom random_;
};

std::unique_ptr<Storage> new_postgres_storage() {
    const postgres::PostgresServer* server = postgres::PostgresServer::shared();
    return server == nullptr ? nullptr : std::make_unique<PostgresStorage>(*server);
}

}  // namespace

void PrintTo(const Implementation& implementation, std::ostream* out) {
    *out << implementation.name;
}

std::vector<Implementation> implementations() {
    return {{"Sqlite", [] { return std::make_unique<SqliteStorage>(); }},
            {"Postgres", new_postgres_storage}};
}

std::string implementation_name(const ::testing::TestParamInfo<Implementation>& info) {
    return info.param.name;
}

}  // namespace insula::catalog
