// What the journal promises under faults, and that the harness which shows it can fail.
#include <fmt/format.h>
#include <algorithm>
#include <array>

#include "base/tests/seeds.h"
#include "platform/journal/tests/crash_run.h"

namespace insula::journal {
namespace {

std::string repeat_line(uint64_t seed) {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    return fmt::format("\nrepeat: INSULA_TEST_SEED={} core_tests --gtest_filter={}.{}", seed,
                       test->test_suite_name(), test->name());
}

TEST(JournalCrash, NothingAcknowledgedIsLostWhereverItStops) {
    CrashRun::Coverage sum;
    constexpr uint64_t kSeeds = 2400;
    const SeedRange seeds = test_seeds(kSeeds, kSeeds / 8);
    for (uint64_t seed = seeds.first; seed <= seeds.last; ++seed) {
        CrashRun run(seed);
        const auto wrong = run.run();
        ASSERT_FALSE(wrong.has_value()) << *wrong << repeat_line(seed);
        sum.acknowledged += run.coverage().acknowledged;
        sum.power_cuts += run.coverage().power_cuts;
        sum.cut_tails += run.coverage().cut_tails;
        sum.faults += run.coverage().faults;
        sum.clean_stops += run.coverage().clean_stops;
        sum.removed_streams += run.coverage().removed_streams;
        sum.kept_segments += run.coverage().kept_segments;
        sum.given_up_segments += run.coverage().given_up_segments;
        sum.sequence_max = std::max(sum.sequence_max, run.coverage().sequence_max);
    }
    RecordProperty("simulated_crashes", std::to_string(sum.power_cuts));
    if (!seeds.usual(kSeeds / 8)) return;
    // The runs met what they are for.
    EXPECT_GT(sum.acknowledged, seeds.count() * 20);
    EXPECT_GT(sum.cut_tails, seeds.count() / 4);
    EXPECT_GT(sum.faults, seeds.count());
    EXPECT_GT(sum.clean_stops, seeds.count() / 5);
    EXPECT_GT(sum.removed_streams, seeds.count() / 2);
    EXPECT_GT(sum.kept_segments, seeds.count());
    EXPECT_GT(sum.given_up_segments, seeds.count() / 2);
    EXPECT_GE(sum.sequence_max, 3u);
}

std::string fault_name(const ::testing::TestParamInfo<PlantedFault>& info) {
    static constexpr std::array<std::string_view, 12> kNames{"none",
                                                             "acknowledge_before_sync",
                                                             "skip_sync",
                                                             "retry_failed_sync",
                                                             "skip_directory_sync",
                                                             "skip_zeroing",
                                                             "overlap_segments",
                                                             "recycle_early",
                                                             "ignore_checksums",
                                                             "accept_foreign_stream",
                                                             "cut_all_damage",
                                                             "skip_settling"};
    return std::string(kNames.at(static_cast<size_t>(info.param)));
}

class JournalHarness : public ::testing::TestWithParam<PlantedFault> {};

TEST_P(JournalHarness, FindsThePlantedFault) {
    constexpr uint64_t kSeedsMax = 20'000;
    for (uint64_t seed = 1; seed <= kSeedsMax; ++seed) {
        if (const auto wrong = CrashRun(seed, GetParam()).run()) {
            RecordProperty("found", *wrong);
            RecordProperty("seed", static_cast<int>(seed));
            return;
        }
    }
    FAIL() << "not found in " << kSeedsMax << " runs";
}

INSTANTIATE_TEST_SUITE_P(
    Faults, JournalHarness,
    ::testing::Values(PlantedFault::acknowledge_before_sync, PlantedFault::skip_sync,
                      PlantedFault::retry_failed_sync, PlantedFault::skip_directory_sync,
                      PlantedFault::skip_zeroing, PlantedFault::overlap_segments,
                      PlantedFault::recycle_early, PlantedFault::ignore_checksums,
                      PlantedFault::skip_settling),
    fault_name);

// Damage of what was synced, at random places: refused, never served and never cut away.
std::optional<std::string> damage_run(uint64_t seed, PlantedFault fault) {
    SeededRandom random(seed);
    CrashFileSystem fs;
    ManualClock clock;
    uint64_t id = 0;
    uint64_t last_span = 0;
    for (const uint64_t stream : {1, 2}) {
        auto journal = Journal::create(fs, clock, "journal", StreamId{stream}, small_options());
        if (!journal) return journal.error().describe();
        for (uint64_t spans = 8 + random.below(30); spans > 0; --spans) {
            last_span = (*journal)->durable().position;
            for (uint64_t i = random.below(3) + 1; i > 0; --i) {
                if (!append_id(**journal, ++id, random.below(1000))) return "append";
            }
            if (!(*journal)->flush()) return "flush";
        }
    }
    const uint64_t segment_bytes = small_options().segment_bytes;
    const auto segment_path = [](uint64_t stream, uint64_t sequence) {
        return "journal/" + stream_name(StreamId{stream}) + "/" +
               segment_name(static_cast<uint32_t>(sequence));
    };
    const uint64_t sequence = random.below(last_span / segment_bytes + 1);
    const std::string path = segment_path(2, sequence);
    if (random.below(4) == 0) {
        set_content(fs, path, content_of(fs, segment_path(1, 0)));
    } else {
        std::string content = content_of(fs, path);
        const uint64_t end = std::min(segment_bytes, last_span - sequence * segment_bytes);
        if (end <= kSegmentHeaderBytes) return std::nullopt;  // all of it is the last span's
        char& damaged = content[random.below(end)];
        damaged = static_cast<char>(damaged ^ (1 << random.below(8)));
        set_content(fs, path, content);
    }
    const auto found = replay_ids(fs, "journal", {}, fault);
    if (found) return fmt::format("{} records of {} were served", found->ids.size(), id);
    if (found.error().code() != Code::data_loss) return found.error().describe();
    return std::nullopt;
}

TEST(JournalDamage, OfSyncedDataIsAlwaysFound) {
    constexpr uint64_t kSeeds = 1000;
    const SeedRange seeds = test_seeds(kSeeds, kSeeds / 8);
    for (uint64_t seed = seeds.first; seed <= seeds.last; ++seed) {
        const auto wrong = damage_run(seed, PlantedFault::none);
        ASSERT_FALSE(wrong.has_value()) << *wrong << repeat_line(seed);
    }
    RecordProperty("damaged_positions", std::to_string(seeds.count()));
}

class JournalDamageHarness : public ::testing::TestWithParam<PlantedFault> {};

TEST_P(JournalDamageHarness, FindsThePlantedFault) {
    constexpr uint64_t kSeedsMax = 1000;
    for (uint64_t seed = 1; seed <= kSeedsMax; ++seed) {
        if (const auto wrong = damage_run(seed, GetParam())) {
            RecordProperty("found", *wrong);
            RecordProperty("seed", static_cast<int>(seed));
            return;
        }
    }
    FAIL() << "not found in " << kSeedsMax << " runs";
}

INSTANTIATE_TEST_SUITE_P(Faults, JournalDamageHarness,
                         ::testing::Values(PlantedFault::ignore_checksums,
                                           PlantedFault::accept_foreign_stream,
                                           PlantedFault::cut_all_damage),
                         fault_name);

// The canonical piece of work for sweeps: two starts, roll-over, release, recycling, removal, a
// clean stop.
struct Work {
    std::vector<uint64_t> appended;
    std::vector<uint64_t> acknowledged;
    Lsn released;
    bool all_succeeded = true;

