#include "platform/fs/faulty_file_system.h"

#include <fmt/core.h>

#include <array>
#include <cerrno>

#include "platform/fs/storage_error.h"

namespace insula {
namespace {

bool needs_room(StorageCall call_kind) {
    switch (call_kind) {
        case StorageCall::write:
        case StorageCall::sync:
        case StorageCall::truncate:
        case StorageCall::rename:
        case StorageCall::create_directory:
        case StorageCall::lock:
            return true;
        default:
            return false;
    }
}

bool needs_descriptor(StorageCall call_kind) {
    return call_kind == StorageCall::open || call_kind == StorageCall::list ||
           call_kind == StorageCall::sync_directory || call_kind == StorageCall::lock;
}

bool applies(Fault fault, StorageCall call_kind, bool creates) {
    switch (fault) {
        case Fault::io_error:
        case Fault::late_io_error:
            return true;
        case Fault::disk_full:
            return creates || needs_room(call_kind);
        case Fault::short_write:
            return call_kind == StorageCall::write;
        case Fault::interrupted:
            return call_kind == StorageCall::read || call_kind == StorageCall::write;
        case Fault::too_many_files:
            return needs_descriptor(call_kind);
    }
    return false;
}

int error_number(Fault fault) {
    switch (fault) {
        case Fault::disk_full:
            return ENOSPC;
        case Fault::too_many_files:
            return EMFILE;
        default:
            return EIO;
    }
}

Error injected(Fault fault, StorageCall call_kind, std::string_view path) {
    return storage_error(fmt::format("injected fault: {}", storage_call_name(call_kind)), path,
                         error_number(fault));
}

}  // namespace

std::string_view storage_call_name(StorageCall call_kind) {
    static constexpr std::array<std::string_view, 15> kNames{"open",
                                                             "read",
                                                             "write",
                                                             "sync",
                                                             "truncate",
                                                             "size",
                                                             "rename",
                                                             "remove",
                                                             "create directory",
                                                             "remove directory",
                                                             "sync directory",
                                                             "list",
                                                             "exists",
                                                             "space",
                                                             "lock"};
    return kNames[static_cast<size_t>(call_kind)];
}

template <class Call>
auto FaultyFileSystem::run(StorageCall call_kind, std::string_view path, Call call, bool creates)
    -> decltype(call()) {
    const auto fault = count(call_kind, path, creates);
    if (!fault) return call();
    if (*fault == Fault::late_io_error) {
        auto result = call();
        if (!result) return result;
    }
    return fail(injected(*fault, call_kind, path));
}

class FaultyFile final : public File {
  public:
    FaultyFile(FaultyFileSystem& fs, std::unique_ptr<File> inner, std::string path,
               std::shared_ptr<FaultyFileSystem::SyncHistory> history)
        : fs_(fs), inner_(std::move(inner)), path_(std::move(path)), history_(std::move(history)) {}

    Result<size_t> read_at(MutableBytes out, uint64_t offset) override {
        const auto fault = fs_.count(StorageCall::read, path_);
        if (!fault) return inner_->read_at(out, offset);
        if (*fault != Fault::interrupted) return fail(injected(*fault, StorageCall::read, path_));
        const size_t half = out.size() / 2;
        ASSIGN_OR_RETURN(const size_t first, inner_->read_at(out.first(half), offset));
        if (first < half) return first;
        ASSIGN_OR_RETURN(const size_t rest, inner_->read_at(out.subspan(half), offset + half));
        return first + rest;
    }

    Status write_at(Bytes data, uint64_t offset) override {
        const auto fault = fs_.count(StorageCall::write, path_);
        if (!fault) return inner_->write_at(data, offset);
        const size_t half = data.size() / 2;
        if (*fault == Fault::interrupted) {
            RETURN_IF_ERROR(inner_->write_at(data.first(half), offset));
            return inner_->write_at(data.subspan(half), offset + half);
        }
        if (*fault == Fault::short_write) {
            RETURN_IF_ERROR(inner_->write_at(data.first(half), offset));
        }
        if (*fault == Fault::late_io_error) RETURN_IF_ERROR(inner_->write_at(data, offset));
        return fail(injected(*fault, StorageCall::write, path_));
    }

    Status sync_data() override {
        const auto fault = fs_.count(StorageCall::sync, path_);
        if (fault) {
            fs_.sync_failed(*history_);
            if (*fault == Fault::late_io_error) RETURN_IF_ERROR(inner_->sync_data());
            return fail(injected(*fault, StorageCall::sync, path_));
        }
        if (fs_.pretends(*history_)) return {};
        return inner_->sync_data();
    }

    Status truncate(uint64_t size) override {
        return fs_.run(StorageCall::truncate, path_, [&] { return inner_->truncate(size); });
    }

