// The engine's outside world in memory, and rows to scan. Shared by the tests of this folder.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "platform/engine/engine.h"
#include "platform/engine/tests/chunk_builder.h"

namespace insula::engine::test {

class MemoryFile final : public ReadableFile, public WritableFile {
  public:
    explicit MemoryFile(std::string content = {}) : content_(std::move(content)) {}

    Result<size_t> read_at(MutableBytes out, uint64_t offset) override {
        ++reads;
        if (fail_from && offset + out.size() > *fail_from) {
            return fail(data_loss("frame 7 does not match its checksum"));
        }
        if (offset >= content_.size()) return size_t{0};
        const size_t count = std::min(out.size(), content_.size() - offset);
        std::memcpy(out.data(), content_.data() + offset, count);
        return count;
    }
    uint64_t size() const override { return content_.size(); }
    Status append(Bytes data) override {
        if (append_error) return fail(*append_error);
        content_.append(as_text(data));
        return {};
    }
    const std::string& content() const { return content_; }

    std::atomic<uint64_t> reads = 0;
    std::optional<uint64_t> fail_from;  // reads that touch a byte from here on fail
    std::optional<Error> append_error;

  private:
    std::string content_;
};

class MemorySpill final : public SpillSpace {
  public:
    Result<std::unique_ptr<SpillFile>> create() override {
        if (error) return fail(*error);
        ++created;
        ++alive;
        return std::make_unique<File>(*this);
    }
    std::atomic<uint64_t> created = 0;
    std::atomic<uint64_t> alive = 0;
    std::atomic<uint64_t> bytes_written = 0;
    std::optional<Error> error;

  private:
    class File final : public SpillFile {
      public:
        explicit File(MemorySpill& space) : space_(space) {}
        ~File() override { --space_.alive; }
        Result<size_t> read_at(MutableBytes out, uint64_t offset) override {
            const std::lock_guard lock(mutex_);
            if (offset >= content_.size()) return size_t{0};
            const size_t count = std::min(out.size(), content_.size() - offset);
            std::memcpy(out.data(), content_.data() + offset, count);
            return count;
        }
        Status write_at(Bytes data, uint64_t offset) override {
            const std::lock_guard lock(mutex_);
            if (content_.size() < offset + data.size()) content_.resize(offset + data.size());
            std::memcpy(content_.data() + offset, data.data(), data.size());
            space_.bytes_written += data.size();
            return {};
        }
        Status truncate(uint64_t size) override {
            const std::lock_guard lock(mutex_);
            content_.resize(size);
            return {};
        }
        Result<uint64_t> size() override {
            const std::lock_guard lock(mutex_);
            return content_.size();
        }

