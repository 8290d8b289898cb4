#include "platform/engine/engine_file_system.h"

#include <algorithm>
#include <utility>

#include "duckdb/common/exception.hpp"
#include "duckdb/common/file_opener.hpp"
#include "platform/engine/paths.h"
#include "platform/engine/query_state.h"

namespace insula::engine {

namespace {

using duckdb::FileHandle;
using duckdb::FileOpener;
using duckdb::FileOpenFlags;
using duckdb::FileSystem;
using duckdb::idx_t;
using duckdb::optional_ptr;
using std::string;

// Thrift's in-memory form of a footer takes about this many times its encoded bytes.
constexpr uint64_t kFooterGrowth = 8;

class Handle : public FileHandle {
  public:
    using FileHandle::FileHandle;
    virtual void read(void* out, int64_t bytes, idx_t offset) = 0;
    virtual void write(const void* data, int64_t bytes, idx_t offset) = 0;
    virtual uint64_t size() = 0;
    virtual void truncate(uint64_t) { throw duckdb::PermissionException("read-only file"); }
    void Close() override {}

    idx_t position = 0;
};

MutableBytes bytes_of(void* data, int64_t bytes) {
    return {static_cast<std::byte*>(data), static_cast<size_t>(bytes)};
}
Bytes bytes_of(const void* data, int64_t bytes) {
    return {static_cast<const std::byte*>(data), static_cast<size_t>(bytes)};
}

[[noreturn]] void throw_kept(QueryState& query, Error error) {
    query.keep_error(std::move(error));
    throw duckdb::IOException("a file of the query failed");
}

class DataHandle final : public Handle {
  public:
    DataHandle(FileSystem& fs, const string& path, FileOpenFlags flags,
               duckdb::shared_ptr<QueryState> query, PinnedFile& file)
        : Handle(fs, path, flags), query_(std::move(query)), file_(file) {}

    void read(void* out, int64_t bytes, idx_t offset) override {
        query_->check_stop();
        query_->count_bytes(static_cast<uint64_t>(bytes));
        MutableBytes rest = bytes_of(out, bytes);
        uint64_t at = offset;
        while (!rest.empty()) {
            const Result<size_t> count = file_.file->read_at(rest, at);
            if (!count) throw_kept(*query_, count.error());
            if (*count == 0) end_too_early();
            rest = rest.subspan(*count);
            at += *count;
        }
        note_footer(bytes_of(static_cast<const void*>(out), bytes), offset);
    }
    void write(const void*, int64_t, idx_t) override {
        throw duckdb::PermissionException("read-only file");
    }
    uint64_t size() override { return file_.file->size(); }
    const string& version() const { return file_.pin.version; }

  private:
    // The file says of itself that it goes on. Ours have been checked, so one of them has lost
    // something; others may say anything.
    [[noreturn]] void end_too_early() const {
        if (file_.maker == FileMaker::others) throw duckdb::IOException("ends too early");
        throw_kept(*query_, data_loss("a Parquet file ends too early"));
    }

    // A read up to the end of the file ends with the footer's length and Parquet's magic.
    void note_footer(Bytes data, idx_t offset) {
        if (offset + data.size() != size() || data.size() < 8) return;
        uint32_t length = 0;
        std::memcpy(&length, data.data() + data.size() - 8, sizeof length);
        query_->note_footer(file_, std::min<uint64_t>(length, size()) * kFooterGrowth);
    }

    const duckdb::shared_ptr<QueryState> query_;
    PinnedFile& file_;
};

class OutputHandle final : public Handle {
  public:
    OutputHandle(FileSystem& fs, const string& path, FileOpenFlags flags,
                 duckdb::shared_ptr<QueryState> query)
        : Handle(fs, path, flags), query_(std::move(query)) {}

    void read(void*, int64_t, idx_t) override {
        throw duckdb::PermissionException("write-only file");
    }
    void write(const void* data, int64_t bytes, idx_t offset) override {
        query_->check_stop();
        if (offset != bytes_) throw duckdb::InternalException("a file is written front to back");
        if (const Status status = query_->output()->append(bytes_of(data, bytes)); !status) {
            throw_kept(*query_, status.error());
        }
        bytes_ += static_cast<uint64_t>(bytes);
        query_->count_written(static_cast<uint64_t>(bytes));
    }
    uint64_t size() override { return bytes_; }

