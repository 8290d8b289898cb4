#include "platform/fs/outside_directory.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "platform/fs/tests/temporary_directory.h"

namespace insula {
namespace {

namespace stdfs = std::filesystem;
using Names = std::vector<std::string>;

// root/ is allowed; secret stands beside it; root/server/ is closed.
class Outside : public testing::Test {
  protected:
    Outside() {
        stdfs::create_directories(root_ + "/a/b");
        stdfs::create_directories(root_ + "/server/inner");
        write("a/one.csv", "1");
        write("a/two.csv", "22");
        write("a/b/deep.csv", "333");
        write("server/own.csv", "4");
        write("server/inner/own.csv", "5");
        std::ofstream(home_.path() + "/secret.csv") << "secret";
    }

    void write(const std::string& name, const std::string& content) {
        std::ofstream(root_ + "/" + name) << content;
    }
    std::string read(const Names& names) {
        const auto file = directory_.open(names);
        if (!file) {
            EXPECT_EQ(file.error().reason(), "outside_file_not_found") << file.error().describe();
            EXPECT_EQ(file.error().message().find('/'), std::string_view::npos);
            return "refused";
        }
        std::string content(100, ' ');
        const auto count = (*file)->read_at(std::as_writable_bytes(std::span(content)), 0);
        EXPECT_TRUE(count);
        content.resize(count.value_or(0));
        return content;
    }
    std::string list(const Names& names, size_t files_max = 100) {
        const auto files =
            directory_.files(names, [](std::string_view) { return true; }, files_max);
        if (!files) return std::string(files.error().reason());
        std::string text;
        for (const OutsideEntry& entry : *files) {
            text += entry.name + ":" + std::to_string(entry.identity.bytes) + " ";
        }
        return text;
    }

