// A directory of the operating system's that is removed with all below it at the end of a test.
#pragma once

#include <stdlib.h>

#include <string>

#include "base/check.h"
#include "platform/fs/os_file_system.h"

namespace insula {

class TemporaryDirectory {
  public:
    TemporaryDirectory() {
        const char* base = ::getenv("TMPDIR");
        path_ = std::string(base == nullptr ? "/tmp" : base) + "/insula-test-XXXXXX";
        INSULA_CHECK(::mkdtemp(path_.data()) != nullptr, "no temporary directory");
    }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    ~TemporaryDirectory() {
        OsFileSystem fs;
        INSULA_CHECK(remove_tree(fs, path_), "the temporary directory cannot be removed");
    }
    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

}  // namespace insula
