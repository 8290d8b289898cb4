// A catalog that answers late or not at all: what it was told may have been carried out.
#include <gtest/gtest.h>

#include <algorithm>
#include <latch>
#include <thread>

#include "core/catalog/tests/forwarding_catalog.h"
#include "platform/fs/faulty_file_system.h"
#include "stores/tables/ingest/json_shredder.h"
#include "stores/tables/tests/store_crash_run.h"

namespace insula::tables::durability {
namespace {

using namespace std::chrono_literals;

template <class T>
::testing::AssertionResult succeeded(const T& result) {
    if (result) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << result.error().describe();
}

// What becomes of the next changes.
enum class Fate : uint8_t {
    answered,
    lost_when_done,  // carried out, and nobody hears of it
    lost_when_sent,  // not carried out, and nobody hears of it
    server_is_away,  // certainly not carried out
    server_is_full,  // … either
};

class LossyCatalog final : public catalog::ForwardingCatalog {
  public:
    LossyCatalog(std::unique_ptr<Catalog> catalog, Fate& fate)
        : catalog::ForwardingCatalog(std::move(catalog)), fate_(fate) {}

    Status add_source(const catalog::AddSource& command) override {
        return meet([&] { return catalog::ForwardingCatalog::add_source(command); });
    }
    Status remove_source(const catalog::RemoveSource& command) override {
        return meet([&] { return catalog::ForwardingCatalog::remove_source(command); });
    }
    Status commit_files(const catalog::CommitFiles& command) override {
        return meet([&] { return catalog::ForwardingCatalog::commit_files(command); });
    }
    Result<std::vector<catalog::IdempotencyEntry>> idempotency(SourceIncarnation incarnation,
                                                               WallNanos now) override {
        if (fate_ == Fate::server_is_away) return fail(away());
        return catalog::ForwardingCatalog::idempotency(incarnation, now);
    }

  private:
    static Error away() { return unavailable("catalog_unavailable", "Away."); }
    template <class Change>
    Status meet(Change change) {
        if (fate_ == Fate::answered) return change();
        if (fate_ == Fate::server_is_away) return fail(away());
        if (fate_ == Fate::server_is_full) {
            return fail(Error(Code::storage_exhausted, "disk_full", "The catalog's disk is full."));
        }
        if (fate_ == Fate::lost_when_done) static_cast<void>(change());
        return fail(unavailable(catalog::kOutcomeUnknownReason, "Nobody knows."));
    }

    Fate& fate_;
};

class StoreDoubt : public ::testing::TestWithParam<Fate> {
  protected:
    void SetUp() override { restart(); }

    // As after kill -9: what was written is there, synced or not.
    void restart() {
        fate_ = Fate::answered;
        fs_.arm({.at_call = 1, .fault = Fault::io_error, .from_then_on = true});
        node_.reset();
        fs_.disarm();
        NodeSettings settings = small_settings();
        settings.wrap_catalog = [this](std::unique_ptr<catalog::Catalog> catalog) {
            return std::make_unique<LossyCatalog>(std::move(catalog), fate_);
        };
        auto opened = TestNode::open(fs_, clock_, settings);
        ASSERT_TRUE(succeeded(opened));
        node_ = *std::move(opened);
    }
    Result<WriteOutcome> write(std::string body, std::optional<std::string> key = std::nullopt) {
        std::optional<RecordIdempotency> idempotency;
        if (key) idempotency = RecordIdempotency{*key, std::hash<std::string>()(body)};
        ASSIGN_OR_RETURN(const WriteOutcome outcome,
                         node_->write("s", std::move(body), std::move(idempotency)));
        RETURN_IF_ERROR(node_->journal().flush());
        return outcome;
    }
    // Goes to files at once.
    static std::string large_body() {
        std::string body = "[";
        for (int i = 0; i < 4; ++i) {
            body += (i > 0 ? "," : "") + std::string(R"({"x":7,"weight":")") +
                    std::string(2000, 'x') + R"("})";
        }
        return body + "]";
    }
    size_t rows() {
        const auto found = node_->read_all();
        EXPECT_TRUE(succeeded(found));
        size_t rows = 0;
        if (!found) return rows;
        for (const FoundSource& source : *found) rows += source.rows.size();
        return rows;
    }
    void expect_rows(size_t expected) {
        EXPECT_EQ(rows(), expected);
        const auto wrong = node_->wrong_files();
        ASSERT_TRUE(succeeded(wrong));
        EXPECT_FALSE(*wrong) << **wrong;
        restart();
        EXPECT_EQ(rows(), expected) << "after a restart";
    }
    // The next changes meet GetParam().
    void lose_answers() { fate_ = GetParam(); }
    void answer_again() { fate_ = Fate::answered; }