    TemporaryDirectory home_;
    const std::string root_ = home_.path() + "/root";
    const OutsideDirectory directory_{root_, root_ + "/server"};
};

TEST_F(Outside, RegularFilesBelowAreReadAndListed) {
    EXPECT_EQ(read({"a", "one.csv"}), "1");
    EXPECT_EQ(read({"a", "b", "deep.csv"}), "333");
    EXPECT_EQ(list({"a"}), "one.csv:1 two.csv:2 ");
    EXPECT_EQ(list({}), "");
    EXPECT_EQ(directory_.identity(Names{"a", "two.csv"})->bytes, 2u);
    const auto some = directory_.files(
        Names{"a"}, [](std::string_view name) { return name.starts_with("t"); }, 1);
    ASSERT_TRUE(some);
    EXPECT_EQ(some->size(), 1u);
    EXPECT_EQ(list({"a"}, 1), "too_many_outside_files");
}

TEST_F(Outside, NoNameLeadsOut) {
    for (const Names& names : std::vector<Names>{{"..", "secret.csv"},
                                                 {"a", "..", "..", "secret.csv"},
                                                 {"../secret.csv"},
                                                 {"a/../../secret.csv"},
                                                 {"a/one.csv"},
                                                 {home_.path() + "/secret.csv"},
                                                 {"", "etc", "passwd"},
                                                 {"/etc/passwd"},
                                                 {".", "a", "one.csv"},
                                                 {"a", ""},
                                                 {"a", "."},
                                                 {"a", ".."},
                                                 {std::string("a\0b", 3)},
                                                 {"a", std::string("one.csv\0", 8)},
                                                 {std::string(5000, 'x')},
                                                 {"none"},
                                                 {"a", "one.csv", "x"},
                                                 Names(70, "a"),
                                                 {}}) {
        EXPECT_EQ(read(names), "refused") << testing::PrintToString(names);
        EXPECT_FALSE(directory_.identity(names)) << testing::PrintToString(names);
    }
    for (const Names& names : std::vector<Names>{{".."}, {"a", ".."}, {"/"}, {"a/b"}, {""}}) {
        EXPECT_EQ(list(names), "outside_file_not_found") << testing::PrintToString(names);
    }
}

TEST_F(Outside, SymbolicLinksAreNotFollowed) {
    stdfs::create_symlink(home_.path() + "/secret.csv", root_ + "/a/link.csv");
    stdfs::create_symlink("one.csv", root_ + "/a/near.csv");
    stdfs::create_directory_symlink(home_.path(), root_ + "/up");
    stdfs::create_directory_symlink("a", root_ + "/same");
    EXPECT_EQ(read({"a", "link.csv"}), "refused");
    EXPECT_EQ(read({"a", "near.csv"}), "refused");
    EXPECT_EQ(read({"up", "secret.csv"}), "refused");
    EXPECT_EQ(read({"same", "one.csv"}), "refused");
    EXPECT_EQ(list({"up"}), "outside_file_not_found");
    EXPECT_EQ(list({"a"}), "one.csv:1 two.csv:2 ");
    // The operator's own path may go through links.
    stdfs::create_directory_symlink(root_, home_.path() + "/link");
    const OutsideDirectory linked(home_.path() + "/link", root_ + "/server");
    EXPECT_TRUE(linked.open(Names{"a", "one.csv"}));
    EXPECT_FALSE(linked.open(Names{"server", "own.csv"}));
}

TEST_F(Outside, OnlyRegularFilesAreOpened) {
    ASSERT_EQ(::mkfifo((root_ + "/a/pipe.csv").c_str(), 0600), 0);
    const int listener = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    const std::string socket_path = root_ + "/a/socket.csv";
    ASSERT_LT(socket_path.size(), sizeof address.sun_path);
    socket_path.copy(address.sun_path, socket_path.size());
    ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(read({"a", "pipe.csv"}), "refused");  // and does not wait for a writer
    EXPECT_EQ(read({"a", "socket.csv"}), "refused");
    EXPECT_EQ(read({"a", "b"}), "refused");
    EXPECT_EQ(list({"a"}), "one.csv:1 two.csv:2 ");
    const OutsideDirectory devices("/dev", "");
    EXPECT_FALSE(devices.open(Names{"zero"}));
    ::close(listener);
}

TEST_F(Outside, TheClosedDirectoryIsNotShownFromAnywhere) {
    EXPECT_EQ(read({"server", "own.csv"}), "refused");
    EXPECT_EQ(read({"server", "inner", "own.csv"}), "refused");
    EXPECT_EQ(list({"server"}), "outside_file_not_found");
    const OutsideDirectory inside(root_ + "/server/inner", root_ + "/server");
    EXPECT_FALSE(inside.open(Names{"own.csv"}));
    const OutsideDirectory itself(root_ + "/server", root_ + "/server");
    EXPECT_FALSE(itself.open(Names{"own.csv"}));
    // Where it cannot be told which directory is closed, none is open.
    const OutsideDirectory unknown(root_, root_ + "/not there");
    EXPECT_FALSE(unknown.open(Names{"a", "one.csv"}));
}

TEST_F(Outside, AnAbsentDirectoryIsAnAnswerToo) {
    const OutsideDirectory absent(home_.path() + "/none", "");
    EXPECT_EQ(absent.open(Names{"a"}).error().reason(), "outside_file_not_found");
    EXPECT_EQ(
        absent.files({}, [](auto) { return true; }, 1).error().reason(), "outside_file_not_found");
}

TEST_F(Outside, AChangeOfTheContentChangesTheIdentity) {
    const Names names{"a", "one.csv"};
    // Long ago, so that the identity is settled.
    const auto age = [&] {
        const std::string path = root_ + "/a/one.csv";
        const timespec times[2] = {{.tv_sec = 1'000'000'000, .tv_nsec = 5},
                                   {.tv_sec = 1'000'000'000, .tv_nsec = 5}};
        ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
    };
    age();
    const FileIdentity first = *directory_.identity(names);
    EXPECT_EQ(first.modified_at, 1'000'000'000'000'000'005);
    EXPECT_FALSE(first.settled) << "its rights and times have just been changed";
    const auto file = directory_.open(names);
    ASSERT_TRUE(file);
    EXPECT_TRUE((*file)->identity()->same_content(first));
    // The same size, put back in time: told by the time of the change.
    write("a/one.csv", "9");
    age();
    const FileIdentity second = *directory_.identity(names);
    EXPECT_EQ(second.bytes, first.bytes);
    EXPECT_EQ(second.modified_at, first.modified_at);
    EXPECT_TRUE(!second.same_content(first) || !first.settled);
    // Another file of that name; the open one stays what it was.
    write("a/new", "999");
    stdfs::rename(root_ + "/a/new", root_ + "/a/one.csv");
    EXPECT_FALSE(directory_.identity(names)->same_content(first));
    EXPECT_EQ((*file)->identity()->inode, first.inode);
}

}  // namespace
}  // namespace insula
