// The directories of a CrashFileSystem: what is seen, what is durable, and the changes in between.
// Failures are errno values. Not thread-safe.
//
// Invariant: the durable entries plus the pending changes, in order, are the current entries.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "platform/fs/crash_content.h"

namespace insula {

struct CrashNode;
using CrashNodePointer = std::shared_ptr<CrashNode>;
using CrashEntries = std::map<std::string, CrashNodePointer, std::less<>>;

// A file or a directory. After a power cut a file may stand under two names.
struct CrashNode {
    bool is_directory = false;
    CrashContent content;  // of a file
    CrashEntries entries;  // of a directory
    CrashEntries durable_entries;
};

class CrashTree {
  public:
    template <class T>
    using Found = std::expected<T, int>;

    CrashTree();

    Found<CrashNodePointer> find(std::string_view path) const;
    // A new file or directory; EEXIST if the name is taken.
    Found<CrashNodePointer> create(std::string_view path, bool is_directory);
    Found<void> rename(std::string_view from, std::string_view to);
    Found<void> remove(std::string_view path, bool directory);
    Found<void> sync_directory(std::string_view path);

    CrashTree after_power_cut(const CrashStyle& style, std::mt19937_64& random) const;

  private:
    struct Place {
        CrashNodePointer directory;
        std::string name;
    };
    struct Change {
        CrashNodePointer directory;
        std::string name;
        CrashNodePointer node;  // null: the entry is gone
    };
    // One create, remove or rename. Once a part of a rename is durable it is no rename any more.
    struct Operation {
        bool is_rename = false;
        std::vector<Change> changes;
    };
    using Names = std::set<std::pair<const CrashNode*, std::string>>;

    Found<Place> place(std::string_view path) const;
    void change(Operation operation);
    static bool shares_name(const Operation& operation, const Names& names);
    static void add_names(const Operation& operation, Names& names);

    CrashNodePointer root_;
    std::vector<Operation> pending_;
};

}  // namespace insula
