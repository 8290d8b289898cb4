// A directory of the operating system's that is removed with all below it at the end of a test.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <string>

#include "platform/fs/os_file_system.h"

namespace insula {

class TemporaryDirectory {
  public:
    TemporaryDirectory() : path_(::testing::TempDir() + "insula-test-XXXXXX") {
        if (::mkdtemp(path_.data()) == nullptr) {
            ADD_FAILURE() << "mkdtemp failed for " << path_;
        }
    }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    ~TemporaryDirectory() {
        OsFileSystem fs;
        const Status removed = remove_tree(fs, path_);
        EXPECT_TRUE(removed) << removed.error().describe();
    }
    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

}  // namespace insula