    Result<uint64_t> size() override {
        return fs_.run(StorageCall::size, path_, [&] { return inner_->size(); });
    }

  private:
    FaultyFileSystem& fs_;
    std::unique_ptr<File> inner_;
    std::string path_;
    std::shared_ptr<FaultyFileSystem::SyncHistory> history_;
};

void FaultyFileSystem::arm(FaultPlan plan) {
    const std::lock_guard lock(mutex_);
    plan_ = plan;
    calls_ = 0;
    faults_ = 0;
    last_fault_.clear();
}

uint64_t FaultyFileSystem::calls() const {
    const std::lock_guard lock(mutex_);
    return calls_;
}

uint64_t FaultyFileSystem::faults() const {
    const std::lock_guard lock(mutex_);
    return faults_;
}

std::string FaultyFileSystem::last_fault() const {
    const std::lock_guard lock(mutex_);
    return last_fault_;
}

std::optional<Fault> FaultyFileSystem::count(StorageCall call_kind, std::string_view path,
                                             bool creates) {
    const std::lock_guard lock(mutex_);
    if (plan_.only && *plan_.only != call_kind) return std::nullopt;
    ++calls_;
    if (watcher_ && applies(plan_.fault, call_kind, creates)) watcher_(calls_);
    if (plan_.at_call == 0 || calls_ < plan_.at_call) return std::nullopt;
    if (calls_ > plan_.at_call && !plan_.from_then_on) return std::nullopt;
    if (!applies(plan_.fault, call_kind, creates)) return std::nullopt;
    ++faults_;
    last_fault_ = fmt::format("{} {} (call {})", storage_call_name(call_kind), path, calls_);
    return plan_.fault;
}

bool FaultyFileSystem::pretends(const SyncHistory& history) const {
    const std::lock_guard lock(mutex_);
    return history.failed;
}

void FaultyFileSystem::sync_failed(SyncHistory& history) {
    const std::lock_guard lock(mutex_);
    if (plan_.later_syncs_pretend) history.failed = true;
}

Result<std::unique_ptr<File>> FaultyFileSystem::open(std::string_view path, OpenMode mode) {
    const bool creates = mode == OpenMode::create || mode == OpenMode::create_or_open;
    const auto open_inner = [&] { return inner_.open(path, mode); };
    ASSIGN_OR_RETURN(auto file, run(StorageCall::open, path, open_inner, creates));
    std::shared_ptr<SyncHistory> history;
    {
        const std::lock_guard lock(mutex_);
        auto& known = histories_[std::string(path)];
        if (!known || mode == OpenMode::create) known = std::make_shared<SyncHistory>();
        history = known;
    }
    return std::make_unique<FaultyFile>(*this, std::move(file), std::string(path),
                                        std::move(history));
}

Status FaultyFileSystem::rename(std::string_view from, std::string_view to) {
    RETURN_IF_ERROR(run(StorageCall::rename, from, [&] { return inner_.rename(from, to); }));
    const std::lock_guard lock(mutex_);
    if (const auto moved = histories_.extract(std::string(from))) {
        histories_[std::string(to)] = moved.mapped();
    } else {
        histories_.erase(std::string(to));
    }
    return {};
}

Status FaultyFileSystem::remove(std::string_view path) {
    RETURN_IF_ERROR(run(StorageCall::remove, path, [&] { return inner_.remove(path); }));
    const std::lock_guard lock(mutex_);
    histories_.erase(std::string(path));
    return {};
}

Status FaultyFileSystem::create_directory(std::string_view path) {
    return run(StorageCall::create_directory, path, [&] { return inner_.create_directory(path); });
}

Status FaultyFileSystem::remove_directory(std::string_view path) {
    return run(StorageCall::remove_directory, path, [&] { return inner_.remove_directory(path); });
}

Status FaultyFileSystem::sync_directory(std::string_view path) {
    return run(StorageCall::sync_directory, path, [&] { return inner_.sync_directory(path); });
}

Result<std::vector<DirectoryEntry>> FaultyFileSystem::list(std::string_view path) {
    return run(StorageCall::list, path, [&] { return inner_.list(path); });
}

Result<bool> FaultyFileSystem::exists(std::string_view path) {
    return run(StorageCall::exists, path, [&] { return inner_.exists(path); });
}

Result<SpaceInfo> FaultyFileSystem::space(std::string_view path) {
    return run(StorageCall::space, path, [&] { return inner_.space(path); });
}

Result<std::unique_ptr<FileLock>> FaultyFileSystem::lock(std::string_view path) {
    return run(StorageCall::lock, path, [&] { return inner_.lock(path); });
}

}  // namespace insula