  private:
    const duckdb::shared_ptr<QueryState> query_;
    uint64_t bytes_ = 0;
};

class SpillHandle final : public Handle {
  public:
    SpillHandle(FileSystem& fs, const string& path, FileOpenFlags flags,
                std::shared_ptr<SpillFiles> files, std::shared_ptr<SpillFiles::Entry> entry)
        : Handle(fs, path, flags), files_(std::move(files)), entry_(std::move(entry)) {}

    void read(void* out, int64_t bytes, idx_t offset) override {
        MutableBytes rest = bytes_of(out, bytes);
        while (!rest.empty()) {
            const Result<size_t> count = files_->read(*entry_, rest, offset);
            if (!count) throw_spill(count.error());
            if (*count == 0) throw_spill(internal_error("a spill file ends too early"));
            rest = rest.subspan(*count);
            offset += *count;
        }
    }
    void write(const void* data, int64_t bytes, idx_t offset) override {
        if (const Status status = files_->write(*entry_, bytes_of(data, bytes), offset); !status) {
            throw_spill(status.error());
        }
    }
    uint64_t size() override { return entry_->bytes; }
    void truncate(uint64_t size) override {
        if (const Status status = files_->truncate(*entry_, size); !status) {
            throw_spill(status.error());
        }
    }

  private:
    [[noreturn]] void throw_spill(const Error& error) {
        files_->keep_error(error);
        throw duckdb::IOException("a spill file failed");
    }

    const std::shared_ptr<SpillFiles> files_;
    const std::shared_ptr<SpillFiles::Entry> entry_;
};

Handle& ours(FileHandle& handle) { return static_cast<Handle&>(handle); }

bool is_spill(const string& path) { return path.starts_with(kSpillPrefix); }

class EngineFileSystem final : public FileSystem {
  public:
    explicit EngineFileSystem(std::shared_ptr<SpillFiles> spill) : spill_(std::move(spill)) {}

    std::string GetName() const override { return "InsulaFileSystem"; }
    bool CanHandleFile(const string& path) override { return path.starts_with(kRoot); }

    duckdb::unique_ptr<FileHandle> OpenFile(const string& path, FileOpenFlags flags,
                                            optional_ptr<FileOpener> opener) override {
        if (is_spill(path)) return open_spill(path, flags, opener);
        auto query = query_of(opener);
        if (query && flags.OpenForWriting() && path == kOutputPath && query->output()) {
            return duckdb::make_uniq<OutputHandle>(*this, path, flags, std::move(query));
        }
        PinnedFile* file = query ? query->find_file(path) : nullptr;
        if (!file || flags.OpenForWriting()) {
            if (flags.ReturnNullIfNotExists()) return nullptr;
            throw duckdb::IOException("no such file");
        }
        query->count_open(*file);
        return duckdb::make_uniq<DataHandle>(*this, path, flags, std::move(query), *file);
    }

    void Read(FileHandle& handle, void* out, int64_t bytes, idx_t offset) override {
        ours(handle).read(out, bytes, offset);
    }
    int64_t Read(FileHandle& handle, void* out, int64_t bytes) override {
        Handle& file = ours(handle);
        const uint64_t left = file.size() - std::min(file.position, file.size());
        const auto count = static_cast<int64_t>(std::min<uint64_t>(bytes, left));
        if (count > 0) file.read(out, count, file.position);
        file.position += static_cast<idx_t>(count);
        return count;
    }
    void Write(FileHandle& handle, void* data, int64_t bytes, idx_t offset) override {
        ours(handle).write(data, bytes, offset);
    }
    int64_t Write(FileHandle& handle, void* data, int64_t bytes) override {
        Handle& file = ours(handle);
        file.write(data, bytes, file.position);
        file.position += static_cast<idx_t>(bytes);
        return bytes;
    }
    int64_t GetFileSize(FileHandle& handle) override {
        return static_cast<int64_t>(ours(handle).size());
    }
    // Files never change under their id.
    duckdb::timestamp_t GetLastModifiedTime(FileHandle&) override { return duckdb::timestamp_t(0); }
    string GetVersionTag(FileHandle& handle) override {
        const auto* data = dynamic_cast<DataHandle*>(&handle);
        return data ? data->version() : string();
    }
    duckdb::FileType GetFileType(FileHandle&) override {
        return duckdb::FileType::FILE_TYPE_REGULAR;
    }
    void Truncate(FileHandle& handle, int64_t size) override {
        ours(handle).truncate(static_cast<uint64_t>(size));
    }
    void FileSync(FileHandle&) override {}
    bool Trim(FileHandle&, idx_t, idx_t) override { return false; }

