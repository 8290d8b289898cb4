#include "stores/tables/tests/planted_store_fault.h"

#include <array>
#include <optional>
#include <utility>

#include "core/catalog/tests/forwarding_catalog.h"
#include "platform/fs/forwarding_file_system.h"

namespace insula::tables::durability {

namespace {

// The section that a restatement begins with: tag, length and its time
// (docs/formats/table-record.md).
constexpr size_t kRestatementBytes = 1 + 4 + 8;
bool is_restatement(Bytes body) { return !body.empty() && body.front() == std::byte{6}; }

class WaitingJournal final : public journal::Journal {
  public:
    WaitingJournal(std::unique_ptr<Journal> journal, StoreFault fault)
        : journal_(std::move(journal)), fault_(fault) {}

    Result<Lsn> append(const journal::RecordHeader& header, std::span<const Bytes> body,
                       Deadline deadline) override {
        if (fault_ == StoreFault::restate_as_write && is_restatement(body.front())) {
            const Bytes rest = body.front().subspan(kRestatementBytes);
            return journal_->append(header, std::array<Bytes, 1>{rest}, deadline);
        }
        return journal_->append(header, body, deadline);
    }
    Lsn durable() const override { return journal_->durable(); }
    void on_durable(Lsn lsn, std::move_only_function<void(Status)> done) override {
        journal_->on_durable(lsn, std::move(done));
    }
    Status wait_durable(Lsn lsn, Deadline deadline) override {
        if (fault_ == StoreFault::flush_without_waiting) return {};
        // The outcome below says whether it worked.
        if (lsn >= journal_->durable()) static_cast<void>(journal_->flush());
        return journal_->wait_durable(lsn, deadline);
    }
    void release(Lsn oldest_needed) override { journal_->release(needed(oldest_needed)); }
    Status remove_streams_below(Lsn oldest_needed) override {
        return journal_->remove_streams_below(needed(oldest_needed));
    }
    journal::Usage usage() const override { return journal_->usage(); }
    Status health() const override { return journal_->health(); }
    Status flush() override { return journal_->flush(); }
    Status close() override { return journal_->close(); }

  private:
    Lsn needed(Lsn oldest_needed) const {
        return fault_ == StoreFault::release_too_much ? journal_->durable() : oldest_needed;
    }

    std::unique_ptr<Journal> journal_;
    const StoreFault fault_;
};

class FaultyCatalog final : public catalog::ForwardingCatalog {
  public:
    FaultyCatalog(std::unique_ptr<Catalog> catalog, FileSystem& fs, std::string data_directory,
                  StoreFault fault)
        : catalog::ForwardingCatalog(std::move(catalog)),
          fs_(fs),
          data_directory_(std::move(data_directory)),
          fault_(fault) {}

    Result<std::vector<catalog::Source>> sources(const TenantId& tenant) override {
        auto sources = catalog::ForwardingCatalog::sources(tenant);
        if (!sources || fault_ != StoreFault::replay_flushed_records) return sources;
        for (catalog::Source& source : *sources) source.flushed_lsn = {};
        return sources;
    }
    Status remove_source(const catalog::RemoveSource& command) override {
        RETURN_IF_ERROR(carry_out());
        if (fault_ == StoreFault::delete_before_commit) RETURN_IF_ERROR(delete_files(command));
        return catalog::ForwardingCatalog::remove_source(command);
    }
    Status commit_files(const catalog::CommitFiles& command) override {
        catalog::CommitFiles changed = command;
        if (fault_ == StoreFault::forget_keys) changed.idempotency.clear();
        if (fault_ == StoreFault::forget_columns) changed.columns.clear();
        if (fault_ == StoreFault::forget_row_ids) changed.next_row_id = 0;
        // Records begin at multiples of eight and are longer than this.
        constexpr uint64_t kTooFar = 1024;
        if (fault_ == StoreFault::flushed_lsn_too_far && changed.flushed_lsn) {
            changed.flushed_lsn->position += kTooFar;
        }
        const bool restates = changed.add.empty() && changed.flushed_lsn;
        if (fault_ == StoreFault::forget_restatement && restates) return {};
        if (fault_ == StoreFault::forget_a_file && changed.add.size() > 1) changed.add.pop_back();
        if (fault_ == StoreFault::commit_one_by_one) return commit_one_by_one(std::move(changed));
        if (fault_ != StoreFault::publish_before_commit)
            return catalog::ForwardingCatalog::commit_files(changed);
        RETURN_IF_ERROR(carry_out());
        late_ = std::move(changed);
        return {};
    }
    Status close() override {
        RETURN_IF_ERROR(carry_out());
        return catalog::ForwardingCatalog::close();
    }

