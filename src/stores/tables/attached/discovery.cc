#include "stores/tables/attached/discovery.h"

#include <algorithm>
#include <optional>
#include <span>

#include "platform/json/utf8.h"

namespace insula::tables {

namespace {

std::vector<std::string> names_of(std::string_view path) {
    std::vector<std::string> names;
    while (!path.empty()) {
        const size_t end = std::min(path.find('/'), path.size());
        if (end > 0) names.emplace_back(path.substr(0, end));
        path.remove_prefix(std::min(end + 1, path.size()));
    }
    return names;
}

Error too_many_files(const Error& error) {
    return Error(Code::unprocessable, "attachment_too_large",
                 "The address names more than " + std::to_string(kAttachedFilesMax) +
                     " files, which is the most that one source may have.")
        .with_hint("Attach parts of them as sources of their own; a request may name several.")
        .with_detail(error.detail());
}

// The directory at the address below the root, for an absolute address: what follows the root.
std::optional<std::vector<std::string>> below(const OutsideDirectory& root,
                                              const AttachedAddress& address) {
    if (!address.absolute) return address.directories;
    const std::vector<std::string> above = names_of(root.path());
    if (address.directories.size() < above.size() ||
        !std::equal(above.begin(), above.end(), address.directories.begin())) {
        return std::nullopt;
    }
    return std::vector<std::string>(
        address.directories.begin() + static_cast<ptrdiff_t>(above.size()),
        address.directories.end());
}

Result<std::vector<OutsideEntry>> list(const AttachedPlace& place,
                                       const std::function<bool(std::string_view)>& wanted) {
    // Names end up in messages: those that are no text are passed over.
    const auto usable = [&](std::string_view name) {
        return wanted(name) && json::valid_utf8(name);
    };
    auto files = place.root->files(place.directories, usable, kAttachedFilesMax);
    if (!files && files.error().reason() == "too_many_outside_files") {
        return fail(too_many_files(files.error()));
    }
    if (files && files->empty()) return fail(attachment_not_found("no file of a known ending"));
    return files;
}

Result<std::vector<OutsideEntry>> find_plain(AttachedPlace& place, const std::string& name) {
    std::vector<std::string> path = place.directories;
    path.push_back(name);
    const auto identity = place.root->identity(path);
    if (identity) {
        if (!attached_format(name)) return fail(attachment_not_found("an unknown ending"));
        return std::vector<OutsideEntry>{{name, *identity}};
    }
    if (identity.error().code() != Code::not_found) return fail(identity.error());
    place.directories = std::move(path);
    return list(place, [](std::string_view entry) {
        return !entry.starts_with('.') && !entry.starts_with('_') && attached_format(entry);
    });
}

Result<std::vector<OutsideEntry>> find_in(AttachedPlace& place, const NamePattern& last) {
    if (last.is_plain()) return find_plain(place, last.text());
    return list(place, [&](std::string_view entry) {
        return !entry.starts_with('.') && attached_format(entry) && last.matches(entry);
    });
}

bool is_absent(const Error& error) {
    return error.code() == Code::not_found || error.reason() == "attachment_not_found";
}

}  // namespace

Result<std::unique_ptr<OutsideFile>> AttachedPlace::open(const std::string& name) const {
    std::vector<std::string> path = directories;
    path.push_back(name);
    return root->open(path);
}

Result<FoundFiles> find_attached(const AllowedRoots& roots, const AttachedAddress& address) {
    std::string tried;
    for (const auto& root : roots) {
        auto directories = below(*root, address);
        if (!directories) continue;
        AttachedPlace place{root, *std::move(directories)};
        auto files = find_in(place, address.last);
        if (files) return FoundFiles{std::move(place), *std::move(files)};
        if (!is_absent(files.error())) return fail(files.error());
        tried.append(tried.empty() ? "" : "; ").append(files.error().detail());
    }
    return fail(attachment_not_found(tried.empty() ? "below no allowed directory" : tried));
}

}  // namespace insula::tables