    std::unique_ptr<CrashFileSystem> disk_ = empty_store();
    FaultyFileSystem fs_{*disk_};
    ManualClock clock_;
    Fate fate_ = Fate::answered;
    std::unique_ptr<TestNode> node_;
};

TEST_P(StoreDoubt, AFlushIsRepeatedUntilItIsKnownToBeCommitted) {
    ASSERT_TRUE(succeeded(write(R"({"x":1,"later":true})", "key")));
    lose_answers();
    for (int i = 0; i < 3; ++i) EXPECT_FALSE(node_->flush("s"));
    EXPECT_EQ(rows(), 1u) << "from memory";
    answer_again();
    ASSERT_TRUE(succeeded(node_->flush("s")));
    ASSERT_TRUE(succeeded(write(R"({"x":2,"more":"a"})")));
    ASSERT_TRUE(succeeded(node_->flush("s")));
    EXPECT_TRUE(write(R"({"x":1,"later":true})", "key")->duplicate);
    expect_rows(2);
    EXPECT_TRUE(write(R"({"x":1,"later":true})", "key")->duplicate);
}

TEST_P(StoreDoubt, ADirectWriteThatIsRepeatedWithItsKeyIsThereOnce) {
    lose_answers();
    ASSERT_FALSE(write(R"({"x":1})")) << "adds the source";
    answer_again();
    ASSERT_TRUE(succeeded(write(R"({"x":1})")));
    lose_answers();
    const auto lost = write(large_body(), "key");
    ASSERT_FALSE(lost);
    EXPECT_EQ(lost.error().code(), Code::unavailable);
    EXPECT_FALSE(write(large_body(), "key")) << "still not answered";
    answer_again();
    const auto again = write(large_body(), "key");
    ASSERT_TRUE(succeeded(again));
    EXPECT_EQ(again->rows, 4u);
    EXPECT_TRUE(write(large_body(), "key")->duplicate);
    expect_rows(5);
    EXPECT_TRUE(write(large_body(), "key")->duplicate) << "after a restart too";
}

TEST_P(StoreDoubt, ARepeatThatFailsDoesNotSayWhatBecameOfTheFirstTry) {
    ASSERT_TRUE(succeeded(write(R"({"x":1})")));
    lose_answers();
    ASSERT_FALSE(write(large_body(), "key"));
    fate_ = Fate::server_is_full;
    ASSERT_FALSE(write(large_body(), "key"));
    answer_again();
    ASSERT_TRUE(succeeded(write(large_body(), "key")));
    EXPECT_EQ(rows(), 5u);
    restart();
    EXPECT_EQ(rows(), 5u);
}

TEST_P(StoreDoubt, ADirectWriteThatNobodyRepeatsIsTheSameNowAndAfterARestart) {
    ASSERT_TRUE(succeeded(write(R"({"x":1})")));
    lose_answers();
    ASSERT_FALSE(write(large_body()));
    const bool in_doubt = GetParam() != Fate::server_is_away;
    EXPECT_EQ(node_->store().list(TestNode::tenant()).at(0)->is_unsettled(), in_doubt);
    node_->store().maintain();
    answer_again();
    node_->store().maintain();
    EXPECT_FALSE(node_->store().list(TestNode::tenant()).at(0)->is_unsettled());
    const size_t found = rows();
    EXPECT_EQ(found, in_doubt ? 5u : 1u);
    restart();
    EXPECT_EQ(rows(), found);
}

TEST_P(StoreDoubt, ASourceWhoseAdditionWasNotAnsweredTakesWrites) {
    lose_answers();
    for (int i = 0; i < 2; ++i) {
        const auto lost = write(R"({"x":1})");
        ASSERT_FALSE(lost);
        EXPECT_EQ(lost.error().code(), Code::unavailable);
    }
    answer_again();
    ASSERT_TRUE(succeeded(write(R"({"x":1})")));
    EXPECT_EQ(node_->store().list(TestNode::tenant()).size(), 1u);
    expect_rows(1);
}