    bool DirectoryExists(const string& path, optional_ptr<FileOpener>) override {
        return path == kSpillDirectory || path == kSpillPrefix;
    }
    void CreateDirectory(const string&, optional_ptr<FileOpener>) override { deny(); }
    void RemoveDirectory(const string&, optional_ptr<FileOpener>) override { deny(); }
    bool ListFiles(const string& path, const std::function<void(const string&, bool)>& found,
                   FileOpener* opener) override {
        if (!DirectoryExists(path, opener) || query_of(opener)) return false;
        for (const string& name : spill_->names()) found(name.substr(kSpillPrefix.size()), false);
        return true;
    }
    void MoveFile(const string&, const string&, optional_ptr<FileOpener>) override { deny(); }
    bool FileExists(const string& path, optional_ptr<FileOpener> opener) override {
        if (is_spill(path)) return spill_->find(path) != nullptr;
        const auto query = query_of(opener);
        return query && query->find_file(path) != nullptr;
    }
    bool IsPipe(const string&, optional_ptr<FileOpener>) override { return false; }
    void RemoveFile(const string& path, optional_ptr<FileOpener> opener) override {
        if (!TryRemoveFile(path, opener)) deny();
    }
    bool TryRemoveFile(const string& path, optional_ptr<FileOpener> opener) override {
        return is_spill(path) && !has_client(opener) && spill_->remove(path);
    }
    duckdb::vector<duckdb::OpenFileInfo> Glob(const string& path, FileOpener* opener) override {
        if (!FileExists(path, opener)) return {};
        return {duckdb::OpenFileInfo(path)};
    }
    void Seek(FileHandle& handle, idx_t position) override { ours(handle).position = position; }
    idx_t SeekPosition(FileHandle& handle) override { return ours(handle).position; }
    bool CanSeek() override { return true; }
    // Keeps what was read (checked and unsealed) in the engine's own buffers.
    bool OnDiskFile(FileHandle&) override { return false; }
    string PathSeparator(const string&) override { return "/"; }

  private:
    [[noreturn]] static void deny() { throw duckdb::PermissionException("not allowed"); }

    static bool has_client(optional_ptr<FileOpener> opener) {
        return FileOpener::TryGetClientContext(opener) != nullptr;
    }
    static duckdb::shared_ptr<QueryState> query_of(optional_ptr<FileOpener> opener) {
        auto context = FileOpener::TryGetClientContext(opener);
        return context ? QueryState::find(*context) : nullptr;
    }

    // Spill files belong to the instance: SQL, which comes with a connection, cannot name them.
    duckdb::unique_ptr<FileHandle> open_spill(const string& path, FileOpenFlags flags,
                                              optional_ptr<FileOpener> opener) {
        if (has_client(opener)) throw duckdb::IOException("no such file");
        auto entry = spill_->find(path);
        if (!entry && flags.OpenForWriting()) {
            Result<std::shared_ptr<SpillFiles::Entry>> created = spill_->create(path);
            if (!created) {
                spill_->keep_error(created.error());
                throw duckdb::IOException("a spill file failed");
            }
            entry = *std::move(created);
        }
        if (!entry) throw duckdb::IOException("no such file");
        return duckdb::make_uniq<SpillHandle>(*this, path, flags, spill_, std::move(entry));
    }

    const std::shared_ptr<SpillFiles> spill_;
};

}  // namespace

duckdb::unique_ptr<duckdb::FileSystem> make_engine_file_system(std::shared_ptr<SpillFiles> spill) {
    return duckdb::make_uniq<EngineFileSystem>(std::move(spill));
}

}  // namespace insula::engine
