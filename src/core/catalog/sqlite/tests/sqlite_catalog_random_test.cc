// Random commands against the model: without trouble, with the power cut at any sync, with any call
// failing.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <set>

#include "core/catalog/sqlite/sqlite_catalog.h"
#include "core/catalog/tests/model_catalog.h"
#include "core/catalog/tests/random_commands.h"
#include "platform/fs/crash_file_system.h"
#include "platform/fs/faulty_file_system.h"

namespace insula::catalog {
namespace {

constexpr std::string_view kPath = "control.db";
// Under a sanitizer each run takes ten times as long.
#ifdef INSULA_SANITIZED
constexpr uint64_t kCrashSeeds = 30;
constexpr uint64_t kSweepStride = 4;
#else
constexpr uint64_t kCrashSeeds = 150;
constexpr uint64_t kSweepStride = 1;
#endif

std::string text_of(Catalog& catalog, Clock& clock) {
    const auto text = describe(catalog, clock.wall_now());
    EXPECT_TRUE(text) << text.error().describe();
    return text ? *text : "(unreadable)";
}

std::string outcome(const Status& status) {
    if (status) return "success";
    return fmt::format("{}/{}", code_name(status.error().code()), status.error().reason());
}

TEST(SqliteCatalogRandom, DoesWhatTheModelDoes) {
    std::set<std::string> outcomes;
    for (uint64_t seed = 0; seed < 60; ++seed) {
        ManualClock clock;
        CrashFileSystem fs;
        RandomCommands commands(seed, clock);
        ModelCatalog model(clock);
        auto catalog = *open_sqlite_catalog(fs, clock, std::string(kPath));
        for (int step = 0; step < 60; ++step) {
            const Command command = commands.next(model);
            const std::string expected = outcome(command.run(model));
            ASSERT_EQ(outcome(command.run(*catalog)), expected)
                << "seed " << seed << " step " << step << ": " << command.name;
            outcomes.insert(expected);
            if (step % 20 == 19) {
                ASSERT_TRUE(catalog->close());
                catalog = *open_sqlite_catalog(fs, clock, std::string(kPath));
            }
            ASSERT_EQ(text_of(*catalog, clock), text_of(model, clock))
                << "seed " << seed << " step " << step << ": " << command.name;
        }
    }
    for (const std::string_view reached :
         {"success", "already_exists/tenant_exists", "already_exists/source_exists",
          "already_exists/file_exists", "failed_precondition/stale_epoch",
          "failed_precondition/source_removed", "failed_precondition/file_removed",
          "failed_precondition/tenant_unknown"}) {
        EXPECT_TRUE(outcomes.contains(std::string(reached))) << "never met: " << reached;
    }
}

// Ids that a catalog gave out, over all its lives.
class GivenIds {
  public:
    // False if the catalog failed.
    bool take(Catalog& catalog, uint64_t count) {
        const auto first = catalog.allocate_ids(IdKind::file, count);
        if (!first) return false;
        for (uint64_t id = *first; id < *first + count; ++id) {
            EXPECT_TRUE(taken_.insert(id).second) << "given out twice: " << id;
        }
        return true;
    }

  private:
    std::set<uint64_t> taken_;
};

// One node that loses power again and again. What each life leaves must equal the model with all
// commands that succeeded, and with or without the one in flight.
class CrashRun {
  public:
    explicit CrashRun(uint64_t seed) : seed_(seed), commands_(seed, clock_), model_(clock_) {}

    void live(int lives) {
        auto fs = std::make_unique<CrashFileSystem>();
        for (int life = 0; life < lives && !::testing::Test::HasFailure(); ++life) {
            fs->set_power_cut(
                {.at_sync = 1 + commands_.below(60), .after_effect = commands_.below(2) == 0});
            run_until_the_cut(*fs);
            fs = fs->crash(commands_.below(1'000'000));
            check(*fs);
        }
    }
    uint64_t commands_done() const { return commands_done_; }
    uint64_t appeared() const { return appeared_; }

  private:
    void run_until_the_cut(CrashFileSystem& fs) {
        in_flight_.reset();
        auto opened = open_sqlite_catalog(fs, clock_, std::string(kPath));
        if (!opened) {
            ASSERT_TRUE(fs.powered_off()) << opened.error().describe();
            return;
        }
        const auto catalog = *std::move(opened);
        for (int step = 0; step < 60; ++step) {
            if (!ids_.take(*catalog, 1 + commands_.below(40))) break;
            const Command command = commands_.next(model_);
            ModelCatalog after = model_;
            const std::string expected = outcome(command.run(after));
            const std::string actual = outcome(command.run(*catalog));
            if (fs.powered_off() && actual != expected) {
                in_flight_ = std::move(after);
                break;
            }
            ASSERT_EQ(actual, expected) << "seed " << seed_ << ": " << command.name;
            model_ = std::move(after);
            ++commands_done_;
        }
        static_cast<void>(catalog->close());  // fails without power
    }

    void check(CrashFileSystem& fs) {
        auto opened = open_sqlite_catalog(fs, clock_, std::string(kPath));
        ASSERT_TRUE(opened) << "seed " << seed_ << ": " << opened.error().describe();
        const std::string found = text_of(**opened, clock_);
        if (in_flight_ && found == text_of(*in_flight_, clock_)) {
            if (found != text_of(model_, clock_)) ++appeared_;
            model_ = *std::move(in_flight_);
        } else {
            ASSERT_EQ(found, text_of(model_, clock_)) << "seed " << seed_;
        }
        ASSERT_TRUE((*opened)->close());
    }

