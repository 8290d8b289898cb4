#include "platform/fs/crash_tree.h"

#include <algorithm>
#include <cerrno>
#include <functional>
#include <ranges>
#include <unordered_map>

namespace insula {
namespace {

std::expected<std::vector<std::string_view>, int> components(std::string_view path) {
    std::vector<std::string_view> names;
    while (!path.empty()) {
        const size_t slash = path.find('/');
        const std::string_view name = path.substr(0, slash);
        path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
        if (name.empty() || name == ".") continue;
        if (name == "..") return std::unexpected(EINVAL);
        names.push_back(name);
    }
    return names;
}

void put(CrashEntries& entries, const std::string& name, const CrashNodePointer& node) {
    if (node) {
        entries.insert_or_assign(name, node);
    } else {
        entries.erase(name);
    }
}

}  // namespace

CrashTree::CrashTree() : root_(std::make_shared<CrashNode>()) { root_->is_directory = true; }

CrashTree::Found<CrashNodePointer> CrashTree::find(std::string_view path) const {
    const auto names = components(path);
    if (!names) return std::unexpected(names.error());
    CrashNodePointer node = root_;
    for (const std::string_view name : *names) {
        if (!node->is_directory) return std::unexpected(ENOTDIR);
        const auto entry = node->entries.find(name);
        if (entry == node->entries.end()) return std::unexpected(ENOENT);
        node = entry->second;
    }
    return node;
}

CrashTree::Found<CrashTree::Place> CrashTree::place(std::string_view path) const {
    const auto names = components(path);
    if (!names) return std::unexpected(names.error());
    if (names->empty()) return std::unexpected(EBUSY);  // the root itself
    const std::string_view name = names->back();
    const auto directory = find(path.substr(0, static_cast<size_t>(name.data() - path.data())));
    if (!directory) return std::unexpected(directory.error());
    if (!(*directory)->is_directory) return std::unexpected(ENOTDIR);
    return Place{*directory, std::string(name)};
}

void CrashTree::change(Operation operation) {
    for (const Change& change : operation.changes) {
        put(change.directory->entries, change.name, change.node);
    }
    pending_.push_back(std::move(operation));
}

CrashTree::Found<CrashNodePointer> CrashTree::create(std::string_view path, bool is_directory) {
    auto where = place(path);
    if (!where) return std::unexpected(where.error() == EBUSY ? EEXIST : where.error());
    if (where->directory->entries.contains(where->name)) return std::unexpected(EEXIST);
    auto node = std::make_shared<CrashNode>();
    node->is_directory = is_directory;
    change({.changes = {{where->directory, where->name, node}}});
    return node;
}

CrashTree::Found<void> CrashTree::rename(std::string_view from, std::string_view to) {
    auto source = place(from);
    if (!source) return std::unexpected(source.error());
    const auto entry = source->directory->entries.find(source->name);
    if (entry == source->directory->entries.end()) return std::unexpected(ENOENT);
    const CrashNodePointer node = entry->second;
    auto target = place(to);
    if (!target) return std::unexpected(target.error());
    if (node->is_directory && source->directory != target->directory) {
        return std::unexpected(EOPNOTSUPP);
    }
    const auto replaced = target->directory->entries.find(target->name);
    if (replaced != target->directory->entries.end()) {
        const CrashNodePointer& old = replaced->second;
        if (old == node) return {};
        if (old->is_directory && !node->is_directory) return std::unexpected(EISDIR);
        if (!old->is_directory && node->is_directory) return std::unexpected(ENOTDIR);
        if (!old->entries.empty()) return std::unexpected(ENOTEMPTY);
    }
    change({.is_rename = true,
            .changes = {{source->directory, source->name, nullptr},
                        {target->directory, target->name, node}}});
    return {};
}

CrashTree::Found<void> CrashTree::remove(std::string_view path, bool directory) {
    auto where = place(path);
    if (!where) return std::unexpected(where.error());
    const auto entry = where->directory->entries.find(where->name);
    if (entry == where->directory->entries.end()) return std::unexpected(ENOENT);
    const CrashNode& node = *entry->second;
    if (directory && !node.is_directory) return std::unexpected(ENOTDIR);
    if (!directory && node.is_directory) return std::unexpected(EISDIR);
    if (!node.entries.empty()) return std::unexpected(ENOTEMPTY);
    change({.changes = {{where->directory, where->name, nullptr}}});
    return {};
}

bool CrashTree::shares_name(const Operation& operation, const Names& names) {
    return std::ranges::any_of(operation.changes, [&](const Change& change) {
        return names.contains({change.directory.get(), change.name});
    });
}

void CrashTree::add_names(const Operation& operation, Names& names) {
    for (const Change& change : operation.changes) {
        names.emplace(change.directory.get(), change.name);
    }
}

CrashTree::Found<void> CrashTree::sync_directory(std::string_view path) {
    const auto found = find(path);
    if (!found) return std::unexpected(found.error());
    const CrashNode* directory = found->get();
    if (!directory->is_directory) return std::unexpected(ENOTDIR);

    // Backwards: what becomes durable, with the earlier renames that share a name with it. Changes
    // of a name that a durable one came after are of no consequence any more.
    Names names;
    std::vector<Change> durable;
    for (Operation& operation : std::views::reverse(pending_)) {
        const bool from_here = operation.is_rename &&
                               std::ranges::any_of(operation.changes, [&](const Change& change) {
                                   return change.directory.get() == directory && !change.node;
                               });
        const bool whole = from_here || (operation.is_rename && shares_name(operation, names));
        std::vector<Change> rest;
        for (Change& change : operation.changes) {
            const bool becomes_durable = whole || change.directory.get() == directory;
            if (becomes_durable && names.emplace(change.directory.get(), change.name).second) {
                durable.push_back(change);
            } else if (!becomes_durable && !names.contains({change.directory.get(), change.name})) {
                rest.push_back(change);
            }
        }
        if (rest.size() != operation.changes.size()) operation.is_rename = false;
        operation.changes = std::move(rest);
    }
    for (const Change& change : durable) {
        put(change.directory->durable_entries, change.name, change.node);
    }
    std::erase_if(pending_, [](const Operation& operation) { return operation.changes.empty(); });
    return {};
}

CrashTree CrashTree::after_power_cut(const CrashStyle& style, std::mt19937_64& random) const {
    // Backwards: a change that is kept needs the earlier renames that share a name with it.
    Names names;
    std::vector<const Operation*> kept;
    for (const Operation& operation : std::views::reverse(pending_)) {
        const bool drawn = chance(random, style.keep);
        if (!drawn && !(operation.is_rename && shares_name(operation, names))) continue;
        kept.push_back(&operation);
        add_names(operation, names);
    }
    std::unordered_map<const CrashNode*, CrashEntries> left;
    const auto entries_of = [&](const CrashNode& directory) -> CrashEntries& {
        return left.try_emplace(&directory, directory.durable_entries).first->second;
    };
    for (const Operation* operation : std::views::reverse(kept)) {
        for (const Change& change : operation->changes) {
            put(entries_of(*change.directory), change.name, change.node);
        }
    }
    std::unordered_map<const CrashNode*, CrashNodePointer> copies;
    const std::function<CrashNodePointer(const CrashNode&)> copy = [&](const CrashNode& node) {
        if (const auto known = copies.find(&node); known != copies.end()) return known->second;
        auto found = std::make_shared<CrashNode>();
        copies.emplace(&node, found);
        found->is_directory = node.is_directory;
        if (!node.is_directory) {
            found->content = node.content.after_power_cut(style, random);
            return found;
        }
        for (const auto& [name, child] : entries_of(node)) found->entries[name] = copy(*child);
        found->durable_entries = found->entries;
        return found;
    };
    CrashTree tree;
    tree.root_ = copy(*root_);
    return tree;
}

}  // namespace insula
