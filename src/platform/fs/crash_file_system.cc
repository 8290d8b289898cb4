#include "platform/fs/crash_file_system.h"

#include <cerrno>
#include <mutex>
#include <set>
#include <type_traits>
#include <utility>

#include "platform/fs/crash_tree.h"
#include "platform/fs/storage_error.h"

namespace insula {
namespace {

constexpr uint64_t kSpaceBytes = 1024 * kGiB;

enum class Kind { sync, other };

Error power_is_off(std::string_view call, std::string_view path) {
    return storage_error(call, path, EIO).with_detail("simulated power cut");
}

}  // namespace

struct CrashFileSystem::State {
    State(std::shared_ptr<std::mutex> shared_lock, CrashTree found)
        : lock(std::move(shared_lock)), tree(std::move(found)) {}

    // Pages are shared between a file system and those that crash() made of it, hence one lock for
    // all.
    const std::shared_ptr<std::mutex> lock;
    CrashTree tree;
    std::set<std::string, std::less<>> locked_paths;
    bool off = false;
    uint64_t calls = 0;
    uint64_t syncs = 0;
    uint64_t cut_at_call = 0;  // in terms of `calls`; 0: never
    uint64_t cut_at_sync = 0;
    bool cut_after_effect = false;
    std::function<void(SyncMoment)> sync_hook;
    SpaceInfo space{.total_bytes = kSpaceBytes, .available_bytes = kSpaceBytes};

    // Counts the call, applies a power cut, and turns an errno into an Error.
    template <class Effect>
    auto run(Kind kind, std::string_view call, std::string_view path, Effect effect)
        -> Result<typename decltype(effect())::value_type> {
        const std::lock_guard guard(*lock);
        ++calls;
        if (kind == Kind::sync) ++syncs;
        if (off) return fail(power_is_off(call, path));
        const bool cut = calls == cut_at_call || (kind == Kind::sync && syncs == cut_at_sync);
        if (cut) off = true;
        if (cut && !cut_after_effect) return fail(power_is_off(call, path));
        auto result = effect();
        if (cut) return fail(power_is_off(call, path));
        if (!result) return fail(storage_error(call, path, result.error()));
        if constexpr (std::is_void_v<typename decltype(effect())::value_type>) {
            return {};
        } else {
            return *std::move(result);
        }
    }

    template <class Effect>
    Status sync(std::string_view call, std::string_view path, Effect effect) {
        std::function<void(SyncMoment)> hook;
        {
            const std::lock_guard guard(*lock);
            if (!off) hook = sync_hook;
        }
        if (hook) hook(SyncMoment::before);
        Status status = run(Kind::sync, call, path, effect);
        if (hook) hook(SyncMoment::after);
        return status;
    }
};

class CrashFile final : public File {
  public:
    CrashFile(CrashFileSystem::State& state, CrashNodePointer node, std::string path, OpenMode mode)
        : state_(state),
          node_(std::move(node)),
          path_(std::move(path)),
          writable_(mode != OpenMode::read) {}

    Result<size_t> read_at(MutableBytes out, uint64_t offset) override {
        return state_.run(Kind::other, "read", path_, [&]() -> std::expected<size_t, int> {
            return node_->content.read(out, offset);
        });
    }

    Status write_at(Bytes data, uint64_t offset) override {
        return state_.run(Kind::other, "write", path_, [&]() -> std::expected<void, int> {
            if (!writable_) return std::unexpected(EBADF);
            if (data.size() > kCrashFileBytesMax || offset > kCrashFileBytesMax - data.size()) {
                return std::unexpected(EFBIG);
            }
            node_->content.write(data, offset);
            return {};
        });
    }

    Status sync_data() override {
        return state_.sync("fdatasync", path_, [&]() -> std::expected<void, int> {
            node_->content.sync();
            return {};
        });
    }

    Status truncate(uint64_t size) override {
        return state_.run(Kind::other, "truncate", path_, [&]() -> std::expected<void, int> {
            if (!writable_) return std::unexpected(EINVAL);
            if (size > kCrashFileBytesMax) return std::unexpected(EFBIG);
            node_->content.truncate(size);
            return {};
        });
    }

    Result<uint64_t> size() override {
        return state_.run(Kind::other, "stat", path_,
                          [&]() -> std::expected<uint64_t, int> { return node_->content.size(); });
    }

  private:
    CrashFileSystem::State& state_;
    CrashNodePointer node_;
    std::string path_;
    bool writable_;
};

class CrashLock final : public FileLock {
  public:
    CrashLock(CrashFileSystem::State& state, std::string path)
        : state_(state), path_(std::move(path)) {}
    ~CrashLock() override {
        const std::lock_guard guard(*state_.lock);
        state_.locked_paths.erase(path_);
    }

