// What every implementation of the catalog is tested through: SQLite on a simulated disk, and
// PostgreSQL in a schema of its own (skipped where there is no server).
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "core/catalog/catalog.h"
#include "core/catalog/postgres/tests/test_schema.h"
#include "core/catalog/tests/model_catalog.h"
#include "core/catalog/tests/samples.h"

namespace insula::catalog {

// Where a catalog lives while it is closed.
class Storage {
  public:
    virtual ~Storage() = default;
    virtual Result<std::unique_ptr<Catalog>> open(Clock& clock) = 0;
};

struct Implementation {
    std::string name;
    std::function<std::unique_ptr<Storage>()> create;
};

void PrintTo(const Implementation& implementation, std::ostream* out);
std::vector<Implementation> implementations();
std::string implementation_name(const ::testing::TestParamInfo<Implementation>& info);

class CatalogSuite : public ::testing::TestWithParam<Implementation> {
  protected:
    void SetUp() override {
        storage_ = GetParam().create();
        if (storage_ == nullptr) GTEST_SKIP() << postgres::PostgresServer::why_not_shared();
        open();
    }
    void open() {
        auto opened = storage_->open(clock_);
        ASSERT_TRUE(opened) << opened.error().describe();
        catalog_ = *std::move(opened);
    }
    void reopen() {
        ASSERT_TRUE(catalog_->close());
        open();
    }
    std::string content() {
        auto text = describe(*catalog_, clock_.wall_now());
        EXPECT_TRUE(text) << text.error().describe();
        return text ? *text : "";
    }
    // A tenant at epoch 1 with one source.
    void add_source() {
        ASSERT_TRUE(add_tenant(*catalog_, sample_tenant(1)));
        ASSERT_EQ(catalog_->raise_epoch({sample_tenant(1).id})->value, 1u);
        ASSERT_TRUE(catalog_->add_source({sample_source(1, 10)}));
    }
    Source only_source() {
        auto sources = catalog_->sources(sample_tenant(1).id);
        EXPECT_TRUE(sources && sources->size() == 1);
        return sources->at(0);
    }
    void expect_refused(const Status& status, Code code, std::string_view reason,
                        const std::string& before) {
        ASSERT_FALSE(status);
        EXPECT_EQ(status.error().code(), code) << status.error().describe();
        EXPECT_EQ(status.error().reason(), reason);
        EXPECT_EQ(content(), before) << "nothing changed";
    }

    ManualClock clock_;
    std::unique_ptr<Storage> storage_;
    std::unique_ptr<Catalog> catalog_;
};

}  // namespace insula::catalog