    void note(const Status& status) { all_succeeded = all_succeeded && status.has_value(); }
};

void work(FileSystem& fs, const Options& options, Work& done) {
    ManualClock clock;
    const auto patience = [] { return Deadline::after(std::chrono::seconds(20)); };
    for (const uint64_t stream : {1, 2}) {
        auto journal = Journal::create(fs, clock, "journal", StreamId{stream}, options);
        if (!journal) {
            done.all_succeeded = false;
            return;
        }
        std::vector<std::pair<uint64_t, Lsn>> waiting;
        for (uint64_t i = 0; i < 24; ++i) {
            clock.advance(std::chrono::seconds(1));
            const uint64_t id = stream * 1000 + i;
            const auto lsn =
                append_text(**journal, body_of(id, i * 100), patience(), header_of(id));
            if (!lsn) {
                EXPECT_NE(lsn.error().code(), Code::deadline_exceeded) << "it hangs";
                done.all_succeeded = false;
                continue;
            }
            done.appended.push_back(id);
            waiting.emplace_back(id, *lsn);
            if (i % 3 == 2) {
                if (options.manual) done.note((*journal)->flush());
                const Status durable = options.manual && *lsn >= (*journal)->durable()
                                           ? fail(internal_error("not durable"))
                                           : (*journal)->wait_durable(*lsn, patience());
                done.note(durable);
                if (!durable)
                    EXPECT_NE(durable.error().code(), Code::deadline_exceeded) << "it hangs";
            }
            if (i % 8 == 7 && *lsn < (*journal)->durable())
                (*journal)->release(done.released = *lsn);
        }
        done.note((*journal)->remove_streams_below(done.released));
        done.note((*journal)->close());
        for (const auto& [id, lsn] : waiting) {
            if (lsn < (*journal)->durable()) done.acknowledged.push_back(id);
        }
    }
}

// Nothing if replay of `fs` finds all that was acknowledged and nothing that was not appended.
std::optional<std::string> check_work(FileSystem& fs, const Work& done, bool stopped_well) {
    const auto found = replay_ids(fs, "journal", done.released);
    if (!found) return found.error().describe();
    if (stopped_well && !found->stats.clean_stop) return "the clean stop is not seen";
    if (!std::includes(done.appended.begin(), done.appended.end(), found->ids.begin(),
                       found->ids.end())) {
        return "records that were not appended, or twice, or out of order";
    }
    const bool some_released = done.released != Lsn{};
    if (some_released && (found->lsns.empty() || found->lsns.front() != done.released)) {
        return "the oldest record needed is lost";
    }
    for (const uint64_t id : done.acknowledged) {
        const bool released = some_released && id < found->ids.front();
        if (!released && !std::binary_search(found->ids.begin(), found->ids.end(), id)) {
            return fmt::format("record {} was acknowledged and is lost", id);
        }
    }
    return std::nullopt;
}

std::optional<std::string> sweep_step(const FaultPlan& plan, const Options& options,
                                      bool& reached) {
    CrashFileSystem disk;
    FaultyFileSystem fs(disk);
    fs.arm(plan);
    Work done;
    work(fs, options, done);
    reached = fs.faults() > 0;
    const auto wrong = [&](std::string_view when, const std::string& what) {
        return fmt::format("{}: {} (fault {} at call {}: {})", when, what,
                           static_cast<int>(plan.fault), plan.at_call, fs.last_fault());
    };
    for (uint64_t seed = 0; seed < 3; ++seed) {
        if (const auto lost = check_work(*disk.crash(seed), done, done.all_succeeded)) {
            return wrong("after a power cut", *lost);
        }
    }
    if (const auto lost = check_work(disk, done, done.all_succeeded))
        return wrong("after a kill", *lost);
    return std::nullopt;
}

constexpr Fault kAllFaults[] = {Fault::io_error,    Fault::late_io_error, Fault::disk_full,
                                Fault::short_write, Fault::interrupted,   Fault::too_many_files};

TEST(JournalSweep, AFaultAtAnyCallLosesNothingAcknowledged) {
    for (const Fault fault : kAllFaults) {
        for (const bool from_then_on : {false, true}) {
            bool reached = true;
            uint64_t n = 1;
            for (uint64_t missed = 0; missed < 60; ++n) {
                const auto wrong = sweep_step({.at_call = n,
                                               .fault = fault,
                                               .from_then_on = from_then_on,
                                               .later_syncs_pretend = true},
                                              small_options(), reached);
                ASSERT_FALSE(wrong.has_value()) << *wrong;
                // A fault may not apply to a call; many in a row are the end of the work.
                missed = reached ? 0 : missed + 1;
            }
            EXPECT_GT(n, 100u);
        }
    }
}

TEST(JournalSweep, FindsASyncThatIsTriedAgain) {
    Options options = small_options();
    options.planted_fault = PlantedFault::retry_failed_sync;
    bool found = false;
    bool reached = true;
    uint64_t n = 0;
    while (reached && !found) {
        found = sweep_step({.at_call = ++n, .only = StorageCall::sync, .later_syncs_pretend = true},
                           options, reached)
                    .has_value();
    }
    EXPECT_TRUE(found);
    RecordProperty("seed", std::to_string(n));
}

TEST(JournalSweep, WithThreadsNothingHangsOrIsLost) {
    Options options = small_options();
    options.manual = false;
    for (uint64_t n = 1; n <= 240; n += 3) {
        bool reached = false;
        const auto wrong = sweep_step({.at_call = n,
                                       .fault = kAllFaults[n % std::size(kAllFaults)],
                                       .from_then_on = n % 2 == 0,
                                       .later_syncs_pretend = true},
                                      options, reached);
        ASSERT_FALSE(wrong.has_value()) << *wrong;
    }
}

// Replay under faults says so, or is right.
TEST(JournalSweep, AFaultAtAnyCallOfReplayIsReported) {
    for (const Fault fault :
         {Fault::io_error, Fault::late_io_error, Fault::interrupted, Fault::too_many_files}) {
        bool reached = true;
        for (uint64_t n = 1; reached; ++n) {
            CrashFileSystem disk;
            Work done;
            work(disk, small_options(), done);
            FaultyFileSystem fs(disk);
            fs.arm({.at_call = n, .fault = fault});
            const auto found = replay_ids(fs, "journal", done.released);
            reached = fs.faults() > 0 || n < 40;
            EXPECT_EQ(found.has_value(), fs.faults() == 0 || fault == Fault::interrupted)
                << fs.last_fault();
        }
    }
}

}  // namespace
}  // namespace insula::journal