  private:
    CrashFileSystem::State& state_;
    std::string path_;
};

CrashFileSystem::CrashFileSystem()
    : state_(std::make_unique<State>(std::make_shared<std::mutex>(), CrashTree())) {}
CrashFileSystem::CrashFileSystem(std::unique_ptr<State> state) : state_(std::move(state)) {}
CrashFileSystem::~CrashFileSystem() = default;

std::unique_ptr<CrashFileSystem> CrashFileSystem::crash(uint64_t seed) const {
    std::mt19937_64 random(seed);
    const CrashStyle style = CrashStyle::draw(random);
    const std::lock_guard guard(*state_->lock);
    auto state = std::make_unique<State>(state_->lock, state_->tree.after_power_cut(style, random));
    return std::unique_ptr<CrashFileSystem>(new CrashFileSystem(std::move(state)));
}

void CrashFileSystem::set_power_cut(PowerCut cut) {
    const std::lock_guard guard(*state_->lock);
    state_->cut_at_call = cut.at_call == 0 ? 0 : state_->calls + cut.at_call;
    state_->cut_at_sync = cut.at_sync == 0 ? 0 : state_->syncs + cut.at_sync;
    state_->cut_after_effect = cut.after_effect;
}

void CrashFileSystem::cut_power() {
    const std::lock_guard guard(*state_->lock);
    state_->off = true;
}

bool CrashFileSystem::powered_off() const {
    const std::lock_guard guard(*state_->lock);
    return state_->off;
}

uint64_t CrashFileSystem::sync_calls() const {
    const std::lock_guard guard(*state_->lock);
    return state_->syncs;
}

uint64_t CrashFileSystem::calls() const {
    const std::lock_guard guard(*state_->lock);
    return state_->calls;
}

void CrashFileSystem::set_sync_hook(std::function<void(SyncMoment)> hook) {
    const std::lock_guard guard(*state_->lock);
    state_->sync_hook = std::move(hook);
}

void CrashFileSystem::set_space(SpaceInfo space) {
    const std::lock_guard guard(*state_->lock);
    state_->space = space;
}

Result<std::unique_ptr<File>> CrashFileSystem::open(std::string_view path, OpenMode mode) {
    const auto find = [&]() -> std::expected<CrashNodePointer, int> {
        auto node = state_->tree.find(path);
        const bool missing = !node && node.error() == ENOENT;
        if (mode == OpenMode::create || (mode == OpenMode::create_or_open && missing)) {
            return state_->tree.create(path, false);
        }
        if (node && (*node)->is_directory) return std::unexpected(EISDIR);
        return node;
    };
    ASSIGN_OR_RETURN(auto node, state_->run(Kind::other, "open", path, find));
    return std::make_unique<CrashFile>(*state_, std::move(node), std::string(path), mode);
}

Status CrashFileSystem::rename(std::string_view from, std::string_view to) {
    Status status =
        state_->run(Kind::other, "rename", from, [&] { return state_->tree.rename(from, to); });
    if (!status) return fail(status.error().with_detail(to));
    return status;
}

Status CrashFileSystem::remove(std::string_view path) {
    return state_->run(Kind::other, "remove", path,
                       [&] { return state_->tree.remove(path, false); });
}

Status CrashFileSystem::create_directory(std::string_view path) {
    const auto created = state_->run(Kind::other, "create directory", path,
                                     [&] { return state_->tree.create(path, true); });
    if (!created) return fail(created.error());
    return {};
}

Status CrashFileSystem::remove_directory(std::string_view path) {
    return state_->run(Kind::other, "remove directory", path,
                       [&] { return state_->tree.remove(path, true); });
}

Status CrashFileSystem::sync_directory(std::string_view path) {
    return state_->sync("sync directory", path, [&] { return state_->tree.sync_directory(path); });
}

Result<std::vector<DirectoryEntry>> CrashFileSystem::list(std::string_view path) {
    using Entries = std::vector<DirectoryEntry>;
    return state_->run(Kind::other, "list", path, [&]() -> std::expected<Entries, int> {
        const auto directory = state_->tree.find(path);
        if (!directory) return std::unexpected(directory.error());
        if (!(*directory)->is_directory) return std::unexpected(ENOTDIR);
        Entries entries;
        for (const auto& [name, node] : (*directory)->entries) {
            entries.push_back({name, node->is_directory});
        }
        return entries;
    });
}

Result<bool> CrashFileSystem::exists(std::string_view path) {
    return state_->run(Kind::other, "stat", path, [&]() -> std::expected<bool, int> {
        const auto node = state_->tree.find(path);
        if (node) return true;
        if (node.error() == ENOENT || node.error() == ENOTDIR) return false;
        return std::unexpected(node.error());
    });
}

Result<SpaceInfo> CrashFileSystem::space(std::string_view path) {
    return state_->run(Kind::other, "space", path, [&]() -> std::expected<SpaceInfo, int> {
        const auto node = state_->tree.find(path);
        if (!node) return std::unexpected(node.error());
        return state_->space;
    });
}

Result<std::unique_ptr<FileLock>> CrashFileSystem::lock(std::string_view path) {
    const auto take = [&]() -> std::expected<void, int> {
        const auto node = state_->tree.find(path);
        if (!node && node.error() != ENOENT) return std::unexpected(node.error());
        if (node && (*node)->is_directory) return std::unexpected(EISDIR);
        if (!node) {
            const auto created = state_->tree.create(path, false);
            if (!created) return std::unexpected(created.error());
        }
        if (!state_->locked_paths.emplace(path).second) return std::unexpected(EWOULDBLOCK);
        return {};
    };
    RETURN_IF_ERROR(state_->run(Kind::other, "lock", path, take));
    return std::make_unique<CrashLock>(*state_, std::string(path));
}

}  // namespace insula