TEST_P(StoreDoubt, ASourceWhoseAdditionWasNotAnsweredIsThereNowIfItIsAfterARestart) {
    lose_answers();
    for (int i = 0; i < 2; ++i) {
        ASSERT_FALSE(node_->store().add_source(TestNode::tenant(), {.source_id = "s"}));
        node_->store().maintain();
    }
    answer_again();
    node_->store().maintain();
    const bool in_doubt = GetParam() != Fate::server_is_away;
    EXPECT_EQ(node_->store().list(TestNode::tenant()).size(), in_doubt ? 1u : 0u);
    restart();
    EXPECT_EQ(node_->store().list(TestNode::tenant()).size(), in_doubt ? 1u : 0u);
}

TEST_P(StoreDoubt, ARemovalThatWasNotAnsweredIsCarriedOutByItself) {
    ASSERT_TRUE(succeeded(write(R"({"x":1})")));
    ASSERT_TRUE(succeeded(node_->flush("s")));
    lose_answers();
    ASSERT_FALSE(node_->store().remove_source(TestNode::tenant(), "s"));
    const bool in_doubt = GetParam() != Fate::server_is_away;
    const auto meanwhile = write(R"({"x":2})");
    EXPECT_EQ(meanwhile.has_value(), !in_doubt);
    if (in_doubt) {
        EXPECT_EQ(meanwhile.error().reason(), "source_removal_in_doubt");
    }
    answer_again();
    node_->store().maintain();
    ASSERT_TRUE(succeeded(write(R"({"x":3})")));
    // What was certainly not removed goes on.
    expect_rows(in_doubt ? 1 : 3);
}

TEST_P(StoreDoubt, WritersOfKnownSourcesDoNotNeedTheCatalog) {
    ASSERT_TRUE(succeeded(write(R"({"x":1})")));
    ASSERT_TRUE(succeeded(write(R"({"x":2})", "a")));
    fate_ = Fate::server_is_away;
    ASSERT_TRUE(succeeded(write(R"({"x":3})")));
    ASSERT_TRUE(succeeded(write(R"({"x":4})", "b")));
    EXPECT_TRUE(write(R"({"x":2})", "a")->duplicate);
    restart();
    // Keys of before are loaded at the first one.
    ASSERT_TRUE(succeeded(node_->flush("s")));
    restart();
    fate_ = Fate::server_is_away;
    const auto refused = write(R"({"x":5})", "c");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().reason(), "catalog_unavailable");
    ASSERT_TRUE(succeeded(write(R"({"x":5})"))) << "without a key";
    answer_again();
    EXPECT_TRUE(write(R"({"x":4})", "b")->duplicate);
    expect_rows(5);
}

INSTANTIATE_TEST_SUITE_P(Fates, StoreDoubt,
                         ::testing::Values(Fate::lost_when_done, Fate::lost_when_sent,
                                           Fate::server_is_away),
                         [](const auto& info) {
                             switch (info.param) {
                                 case Fate::lost_when_done:
                                     return "LostWhenDone";
                                 case Fate::lost_when_sent:
                                     return "LostWhenSent";
                                 default:
                                     return "ServerIsAway";
                             }
                         });

// A catalog that does not answer a look at the keys of a source.
class SilentCatalog final : public catalog::ForwardingCatalog {
  public:
    SilentCatalog(std::unique_ptr<Catalog> catalog, std::latch& asked, std::latch& answer)
        : catalog::ForwardingCatalog(std::move(catalog)), asked_(asked), answer_(answer) {}
    Result<std::vector<catalog::IdempotencyEntry>> idempotency(SourceIncarnation incarnation,
                                                               WallNanos now) override {
        asked_.count_down();
        answer_.wait();
        return catalog::ForwardingCatalog::idempotency(incarnation, now);
    }

  private:
    std::latch& asked_;
    std::latch& answer_;
};