      private:
        MemorySpill& space_;
        std::mutex mutex_;
        std::string content_;
    };
};

// A pool of threads that lends itself.
class PoolLender final : public Lender {
  public:
    explicit PoolLender(size_t threads) {
        for (size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
    }
    ~PoolLender() override {
        {
            const std::lock_guard lock(mutex_);
            stopping_ = true;
        }
        changed_.notify_all();
        for (std::thread& thread : threads_) thread.join();
    }
    void lend(size_t threads, std::function<void()> work) override {
        const std::lock_guard lock(mutex_);
        for (size_t i = 0; i < threads; ++i) queue_.push_back(work);
        changed_.notify_all();
        ++asked;
    }
    std::atomic<uint64_t> asked = 0;
    std::atomic<uint64_t> ran = 0;
    std::atomic<uint64_t> inside = 0;

  private:
    void run() {
        std::unique_lock lock(mutex_);
        for (;;) {
            changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
            if (queue_.empty()) return;
            std::function<void()> work = std::move(queue_.front());
            queue_.pop_front();
            lock.unlock();
            ++inside;
            work();
            work = nullptr;
            --inside;
            ++ran;
            lock.lock();
        }
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::function<void()>> queue_;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

inline std::string int128_text(__int128 value) {
    if (value == 0) return "0";
    const bool negative = value < 0;
    std::string digits;
    for (; value != 0; value /= 10) {
        const int digit = static_cast<int>(value % 10);
        digits.insert(digits.begin(), static_cast<char>('0' + (negative ? -digit : digit)));
    }
    return negative ? "-" + digits : digits;
}

inline std::string cell_text(const ResultBatch::Column& column, ResultType type, uint32_t row) {
    if (!column.valid(row)) return "null";
    switch (type) {
        case ResultType::boolean:
            return column.values<uint8_t>()[row] ? "true" : "false";
        case ResultType::float64: {
            std::string text = std::to_string(column.values<double>()[row]);
            text.erase(text.find_last_not_of('0') + 1);
            if (text.ends_with('.')) text.push_back('0');
            return text;
        }
        case ResultType::date:
            return "d" + std::to_string(column.values<int32_t>()[row]);
        case ResultType::timestamp:
            return "t" + std::to_string(column.values<int64_t>()[row]);
        case ResultType::int128:
            return int128_text(column.values<__int128>()[row]);
        case ResultType::string:
        case ResultType::json:
            return std::string(column.values<StringRef>()[row].view());
        case ResultType::int64:
            break;
    }
    return std::to_string(column.values<int64_t>()[row]);
}

// All rows as text: cells joined by '|', rows in order.
inline Result<std::vector<std::string>> rows_of(ResultStream& stream) {
    std::vector<std::string> rows;
    ResultBatch batch;
    for (;;) {
        ASSIGN_OR_RETURN(const bool more, stream.next(batch));
        if (!more) return rows;
        for (uint32_t row = 0; row < batch.rows; ++row) {
            std::string text;
            for (size_t i = 0; i < batch.columns.size(); ++i) {
                if (i > 0) text.push_back('|');
                text += cell_text(batch.columns[i], stream.columns()[i].type, row);
            }
            rows.push_back(std::move(text));
        }
    }
}

class EngineTest : public ::testing::Test {
  protected:
    std::shared_ptr<Instance> open(InstanceOptions options = {}, Lender* lender = nullptr) {
        auto instance = Instance::open(options, spill_, lender);
        EXPECT_TRUE(instance.has_value()) << instance.error().describe();
        return *instance;
    }
    static Result<std::unique_ptr<ResultStream>> start(Instance& instance, Query query) {
        return instance.query(std::move(query), Deadline::after(std::chrono::seconds(60)), {});
    }
    static Result<std::vector<std::string>> run(Instance& instance, Query query) {
        ASSIGN_OR_RETURN(const auto stream, start(instance, std::move(query)));
        return rows_of(*stream);
    }
    static std::vector<std::string> must(Instance& instance, Query query) {
        auto rows = run(instance, std::move(query));
        EXPECT_TRUE(rows.has_value()) << rows.error().describe();
        return rows ? *rows : std::vector<std::string>();
    }
    static std::shared_ptr<MemoryFile> write(Instance& instance, Scan scan,
                                             const ParquetOptions& options = {}) {
        auto file = std::make_shared<MemoryFile>();
        const auto stats = instance.write_parquet(std::move(scan), options, *file,
                                                  Deadline::after(std::chrono::seconds(60)), {});
        EXPECT_TRUE(stats.has_value()) << stats.error().describe();
        if (stats) EXPECT_EQ(stats->bytes, file->size());
        return file;
    }

    MemorySpill spill_;
};

// A ready scan of one int64 column "x" with the values [0, rows).
inline Scan counting_scan(uint32_t rows) {
    ChunkBuilder builder({{ColumnId{1}, ColumnType::int64}});
    for (int64_t i = 0; i < rows; ++i) builder.add({i});
    return {{{ColumnId{1}, "x", ColumnType::int64}}, builder.take(), {}};
}

}  // namespace insula::engine::test