  private:
    // The last one says that all are there.
    Status commit_one_by_one(catalog::CommitFiles command) {
        while (command.add.size() > 1) {
            catalog::CommitFiles first = command;
            first.add.resize(1);
            first.flushed_lsn.reset();
            first.idempotency.clear();
            command.add.erase(command.add.begin());
            RETURN_IF_ERROR(catalog::ForwardingCatalog::commit_files(first));
        }
        return catalog::ForwardingCatalog::commit_files(command);
    }
    Status carry_out() {
        if (!late_) return {};
        const catalog::CommitFiles command = *std::exchange(late_, std::nullopt);
        return catalog::ForwardingCatalog::commit_files(command);
    }
    Status delete_files(const catalog::RemoveSource& command) {
        ASSIGN_OR_RETURN(const auto sources, catalog::ForwardingCatalog::sources(command.tenant));
        for (const catalog::Source& source : sources) {
            if (source.incarnation != command.incarnation || source.files.empty()) continue;
            for (const catalog::DataFile& file : source.files) {
                RETURN_IF_ERROR(
                    fs_.remove(data_directory_ + "/" +
                               catalog::file_path(command.tenant, command.incarnation, file)));
            }
            RETURN_IF_ERROR(
                fs_.sync_directory(data_directory_ + "/" +
                                   catalog::source_directory(command.tenant, command.incarnation)));
        }
        return {};
    }

    FileSystem& fs_;
    const std::string data_directory_;
    const StoreFault fault_;
    std::optional<catalog::CommitFiles> late_;
};

class UnsyncedFile final : public ForwardingFile {
  public:
    using ForwardingFile::ForwardingFile;
    Status sync_data() override { return {}; }
};

class FileSystemWithoutSyncs final : public ForwardingFileSystem {
  public:
    FileSystemWithoutSyncs(FileSystem& fs, StoreFault fault)
        : ForwardingFileSystem(fs), fault_(fault) {}

    Result<std::unique_ptr<File>> open(std::string_view path, OpenMode mode) override {
        ASSIGN_OR_RETURN(auto file, ForwardingFileSystem::open(path, mode));
        if (fault_ != StoreFault::skip_file_sync || !path.ends_with(".parquet")) return file;
        return std::make_unique<UnsyncedFile>(std::move(file));
    }
    Status sync_directory(std::string_view path) override {
        const bool of_files = path.find("/blob/") != std::string_view::npos;
        if (fault_ == StoreFault::skip_file_directory_sync && of_files) return {};
        return ForwardingFileSystem::sync_directory(path);
    }

  private:
    const StoreFault fault_;
};

}  // namespace

std::string_view fault_name(StoreFault fault) {
    static constexpr std::array<std::string_view, static_cast<size_t>(StoreFault::count)> kNames{
        "none",
        "acknowledge_before_sync",
        "skip_journal_sync",
        "recycle_early",
        "release_too_much",
        "flush_without_waiting",
        "restate_as_write",
        "skip_file_sync",
        "skip_file_directory_sync",
        "delete_before_commit",
        "publish_before_commit",
        "flushed_lsn_too_far",
        "replay_flushed_records",
        "forget_keys",
        "forget_columns",
        "forget_row_ids",
        "commit_one_by_one",
        "forget_a_file",
        "forget_restatement",
    };
    return kNames[static_cast<size_t>(fault)];
}

journal::PlantedFault planted_in_journal(StoreFault fault) {
    switch (fault) {
        case StoreFault::acknowledge_before_sync:
            return journal::PlantedFault::acknowledge_before_sync;
        case StoreFault::skip_journal_sync:
            return journal::PlantedFault::skip_sync;
        case StoreFault::recycle_early:
            return journal::PlantedFault::recycle_early;
        default:
            return journal::PlantedFault::none;
    }
}

std::unique_ptr<journal::Journal> waiting_journal(std::unique_ptr<journal::Journal> journal,
                                                  StoreFault fault) {
    return std::make_unique<WaitingJournal>(std::move(journal), fault);
}

std::unique_ptr<catalog::Catalog> faulty_catalog(std::unique_ptr<catalog::Catalog> catalog,
                                                 FileSystem& fs, std::string data_directory,
                                                 StoreFault fault) {
    if (fault == StoreFault::none) return catalog;
    return std::make_unique<FaultyCatalog>(std::move(catalog), fs, std::move(data_directory),
                                           fault);
}

std::unique_ptr<FileSystem> file_system_without_syncs(FileSystem& fs, StoreFault fault) {
    return std::make_unique<FileSystemWithoutSyncs>(fs, fault);
}

}  // namespace insula::tables::durability