    const uint64_t seed_;
    ManualClock clock_;
    RandomCommands commands_;
    ModelCatalog model_;
    std::optional<ModelCatalog> in_flight_;  // as if the command had succeeded
    GivenIds ids_;
    uint64_t commands_done_ = 0;
    uint64_t appeared_ = 0;
};

TEST(SqliteCatalogCrash, WhatSucceededIsThereAndWhatWasInFlightIsWholeOrNot) {
    uint64_t commands = 0;
    uint64_t appeared = 0;
    for (uint64_t seed = 0; seed < kCrashSeeds && !HasFailure(); ++seed) {
        CrashRun run(seed);
        run.live(/*lives=*/4);
        commands += run.commands_done();
        appeared += run.appeared();
    }
    EXPECT_GT(commands, kCrashSeeds * 50) << "most lives must do something";
    EXPECT_GT(appeared, kCrashSeeds / 10)
        << "some commands must survive though they never answered";
}

// One run with one fault. A command that fails must not show in the running catalog; after the next
// start it may, if nothing was committed after it.
class FaultRun {
  public:
    explicit FaultRun(FaultPlan plan) : faulty_(disk_), commands_(7, clock_), model_(clock_) {
        faulty_.arm(plan);
    }

    void run(int lives) {
        for (int life = 0; life < lives; ++life) {
            auto opened = open_sqlite_catalog(faulty_, clock_, std::string(kPath));
            if (!opened) {
                expect_fault(opened.error());
                continue;
            }
            const auto catalog = *std::move(opened);
            settle_doubt(*catalog);
            for (int step = 0; step < 9; ++step) one_command(*catalog);
            if (const auto closed = catalog->close(); !closed) expect_fault(closed.error());
        }
        check(disk_);
        for (uint64_t seed = 0; seed < 3; ++seed) check(*disk_.crash(seed));
    }
    uint64_t calls() const { return faulty_.calls(); }
    uint64_t faults() const { return faulty_.faults(); }

  private:
    void expect_fault(const Error& error) { EXPECT_GT(faulty_.faults(), 0u) << error.describe(); }

    // Whether the command in doubt took effect, as the catalog that was opened after it shows.
    void settle_doubt(Catalog& catalog) {
        const auto text = describe(catalog, clock_.wall_now());
        if (!text) return expect_fault(text.error());
        if (in_doubt_ && *text == text_of(*in_doubt_, clock_)) model_ = *in_doubt_;
        EXPECT_EQ(*text, text_of(model_, clock_)) << faulty_.last_fault();
        in_doubt_.reset();
    }

    void one_command(Catalog& catalog) {
        static_cast<void>(catalog.allocate_ids(IdKind::file, 33));
        const Command command = commands_.next(model_);
        ModelCatalog after = model_;
        const std::string expected = outcome(command.run(after));
        const Status status = command.run(catalog);
        if (outcome(status) != expected) {
            ASSERT_FALSE(status) << command.name;
            expect_fault(status.error());
            // Once a sync has failed, later commands are refused before they write.
            if (!in_doubt_) in_doubt_ = std::move(after);
        } else if (status) {
            model_ = std::move(after);
            in_doubt_.reset();
        }
        const auto text = describe(catalog, clock_.wall_now());
        if (!text) return expect_fault(text.error());
        EXPECT_EQ(*text, text_of(model_, clock_)) << faulty_.last_fault() << ": " << command.name;
    }

    void check(FileSystem& disk) {
        auto opened = open_sqlite_catalog(disk, clock_, std::string(kPath));
        ASSERT_TRUE(opened) << faulty_.last_fault() << ": " << opened.error().describe();
        const std::string found = text_of(**opened, clock_);
        if (in_doubt_ && found == text_of(*in_doubt_, clock_)) return;
        EXPECT_EQ(found, text_of(model_, clock_)) << faulty_.last_fault();
    }

    ManualClock clock_;
    CrashFileSystem disk_;
    FaultyFileSystem faulty_;
    RandomCommands commands_;
    ModelCatalog model_;
    std::optional<ModelCatalog> in_doubt_;
};

void sweep(Fault fault, bool later_syncs_pretend = false) {
    // Over that fault nothing is ever synced again, so there is no second life.
    const int lives = later_syncs_pretend ? 1 : 2;
    FaultRun clean({});
    clean.run(lives);
    const uint64_t calls = clean.calls();
    ASSERT_GT(calls, 50u);
    uint64_t faults = 0;
    for (uint64_t n = 1; n <= calls && !::testing::Test::HasFailure(); n += kSweepStride) {
        FaultRun run({.at_call = n, .fault = fault, .later_syncs_pretend = later_syncs_pretend});
        run.run(lives);
        faults += run.faults();
    }
    EXPECT_GT(faults, 20 / kSweepStride) << "the fault must have met calls";
}

TEST(SqliteCatalogFaults, AnIoErrorAtAnyCallIsNoSilentSuccess) { sweep(Fault::io_error); }
TEST(SqliteCatalogFaults, AnIoErrorAfterTheEffectIsNoSilentSuccess) { sweep(Fault::late_io_error); }
TEST(SqliteCatalogFaults, AFullDiskAtAnyCallIsNoSilentSuccess) { sweep(Fault::disk_full); }
TEST(SqliteCatalogFaults, AShortWriteAtAnyCallIsNoSilentSuccess) { sweep(Fault::short_write); }
TEST(SqliteCatalogFaults, ASyncThatPretendsAfterAFailureIsNotBelieved) {
    sweep(Fault::io_error, /*later_syncs_pretend=*/true);
}

}  // namespace
}  // namespace insula::catalog