TEST(StoreDoubtOfKeys, AWriterWithoutAKeyDoesNotWaitForTheCatalog) {
    const auto disk = empty_store();
    ManualClock clock;
    std::latch asked(1);
    std::latch answer(1);
    NodeSettings settings = small_settings();
    settings.wrap_catalog = [&](std::unique_ptr<catalog::Catalog> catalog) {
        return std::make_unique<SilentCatalog>(std::move(catalog), asked, answer);
    };
    const auto node = TestNode::open(*disk, clock, settings);
    ASSERT_TRUE(succeeded(node));
    ASSERT_TRUE(succeeded((*node)->write("s", R"({"x":1})")));
    std::jthread with_key([&] {
        EXPECT_TRUE(succeeded((*node)->write("s", R"({"x":2})", RecordIdempotency{"key", 1})));
    });
    asked.wait();
    EXPECT_TRUE(succeeded((*node)->write("s", R"({"x":3})")));
    answer.count_down();
    with_key.join();
    EXPECT_TRUE((*node)->write("s", R"({"x":2})", RecordIdempotency{"key", 1})->duplicate);
}

// A catalog that takes its time over a commit.
class SlowCatalog final : public catalog::ForwardingCatalog {
  public:
    SlowCatalog(std::unique_ptr<Catalog> catalog, std::latch& asked, std::latch& answer)
        : catalog::ForwardingCatalog(std::move(catalog)), asked_(asked), answer_(answer) {}
    Status commit_files(const catalog::CommitFiles& command) override {
        asked_.count_down();
        answer_.wait();
        return catalog::ForwardingCatalog::commit_files(command);
    }

  private:
    std::latch& asked_;
    std::latch& answer_;
};

TEST(StoreDirectWrites, WaitForEachOtherUntilTheirDeadlineOnly) {
    const auto disk = empty_store();
    ManualClock clock;
    std::latch asked(1);
    std::latch answer(1);
    NodeSettings settings = small_settings();
    settings.limits.record_bytes_max = 1;  // all go to files
    settings.wrap_catalog = [&](std::unique_ptr<catalog::Catalog> catalog) {
        return std::make_unique<SlowCatalog>(std::move(catalog), asked, answer);
    };
    const auto node = TestNode::open(*disk, clock, settings);
    ASSERT_TRUE(succeeded(node));
    const auto source = (*node)->store().find_or_create(TestNode::tenant(), "s");
    ASSERT_TRUE(succeeded(source));
    std::string body = R"({"x":1})" + std::string(kJsonPadding, ' ');
    const WriteInput input{.shred = [&](SchemaPtr schema) {
        return shred_json(std::string_view(body).substr(0, 7), std::move(schema));
    }};
    std::jthread first(
        [&] { EXPECT_TRUE(succeeded((*source)->write(input, Deadline::after(60s)))); });
    asked.wait();
    const auto late = (*source)->write(input, Deadline::after(10ms));
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code(), Code::deadline_exceeded);
    answer.count_down();
    first.join();
    EXPECT_TRUE(succeeded((*source)->write(input, Deadline::after(60s))));
}

// The source goes while its files are on their way to the catalog.
TEST(StoreRemovals, FilesOfARefusedCommitGoAtOnce) {
    const auto disk = empty_store();
    ManualClock clock;
    class RemovedMeanwhile final : public catalog::ForwardingCatalog {
      public:
        using catalog::ForwardingCatalog::ForwardingCatalog;
        Status commit_files(const catalog::CommitFiles& command) override {
            RETURN_IF_ERROR(remove_source({command.tenant, command.incarnation}));
            return catalog::ForwardingCatalog::commit_files(command);
        }
    };
    NodeSettings settings = small_settings();
    settings.wrap_catalog = [](std::unique_ptr<catalog::Catalog> catalog) {
        return std::make_unique<RemovedMeanwhile>(std::move(catalog));
    };
    const auto node = TestNode::open(*disk, clock, settings);
    ASSERT_TRUE(succeeded(node));
    ASSERT_TRUE(succeeded((*node)->write("flushed", R"({"x":1})")));
    ASSERT_TRUE(succeeded((*node)->journal().flush()));
    EXPECT_EQ((*node)->flush("flushed").error().reason(), "source_removed");
    const auto direct = (*node)->write("direct", R"({"x":")" + std::string(4000, 'x') + "\"}");
    ASSERT_FALSE(direct);
    EXPECT_EQ(direct.error().reason(), "source_removed");
    const auto wrong = (*node)->wrong_files();
    ASSERT_TRUE(succeeded(wrong));
    EXPECT_FALSE(*wrong) << **wrong;
}

}  // namespace
}  // namespace insula::tables::durability
