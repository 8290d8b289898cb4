// What holds for tenants, their directories and audit records in every implementation of the
// catalog.
#include <gtest/gtest.h>

#include "core/catalog/refusals.h"
#include "core/catalog/tests/catalog_suite.h"

namespace insula::catalog {
namespace {

class DirectorySuite : public CatalogSuite {
  protected:
    uint64_t change(const ChangeDirectory& command) {
        const auto revision = catalog_->change_directory(command);
        EXPECT_TRUE(revision) << revision.error().describe();
        return revision.value_or(0);
    }
    uint64_t put(DirectoryEntry entry, uint64_t replaces = 0) {
        ChangeDirectory command;
        command.put.push_back({std::move(entry), replaces});
        return change(command);
    }
    void expect_refused(const ChangeDirectory& command, Code code, std::string_view reason) {
        const std::string before = content();
        const auto revision = catalog_->change_directory(command);
        CatalogSuite::expect_refused(revision ? Status() : Status(fail(revision.error())), code,
                                     reason, before);
    }
    Tenant tenant(uint8_t number) {
        const auto tenants = catalog_->tenants();
        EXPECT_TRUE(tenants);
        for (const Tenant& tenant : *tenants) {
            if (tenant.id == sample_tenant(number).id) return tenant;
        }
        ADD_FAILURE() << "no tenant " << int{number};
        return {};
    }
    std::vector<DirectoryEntry> directory(uint8_t number) {
        auto entries = catalog_->directory(sample_tenant(number).id);
        EXPECT_TRUE(entries);
        return entries.value_or(std::vector<DirectoryEntry>());
    }
    void begin_removal(uint8_t number) {
        ChangeDirectory command;
        command.update_tenant = tenant(number);
        command.update_tenant->status = TenantStatus::removing;
        change(command);
    }
};

TEST_P(DirectorySuite, EachChangeHasAHigherRevision) {
    ASSERT_TRUE(add_tenant(*catalog_, sample_tenant(1)));
    const uint64_t first = tenant(1).revision;
    EXPECT_GT(first, 0u);
    const uint64_t second = put(sample_entry(1, "a"));
    EXPECT_GT(second, first);
    reopen();
    EXPECT_GT(put(sample_entry(1, "b")), second);
    EXPECT_EQ(tenant(1).revision, first) << "an entry is no change of the tenant itself";
}

TEST_P(DirectorySuite, ATenantIsUpdatedAsItWasRead) {
    ASSERT_TRUE(add_tenant(*catalog_, sample_tenant(1)));
    ASSERT_TRUE(add_tenant(*catalog_, sample_tenant(2)));
    ChangeDirectory command;
    command.update_tenant = tenant(1);
    command.update_tenant->slug = "renamed";
    command.update_tenant->name = "R\u00e9named";
    command.update_tenant->status = TenantStatus::suspended;
    command.update_tenant->profile = std::string("\0plan", 5);
    const uint64_t revision = change(command);
    reopen();
    const Tenant updated = tenant(1);
    EXPECT_EQ(updated.slug, "renamed");
    EXPECT_EQ(updated.name, "R\u00e9named");
    EXPECT_EQ(updated.status, TenantStatus::suspended);
    EXPECT_EQ(updated.profile, std::string("\0plan", 5));
    EXPECT_EQ(updated.revision, revision);
    expect_refused(command, Code::failed_precondition, "directory_changed");

    command.update_tenant = updated;
    command.update_tenant->slug = sample_tenant(2).slug;
    expect_refused(command, Code::already_exists, "tenant_exists");
    command.update_tenant = sample_tenant(3);
    expect_refused(command, Code::failed_precondition, "directory_changed");
}

TEST_P(DirectorySuite, EntriesComeBackByKindAndName) {
    ASSERT_TRUE(add_tenant(*catalog_, sample_tenant(1)));
    DirectoryEntry key = sample_entry(1, "key");
    key.kind = EntryKind::api_key;
    key.lookup = std::string("\x00\xff hash", 7);
    DirectoryEntry binary = sample_entry(1, "\u00e4 '\"%_");
    binary.value = std::string("\0\xff", 2);
    DirectoryEntry of_platform = sample_entry(1, "root");
    of_platform.tenant = {};
    ChangeDirectory command;
    command.put = {{key}, {binary}, {sample_entry(1, "B")}, {sample_entry(1, "a")}, {of_platform}};
    const uint64_t revision = change(command);
    reopen();
    std::vector<std::string> names;
    for (const DirectoryEntry& entry : directory(1)) names.push_back(entry.name);
    EXPECT_EQ(names, (std::vector<std::string>{"B", "a", "\u00e4 '\"%_", "key"}));
    key.revision = binary.revision = of_platform.revision = revision;
    EXPECT_EQ(directory(1)[3], key);
    EXPECT_EQ(directory(1)[2], binary);
    EXPECT_EQ(catalog_->directory({})->at(0), of_platform);
    EXPECT_EQ(*catalog_->find_entry(key.lookup), key);
    EXPECT_EQ(*catalog_->find_entry("no such"), std::nullopt);
    EXPECT_EQ(*catalog_->find_entry(""), std::nullopt) << "those without one are not found by it";
}

TEST_P(DirectorySuite, ANameIsUniqueInItsTenantAndKindAndALookupEverywhere) {
    ASSERT_TRUE(add_tenant(*catalog_, sample_tenant(1)));
    ASSERT_TRUE(add_tenant(*catalog_, sample_tenant(2)));
    DirectoryEntry entry = sample_entry(1, "a");
    entry.lookup = "hash";
    put(entry);
    ChangeDirectory again;
    again.put = {{sample_entry(1, "a")}};
    expect_refused(again, Code::already_exists, "entry_exists");
    DirectoryEntry foreign = sample_entry(2, "a");
    foreign.lookup = "hash";
    again.put = {{foreign}};
    expect_refused(again, Code::already_exists, "entry_exists");
    foreign.lookup = "another";
    put(foreign);
    DirectoryEntry other_kind = sample_entry(1, "a");
    other_kind.kind = EntryKind::role;
    put(other_kind);
    EXPECT_EQ(directory(1).size(), 2u);
    EXPECT_EQ(directory(2).size(), 1u);
}

TEST_P(DirectorySuite, AnEntryIsReplacedAsItWasRead) {
    ASSERT_TRUE(add_tenant(*catalog_, sample_tenant(1)));
    const uint64_t first = put(sample_entry(1, "a"));
    DirectoryEntry changed = sample_entry(1, "a");
    changed.value = "changed";
    changed.lookup = "hash";
    const uint64_t second = put(changed, first);
    EXPECT_EQ(directory(1).at(0).value, "changed");
    EXPECT_EQ(directory(1).at(0).revision, second);
    ChangeDirectory stale;
    stale.put = {{changed, first}};
    expect_refused(stale, Code::failed_precondition, "directory_changed");
    stale.put = {{sample_entry(1, "never"), second}};
    expect_refused(stale, Code::failed_precondition, "directory_changed");
    changed.lookup.clear();
    put(changed, second);
    EXPECT_EQ(*catalog_->find_entry("hash"), std::nullopt);
}

TEST_P(DirectorySuite, AChangeIsCarriedOutAsAWholeOrNotAtAll) {
    ASSERT_TRUE(add_tenant(*catalog_, sample_tenant(1)));
    put(sample_entry(1, "old"));
    ChangeDirectory command;
    command.add_tenant = sample_tenant(2);
    command.remove = {{sample_tenant(1).id, EntryKind::user, "old"}};
    command.put = {{sample_entry(2, "owner")}, {sample_entry(1, "old")}};
    command.audit = {sample_audit(1, "who did it")};
    ChangeDirectory failing = command;
    failing.put.push_back({sample_entry(3, "of nobody")});
    expect_refused(failing, Code::failed_precondition, "tenant_unknown");
    failing = command;
    failing.remove.push_back({sample_tenant(1).id, EntryKind::user, "never"});
    expect_refused(failing, Code::failed_precondition, "entry_unknown");

    const uint64_t revision = change(command);
    EXPECT_EQ(directory(2).at(0).name, "owner");
    EXPECT_EQ(directory(1).at(0).revision, revision) << "removed, then put anew";
    EXPECT_EQ(catalog_->audit_records(10)->size(), 1u);
}

TEST_P(DirectorySuite, ATenantThatIsRemovedLosesItsDirectoryAtOnceAndItsRowAtLast) {
    ASSERT_TRUE(add_tenant(*catalog_, sample_tenant(2)));
    add_source();
    DirectoryEntry entry = sample_entry(1, "a");
    entry.lookup = "hash";
    const uint64_t put_at = put(entry);
    put(sample_entry(2, "a"));
    ChangeDirectory remove;
    remove.remove_tenant = sample_tenant(1).id;
    expect_refused(remove, Code::failed_precondition, "tenant_unknown");

    begin_removal(1);
    EXPECT_TRUE(directory(1).empty());
    EXPECT_EQ(directory(2).size(), 1u) << "of another tenant";
    EXPECT_EQ(*catalog_->find_entry("hash"), std::nullopt);
    ChangeDirectory after;
    after.put = {{sample_entry(1, "b")}};
    expect_refused(after, Code::failed_precondition, "tenant_unknown");
    after.put = {{entry, put_at}};
    expect_refused(after, Code::failed_precondition, "directory_changed");
    after.put.clear();
    after.update_tenant = tenant(1);
    after.update_tenant->status = TenantStatus::active;
    expect_refused(after, Code::failed_precondition, "directory_changed");
    const std::string before = content();
    CatalogSuite::expect_refused(catalog_->add_source({sample_source(1, 11)}),
                                 Code::failed_precondition, "tenant_unknown", before);

    expect_refused(remove, Code::failed_precondition, "tenant_has_sources");
    ASSERT_TRUE(catalog_->remove_source({sample_tenant(1).id, SourceIncarnation{10}}));
    change(remove);
    EXPECT_EQ(catalog_->tenants()->size(), 1u);
    expect_refused(remove, Code::failed_precondition, "tenant_unknown");
    EXPECT_TRUE(add_tenant(*catalog_, sample_tenant(1))) << "its id and slug are free";
}

TEST_P(DirectorySuite, AllEpochsRiseTogether) {
    ASSERT_TRUE(add_tenant(*catalog_, sample_tenant(1)));
    ASSERT_TRUE(catalog_->raise_epochs());
    ASSERT_TRUE(add_tenant(*catalog_, sample_tenant(2)));
    ASSERT_TRUE(catalog_->raise_epochs());
    EXPECT_EQ(tenant(1).epoch, Epoch{2});
    EXPECT_EQ(tenant(2).epoch, Epoch{1});
}

TEST_P(DirectorySuite, AuditRecordsAreKeptWithWhatTheyTellOfUntilTheyAreForgotten) {
    ASSERT_TRUE(add_tenant(*catalog_, sample_tenant(1)));
    ASSERT_TRUE(catalog_->raise_epochs());
    ASSERT_TRUE(catalog_->add_source({sample_source(1, 10), {sample_audit(1, "added")}}));
    CommitFiles commit = sample_commit(1, 10);
    commit.audit = {sample_audit(2, "committed"), sample_audit(3, "twice")};
    ASSERT_TRUE(catalog_->commit_files(commit));
    ++commit.epoch.value;
    EXPECT_FALSE(catalog_->commit_files(commit)) << "and tells of nothing";
    ASSERT_TRUE(catalog_->remove_source(
        {sample_tenant(1).id, SourceIncarnation{10}, {sample_audit(4, "removed")}}));
    reopen();
    const auto records = *catalog_->audit_records(10);
    ASSERT_EQ(records.size(), 4u);
    EXPECT_EQ(records[0].record, "added");
    EXPECT_EQ(records[3].record, "removed");
    EXPECT_EQ(records[1].id, sample_audit(2, "").id);
    EXPECT_EQ(records[1].tenant, sample_audit(2, "").tenant);
    EXPECT_LT(records[2].number, records[3].number);
    EXPECT_EQ(catalog_->audit_records(2)->size(), 2u);

    ASSERT_TRUE(catalog_->forget_audit_records({records[0].number, records[3].number, 999}));
    EXPECT_EQ(catalog_->audit_records(10)->size(), 2u);
    ASSERT_TRUE(catalog_->forget_audit_records({records[1].number, records[2].number}));
    reopen();
    put(sample_entry(1, "a"));
    ChangeDirectory telling;
    telling.audit = {sample_audit(5, "later")};
    change(telling);
    EXPECT_GT(catalog_->audit_records(1)->at(0).number, records[3].number) << "never reused";
}

TEST_P(DirectorySuite, LimitsAreNamed) {
    ASSERT_TRUE(add_tenant(*catalog_, sample_tenant(1)));
    ChangeDirectory command;
    command.put.assign(kDirectoryEntriesMax + 1, {sample_entry(1, "a")});
    expect_refused(command, Code::invalid_argument, "too_many_entries");
    command.put.assign(1, {sample_entry(1, std::string(kEntryNameBytesMax + 1, 'n'))});
    expect_refused(command, Code::invalid_argument, "invalid_entry_name");
    command.put.assign(1, {sample_entry(1, "")});
    expect_refused(command, Code::invalid_argument, "invalid_entry_name");
    command.put.assign(1, {sample_entry(1, std::string(kEntryNameBytesMax, 'n'))});
    command.put[0].entry.value.assign(kEntryValueBytesMax + 1, 'v');
    expect_refused(command, Code::invalid_argument, "entry_too_large");
    command.put[0].entry.value.pop_back();
    change(command);
}

INSTANTIATE_TEST_SUITE_P(Implementations, DirectorySuite, ::testing::ValuesIn(implementations()),
                         implementation_name);

}  // namespace
}  // namespace insula::catalog
