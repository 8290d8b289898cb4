#include "platform/fs/transfer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <string>

namespace insula {
namespace {

// A system call that answers by script: a positive step moves at most so many bytes, 0 says the
// end, a negative one fails with that errno. An empty script moves everything.
struct ScriptedFile {
    std::deque<int> steps;
    std::string content;

    ssize_t next(size_t wanted) {
        if (steps.empty()) return static_cast<ssize_t>(wanted);
        const int step = steps.front();
        steps.pop_front();
        if (step < 0) {
            errno = -step;
            return -1;
        }
        return std::min(static_cast<ssize_t>(wanted), static_cast<ssize_t>(step));
    }
    ssize_t read(std::byte* out, size_t bytes, uint64_t offset) {
        const size_t there = offset < content.size() ? content.size() - offset : 0;
        const ssize_t count = next(std::min(bytes, there));
        if (count > 0) std::memcpy(out, content.data() + offset, static_cast<size_t>(count));
        return count;
    }
    ssize_t write(const std::byte* data, size_t bytes, uint64_t offset) {
        const ssize_t count = next(bytes);
        if (count > 0) {
            content.resize(std::max<size_t>(content.size(), offset + static_cast<size_t>(count)));
            std::memcpy(content.data() + offset, data, static_cast<size_t>(count));
        }
        return count;
    }
};

std::expected<void, int> write(ScriptedFile& file, std::string_view data) {
    return write_fully(as_bytes(data), 0, [&](const std::byte* at, size_t bytes, uint64_t to) {
        return file.write(at, bytes, to);
    });
}

std::expected<std::string, int> read(ScriptedFile& file, size_t bytes) {
    std::string out(bytes, '?');
    const auto count = read_fully(
        std::as_writable_bytes(std::span(out)), 0,
        [&](std::byte* at, size_t wanted, uint64_t from) { return file.read(at, wanted, from); });
    if (!count) return std::unexpected(count.error());
    return out.substr(0, *count);
}

TEST(Transfer, ShortAndInterruptedWritesGoOnWhereTheyStopped) {
    ScriptedFile file{{3, -EINTR, 1, -EINTR, -EINTR, 2}, ""};
    ASSERT_TRUE(write(file, "abcdefghij"));
    EXPECT_EQ(file.content, "abcdefghij");
}

TEST(Transfer, AFailedWriteReportsItsNumberAfterPartWasWritten) {
    ScriptedFile file{{4, -ENOSPC}, ""};
    const auto result = write(file, "abcdefghij");
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error(), ENOSPC);
    EXPECT_EQ(file.content, "abcd");
}

TEST(Transfer, AWriteWithoutProgressIsAnErrorAndNotALoop) {
    ScriptedFile file{{4, 0}, ""};
    const auto result = write(file, "abcdefghij");
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error(), EIO);
}

TEST(Transfer, ShortAndInterruptedReadsGoOnWhereTheyStopped) {
    ScriptedFile file{{-EINTR, 2, 3, -EINTR}, "abcdefghij"};
    EXPECT_EQ(*read(file, 10), "abcdefghij");
}

TEST(Transfer, AReadStopsAtTheEndAndFailsWithItsNumber) {
    ScriptedFile file{{}, "abc"};
    EXPECT_EQ(*read(file, 10), "abc");
    file.steps = {2, -EIO};
    const auto result = read(file, 10);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error(), EIO);
}

}  // namespace
}  // namespace insula
