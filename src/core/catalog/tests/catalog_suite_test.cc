// What holds for sources, their files and their keys in every implementation of the catalog.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "core/catalog/refusals.h"
#include "core/catalog/tests/catalog_suite.h"

namespace insula::catalog {
namespace {

TEST_P(CatalogSuite, IsEmptyAtFirst) {
    EXPECT_EQ(content(), "");
    EXPECT_TRUE(catalog_->sources(sample_tenant(1).id)->empty());
    EXPECT_TRUE(catalog_->idempotency(SourceIncarnation{1}, clock_.wall_now())->empty());
}

TEST_P(CatalogSuite, ATenantComesBackAtEpochZero) {
    Tenant tenant = sample_tenant(1);
    tenant.epoch = Epoch{7};
    ASSERT_TRUE(add_tenant(*catalog_, tenant));
    reopen();
    const auto tenants = *catalog_->tenants();
    ASSERT_EQ(tenants.size(), 1u);
    EXPECT_EQ(tenants[0].id, tenant.id);
    EXPECT_EQ(tenants[0].slug, tenant.slug);
    EXPECT_EQ(tenants[0].name, tenant.name);
    EXPECT_EQ(tenants[0].created_at, tenant.created_at);
    EXPECT_EQ(tenants[0].epoch, Epoch{});
}

TEST_P(CatalogSuite, ATenantsIdAndSlugAreUnique) {
    ASSERT_TRUE(add_tenant(*catalog_, sample_tenant(1)));
    const std::string before = content();
    Tenant same_id = sample_tenant(2);
    same_id.id = sample_tenant(1).id;
    expect_refused(add_tenant(*catalog_, same_id), Code::already_exists, "tenant_exists", before);
    Tenant same_slug = sample_tenant(2);
    same_slug.slug = sample_tenant(1).slug;
    expect_refused(add_tenant(*catalog_, same_slug), Code::already_exists, "tenant_exists", before);
}

TEST_P(CatalogSuite, TheEpochRisesByOneAndLasts) {
    ASSERT_TRUE(add_tenant(*catalog_, sample_tenant(1)));
    ASSERT_TRUE(add_tenant(*catalog_, sample_tenant(2)));
    EXPECT_EQ(catalog_->raise_epoch({sample_tenant(1).id})->value, 1u);
    EXPECT_EQ(catalog_->raise_epoch({sample_tenant(1).id})->value, 2u);
    reopen();
    EXPECT_EQ(catalog_->raise_epoch({sample_tenant(1).id})->value, 3u);
    EXPECT_EQ(catalog_->raise_epoch({sample_tenant(2).id})->value, 1u) << "of that tenant alone";
}

TEST_P(CatalogSuite, TheEpochOfAnUnknownTenantIsRefused) {
    const auto raised = catalog_->raise_epoch({sample_tenant(1).id});
    ASSERT_FALSE(raised);
    EXPECT_EQ(raised.error().code(), Code::failed_precondition);
}

TEST_P(CatalogSuite, ASourceComesBackWithOptionsAndColumns) {
    add_source();
    reopen();
    const Source expected = sample_source(1, 10);
    const Source source = only_source();
    EXPECT_EQ(source.incarnation, expected.incarnation);
    EXPECT_EQ(source.tenant, expected.tenant);
    EXPECT_EQ(source.source_id, expected.source_id);
    EXPECT_EQ(source.options, expected.options);
    EXPECT_EQ(source.columns, expected.columns);
    EXPECT_EQ(source.created_at, expected.created_at);
    EXPECT_EQ(source.flushed_lsn, Lsn{});
    EXPECT_TRUE(source.files.empty());
}

TEST_P(CatalogSuite, ASourceIdIsUniqueInItsTenantAlone) {
    add_source();
    const std::string before = content();
    Source same = sample_source(1, 11);
    same.source_id = sample_source(1, 10).source_id;
    expect_refused(catalog_->add_source({same}), Code::already_exists, "source_exists", before);
    Source same_incarnation = sample_source(1, 10);
    same_incarnation.source_id = "other";
    expect_refused(catalog_->add_source({same_incarnation}), Code::already_exists, "source_exists",
                   before);
    ASSERT_TRUE(add_tenant(*catalog_, sample_tenant(2)));
    same.tenant = sample_tenant(2).id;
    EXPECT_TRUE(catalog_->add_source({same}));
    EXPECT_EQ(catalog_->sources(sample_tenant(2).id)->size(), 1u);
    EXPECT_EQ(catalog_->sources(sample_tenant(1).id)->size(), 1u);
}

TEST_P(CatalogSuite, ASourceOfAnUnknownTenantIsRefused) {
    const auto added = catalog_->add_source({sample_source(1, 10)});
    ASSERT_FALSE(added);
    EXPECT_EQ(added.error().code(), Code::failed_precondition);
}

TEST_P(CatalogSuite, ACommitIsThereAsAWholeAfterReopening) {
    add_source();
    CommitFiles commit = sample_commit(1, 10);
    commit.add = {sample_file(1), sample_file(2)};
    commit.columns = {sample_column(9, ColumnType::timestamp)};
    commit.idempotency = {sample_key("k1", 1, commit.now), sample_key("k2", 2, commit.now)};
    ASSERT_TRUE(catalog_->commit_files(commit));
    reopen();
    const Source source = only_source();
    EXPECT_EQ(source.files, commit.add);
    EXPECT_EQ(source.flushed_lsn, *commit.flushed_lsn);
    EXPECT_EQ(source.last_generation, commit.generation);
    EXPECT_EQ(source.next_row_id, commit.next_row_id);
    EXPECT_EQ(source.last_flush_at, commit.now);
    ASSERT_EQ(source.columns.size(), sample_source(1, 10).columns.size() + 1);
    EXPECT_EQ(source.columns.back(), commit.columns[0]);
    EXPECT_EQ(*catalog_->idempotency(commit.incarnation, commit.now), commit.idempotency);
}

TEST_P(CatalogSuite, AColumnIsReplacedByItsId) {
    add_source();
    Column column = sample_source(1, 10).columns[0];
    column.type = ColumnType::float64;
    column.exact_in_double = false;
    CommitFiles commit = sample_commit(1, 10);
    commit.columns = {column};
    ASSERT_TRUE(catalog_->commit_files(commit));
    EXPECT_EQ(only_source().columns.size(), sample_source(1, 10).columns.size());
    EXPECT_EQ(only_source().columns[0], column);
}

TEST_P(CatalogSuite, AStaleEpochChangesNothing) {
    add_source();
    CommitFiles commit = sample_commit(1, 10);
    commit.add = {sample_file(1)};
    ASSERT_TRUE(catalog_->commit_files(commit));
    ASSERT_TRUE(catalog_->raise_epoch({sample_tenant(1).id}));
    const std::string before = content();
    CommitFiles stale = sample_commit(1, 10);
    stale.add = {sample_file(2)};
    stale.remove = {FileId{1}};
    stale.columns = {sample_column(99, ColumnType::json)};
    stale.flushed_lsn = Lsn{StreamId{50}, 1};
    stale.idempotency = {sample_key("k", 1, stale.now)};
    expect_refused(catalog_->commit_files(stale), Code::failed_precondition, "stale_epoch", before);
    stale.epoch = Epoch{3};  // one that was never given out
    expect_refused(catalog_->commit_files(stale), Code::failed_precondition, "stale_epoch", before);
    stale.epoch = Epoch{2};
    EXPECT_TRUE(catalog_->commit_files(stale));
}

TEST_P(CatalogSuite, ACommitToARemovedOrForeignSourceChangesNothing) {
    add_source();
    ASSERT_TRUE(add_tenant(*catalog_, sample_tenant(2)));
    ASSERT_EQ(catalog_->raise_epoch({sample_tenant(2).id})->value, 1u);
    const std::string before = content();
    CommitFiles foreign = sample_commit(2, 10);
    foreign.add = {sample_file(1)};
    expect_refused(catalog_->commit_files(foreign), Code::failed_precondition, "source_removed",
                   before);
    expect_refused(catalog_->remove_source({sample_tenant(2).id, SourceIncarnation{10}}),
                   Code::failed_precondition, "source_removed", before);
    ASSERT_TRUE(catalog_->remove_source({sample_tenant(1).id, SourceIncarnation{10}}));
    const std::string removed = content();
    CommitFiles late = sample_commit(1, 10);
    late.add = {sample_file(1)};
    expect_refused(catalog_->commit_files(late), Code::failed_precondition, "source_removed",
                   removed);
    expect_refused(catalog_->remove_source({sample_tenant(1).id, SourceIncarnation{10}}),
                   Code::failed_precondition, "source_removed", removed);
}

TEST_P(CatalogSuite, ProgressNeverMovesBack) {
    add_source();
    CommitFiles first = sample_commit(1, 10);
    first.flushed_lsn = Lsn{StreamId{5}, 1000};
    first.generation = Generation{8};
    first.next_row_id = 500;
    ASSERT_TRUE(catalog_->commit_files(first));
    CommitFiles lower = sample_commit(1, 10);
    lower.flushed_lsn = Lsn{StreamId{4}, 9000};  // an older stream, though further on
    lower.generation = Generation{7};
    lower.next_row_id = 499;
    lower.now = first.now - 1;
    ASSERT_TRUE(catalog_->commit_files(lower));
    Source source = only_source();
    EXPECT_EQ(source.flushed_lsn, (Lsn{StreamId{5}, 1000}));
    EXPECT_EQ(source.last_generation, Generation{8});
    EXPECT_EQ(source.next_row_id, 500u);
    EXPECT_EQ(source.last_flush_at, first.now);
    CommitFiles without = sample_commit(1, 10);
    without.flushed_lsn.reset();
    without.now = first.now + 1;
    ASSERT_TRUE(catalog_->commit_files(without));
    EXPECT_EQ(only_source().flushed_lsn, (Lsn{StreamId{5}, 1000}));
    EXPECT_EQ(only_source().last_flush_at, first.now) << "no flush";
    CommitFiles higher = sample_commit(1, 10);
    higher.flushed_lsn = Lsn{StreamId{6}, 1};
    higher.generation = Generation{9};
    higher.next_row_id = 501;
    ASSERT_TRUE(catalog_->commit_files(higher));
    source = only_source();
    EXPECT_EQ(source.flushed_lsn, (Lsn{StreamId{6}, 1}));
    EXPECT_EQ(source.last_generation, Generation{9});
    EXPECT_EQ(source.next_row_id, 501u);
}

TEST_P(CatalogSuite, AReplacedFileBecomesGarbageUntilForgotten) {
    add_source();
    CommitFiles flush = sample_commit(1, 10);
    flush.add = {sample_file(1), sample_file(2), sample_file(3)};
    ASSERT_TRUE(catalog_->commit_files(flush));
    CommitFiles compaction = sample_commit(1, 10);
    compaction.now = flush.now + 5;
    compaction.add = {sample_file(4)};
    compaction.remove = {FileId{1}, FileId{3}};
    ASSERT_TRUE(catalog_->commit_files(compaction));
    reopen();
    EXPECT_EQ(only_source().files, (std::vector{sample_file(2), sample_file(4)}));
    auto garbage = *catalog_->garbage();
    ASSERT_EQ(garbage.size(), 2u);
    EXPECT_EQ(garbage[0].id, FileId{1});
    EXPECT_EQ(garbage[0].path,
              file_path(sample_tenant(1).id, SourceIncarnation{10}, sample_file(1)));
    EXPECT_EQ(garbage[0].since, compaction.now);
    EXPECT_EQ(garbage[1].id, FileId{3});
    ASSERT_TRUE(catalog_->forget_garbage({FileId{1}, FileId{77}})) << "the unknown is no matter";
    reopen();
    garbage = *catalog_->garbage();
    ASSERT_EQ(garbage.size(), 1u);
    EXPECT_EQ(garbage[0].id, FileId{3});
}

TEST_P(CatalogSuite, AFileIsReplacedOnce) {
    add_source();
    ASSERT_TRUE(catalog_->add_source({sample_source(1, 11)}));
    CommitFiles flush = sample_commit(1, 10);
    flush.add = {sample_file(1), sample_file(2)};
    ASSERT_TRUE(catalog_->commit_files(flush));
    CommitFiles compaction = sample_commit(1, 10);
    compaction.remove = {FileId{1}};
    ASSERT_TRUE(catalog_->commit_files(compaction));
    const std::string before = content();
    compaction.remove = {FileId{2}, FileId{1}};
    compaction.add = {sample_file(3)};
    expect_refused(catalog_->commit_files(compaction), Code::failed_precondition, "file_removed",
                   before);
    CommitFiles foreign = sample_commit(1, 11);
    foreign.remove = {FileId{2}};  // of another source
    expect_refused(catalog_->commit_files(foreign), Code::failed_precondition, "file_removed",
                   before);
}

TEST_P(CatalogSuite, AFilesIdAndPlaceAreNeverReused) {
    add_source();
    CommitFiles flush = sample_commit(1, 10);
    flush.add = {sample_file(1), sample_file(2)};
    ASSERT_TRUE(catalog_->commit_files(flush));
    CommitFiles removal = sample_commit(1, 10);
    removal.remove = {FileId{2}};
    ASSERT_TRUE(catalog_->commit_files(removal));
    const std::string before = content();
    for (const uint64_t taken : {1, 2}) {  // a living one and one of the garbage
        CommitFiles again = sample_commit(1, 10);
        again.add = {sample_file(5), sample_file(taken)};
        again.add[1].part = 77;
        expect_refused(catalog_->commit_files(again), Code::already_exists, "file_exists", before);
        again.add[1] = sample_file(taken);
        again.add[1].id = FileId{6};
        expect_refused(catalog_->commit_files(again), Code::already_exists, "file_exists", before);
    }
}

TEST_P(CatalogSuite, ARemovedSourceLeavesGarbageAndNothingElse) {
    add_source();
    CommitFiles flush = sample_commit(1, 10);
    flush.add = {sample_file(1), sample_file(2)};
    flush.idempotency = {sample_key("k", 1, flush.now)};
    ASSERT_TRUE(catalog_->commit_files(flush));
    clock_.advance(std::chrono::seconds(9));
    ASSERT_TRUE(catalog_->remove_source({sample_tenant(1).id, SourceIncarnation{10}}));
    reopen();
    EXPECT_TRUE(catalog_->sources(sample_tenant(1).id)->empty());
    EXPECT_TRUE(catalog_->idempotency(SourceIncarnation{10}, flush.now)->empty());
    const auto garbage = *catalog_->garbage();
    ASSERT_EQ(garbage.size(), 2u);
    EXPECT_EQ(garbage[1].path,
              file_path(sample_tenant(1).id, SourceIncarnation{10}, sample_file(2)));
    EXPECT_EQ(garbage[1].since, clock_.wall_now());
}

TEST_P(CatalogSuite, ASourceThatIsAddedAgainIsANewIncarnation) {
    add_source();
    CommitFiles flush = sample_commit(1, 10);
    flush.add = {sample_file(1)};
    flush.idempotency = {sample_key("k", 1, flush.now)};
    ASSERT_TRUE(catalog_->commit_files(flush));
    ASSERT_TRUE(catalog_->remove_source({sample_tenant(1).id, SourceIncarnation{10}}));
    const uint64_t incarnation = *catalog_->allocate_ids(IdKind::source_incarnation, 1);
    Source again = sample_source(1, incarnation);
    again.source_id = sample_source(1, 10).source_id;
    ASSERT_TRUE(catalog_->add_source({again}));
    reopen();
    const Source source = only_source();
    EXPECT_EQ(source.incarnation.value, incarnation);
    EXPECT_TRUE(source.files.empty());
    EXPECT_EQ(source.next_row_id, 0u);
    EXPECT_TRUE(catalog_->idempotency(source.incarnation, flush.now)->empty());
    const std::string before = content();
    expect_refused(catalog_->commit_files(sample_commit(1, 10)), Code::failed_precondition,
                   "source_removed", before);
}

TEST_P(CatalogSuite, AnIdempotencyKeyIsKeptForTheWindow) {
    add_source();
    const WallNanos start = clock_.wall_now();
    CommitFiles first = sample_commit(1, 10);
    first.now = start;
    first.idempotency = {sample_key("old", 1, start), sample_key("young", 2, start + 10)};
    ASSERT_TRUE(catalog_->commit_files(first));
    const SourceIncarnation source{10};
    EXPECT_EQ(catalog_->idempotency(source, start + kIdempotencyWindow - 1)->size(), 2u);
    EXPECT_EQ(catalog_->idempotency(source, start + kIdempotencyWindow)->size(), 1u);
    // A later commit drops what has left the window for good.
    CommitFiles later = sample_commit(1, 10);
    later.now = start + kIdempotencyWindow;
    ASSERT_TRUE(catalog_->commit_files(later));
    const auto left = *catalog_->idempotency(source, start);
    ASSERT_EQ(left.size(), 1u);
    EXPECT_EQ(left[0].key, "young");
}

TEST_P(CatalogSuite, AnIdempotencyKeyIsReplacedByALaterOne) {
    add_source();
    CommitFiles commit = sample_commit(1, 10);
    commit.idempotency = {sample_key("k", 1, commit.now), sample_key("k", 2, commit.now + 1)};
    ASSERT_TRUE(catalog_->commit_files(commit));
    commit.idempotency = {sample_key("k", 3, commit.now + 2)};
    ASSERT_TRUE(catalog_->commit_files(commit));
    EXPECT_EQ(*catalog_->idempotency(commit.incarnation, commit.now), commit.idempotency);
}

TEST_P(CatalogSuite, IdempotencyKeysComeOldestFirstWhateverTheirNames) {
    add_source();
    CommitFiles commit = sample_commit(1, 10);
    commit.idempotency = {sample_key("z", 1, commit.now), sample_key("a", 2, commit.now),
                          sample_key("m", 3, commit.now - 1)};
    ASSERT_TRUE(catalog_->commit_files(commit));
    const auto entries = *catalog_->idempotency(commit.incarnation, commit.now);
    ASSERT_EQ(entries.size(), 3u);
    EXPECT_EQ(entries[0].key, "m");
    EXPECT_EQ(entries[1].key, "z") << "by journal position where the time is the same";
    EXPECT_EQ(entries[2].key, "a");
}

TEST_P(CatalogSuite, TheOldestIdempotencyKeysGiveWayBeyondTheMostThatAreKept) {
    add_source();
    CommitFiles commit = sample_commit(1, 10);
    for (uint64_t i = 0; i < kIdempotencyKeysMax; ++i) {
        commit.idempotency.push_back(sample_key(std::to_string(i), i, commit.now));
    }
    ASSERT_TRUE(catalog_->commit_files(commit));
    commit.idempotency = {sample_key("x", kIdempotencyKeysMax, commit.now),
                          sample_key("y", kIdempotencyKeysMax + 1, commit.now),
                          sample_key("5", kIdempotencyKeysMax + 2, commit.now)};  // was there
    ASSERT_TRUE(catalog_->commit_files(commit));
    const auto entries = *catalog_->idempotency(commit.incarnation, commit.now);
    ASSERT_EQ(entries.size(), kIdempotencyKeysMax);
    EXPECT_EQ(entries[0].key, "2") << "0 and 1 made room for x and y";
    EXPECT_EQ(entries.back().key, "5");
}

TEST_P(CatalogSuite, IdsAreNeverGivenOutTwice) {
    std::set<uint64_t> files;
    std::set<uint64_t> streams;
    const auto take = [&](IdKind kind, uint64_t count, std::set<uint64_t>& taken) {
        const auto first = catalog_->allocate_ids(kind, count);
        ASSERT_TRUE(first);
        ASSERT_GT(*first, 0u) << "0 is no id";
        for (uint64_t id = *first; id < *first + count; ++id) {
            ASSERT_TRUE(taken.insert(id).second) << id;
        }
    };
    for (const uint64_t count : {1, 1, 63, 64, 65, 1, 1000, 2, 62}) {
        take(IdKind::file, count, files);
        take(IdKind::stream, 1, streams);
        if (count == 65) reopen();
    }
    EXPECT_TRUE(std::ranges::is_sorted(streams));
}

TEST_P(CatalogSuite, IdsRiseSoThatALaterStreamIsAboveAnEarlierOne) {
    uint64_t last = 0;
    for (int start = 0; start < 4; ++start) {
        const uint64_t stream = *catalog_->allocate_ids(IdKind::stream, 1);
        EXPECT_GT(stream, last);
        last = stream;
        reopen();
    }
}

TEST_P(CatalogSuite, ASettingIsKeptAndReplaced) {
    EXPECT_FALSE(*catalog_->setting("a"));
    ASSERT_TRUE(catalog_->put_setting("a", "1"));
    ASSERT_TRUE(catalog_->put_setting("b", std::string_view("\0\xff", 2)));
    ASSERT_TRUE(catalog_->put_setting("a", ""));
    reopen();
    EXPECT_EQ(*catalog_->setting("a"), "");
    EXPECT_EQ(*catalog_->setting("b"), std::string_view("\0\xff", 2));
    EXPECT_FALSE(*catalog_->setting("c"));
}

TEST_P(CatalogSuite, LimitsAreNamed) {
    add_source();
    CommitFiles commit = sample_commit(1, 10);
    commit.idempotency = {sample_key(std::string(kIdempotencyKeyBytesMax, 'k'), 1, commit.now)};
    EXPECT_TRUE(catalog_->commit_files(commit));
    commit.idempotency = {sample_key(std::string(kIdempotencyKeyBytesMax + 1, 'k'), 1, commit.now)};
    commit.add = {sample_file(1)};
    EXPECT_EQ(catalog_->commit_files(commit).error().reason(), "idempotency_key_too_long");
    EXPECT_TRUE(catalog_->sources(sample_tenant(1).id)->at(0).files.empty()) << "nothing changed";
    EXPECT_FALSE(catalog_->put_setting("a", std::string(kSettingBytesMax + 1, 'v')));
    EXPECT_FALSE(catalog_->allocate_ids(IdKind::file, 0));
    EXPECT_FALSE(catalog_->allocate_ids(IdKind::file, kIdsAllocatedMax + 1));
    Source with_files = sample_source(1, 11);
    with_files.files = {sample_file(2)};
    EXPECT_EQ(catalog_->add_source({with_files}).error().code(), Code::invalid_argument);
}

TEST_P(CatalogSuite, NamesAreKeptAsTheyAre) {
    ASSERT_TRUE(add_tenant(*catalog_, sample_tenant(1)));
    ASSERT_TRUE(catalog_->raise_epoch({sample_tenant(1).id}));
    Source source = sample_source(1, 10);
    source.source_id = "'; DROP TABLE sources; -- \n \u00e4\u4e2d";
    source.options.name = "";
    source.options.data_path = std::string("not UTF-8: \xff\xfe, and a NUL: \0.", 28);
    source.columns = {sample_column(1, ColumnType::json)};
    source.columns[0].path = {"a.b", "", "c\"'", std::string("\0", 1)};
    source.columns[0].name = std::string("a.b..c\"'.\0", 10);
    ASSERT_TRUE(catalog_->add_source({source}));
    CommitFiles commit = sample_commit(1, 10);
    commit.idempotency = {sample_key("k\xe4y", 1, commit.now), sample_key("k\x01y", 2, commit.now)};
    ASSERT_TRUE(catalog_->commit_files(commit));
    reopen();
    EXPECT_EQ(only_source().source_id, source.source_id);
    EXPECT_EQ(only_source().options, source.options);
    EXPECT_EQ(only_source().columns, source.columns);
    EXPECT_EQ(*catalog_->idempotency(commit.incarnation, commit.now), commit.idempotency);
}

TEST_P(CatalogSuite, SourcesComeInTheOrderOfTheirIdsBytes) {
    ASSERT_TRUE(add_tenant(*catalog_, sample_tenant(1)));
    const std::vector<std::string> ids{std::string("\0", 1),
                                       "\x01",
                                       "\x02",
                                       "A",
                                       "B",
                                       "Z",
                                       "_",
                                       "a",
                                       "a-b",
                                       "aB",
                                       "a_b",
                                       "ab",
                                       "z",
                                       "\u00c4",
                                       "\u00e4"};
    for (size_t i = 0; i < ids.size(); ++i) {
        Source source = sample_source(1, 10 + i);
        source.source_id = ids[(i * 7) % ids.size()];
        ASSERT_TRUE(catalog_->add_source({source}));
    }
    const auto sources = catalog_->sources(sample_tenant(1).id);
    ASSERT_TRUE(sources);
    std::vector<std::string> found;
    for (const Source& source : *sources) found.push_back(source.source_id);
    EXPECT_EQ(found, ids);
}

INSTANTIATE_TEST_SUITE_P(Implementations, CatalogSuite, ::testing::ValuesIn(implementations()),
                         implementation_name);

}  // namespace
}  // namespace insula::catalog
