#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "core/audit/checkpoint.h"
#include "core/audit/verification.h"

namespace insula::audit {

namespace {

constexpr std::string_view kIndexMember = R"({"index":)";
constexpr std::string_view kEntryMember = R"(,"entry":)";
constexpr std::string_view kHashMember = R"(,"hash":")";

}  // namespace

std::string export_line(uint64_t index, std::string_view entry) {
    return fmt::format("{}{}{}{}}}\n", kIndexMember, index, kEntryMember, entry);
}

std::optional<ExportLine> parse_export_line(std::string_view line) {
    if (line.ends_with('\n')) line.remove_suffix(1);
    if (!line.starts_with(kIndexMember) || !line.ends_with('}')) return std::nullopt;
    line.remove_prefix(kIndexMember.size());
    ExportLine parsed;
    const char* end = line.data() + line.size();
    const auto [stop, error] = std::from_chars(line.data(), end, parsed.index);
    if (error != std::errc()) return std::nullopt;
    line.remove_prefix(static_cast<size_t>(stop - line.data()));
    line.remove_suffix(1);
    if (line.starts_with(kHashMember) && line.ends_with('"')) {
        const auto hash =
            parse_base64(line.substr(kHashMember.size(), line.size() - kHashMember.size() - 1));
        if (!hash || hash->size() != parsed.leaf.size()) return std::nullopt;
        std::ranges::copy(*hash, parsed.leaf.begin());
        return parsed;
    }
    if (!line.starts_with(kEntryMember)) return std::nullopt;
    parsed.entry = line.substr(kEntryMember.size());
    if (!parsed.entry.starts_with('{') || !parsed.entry.ends_with('}')) return std::nullopt;
    parsed.leaf = leaf_hash(as_bytes(parsed.entry));
    return parsed;
}

ExportVerification::ExportVerification(std::string file, NamedCheckpoint checkpoint,
                                       LogExpectations expected)
    : file_(std::move(file)), expected_(std::move(expected)) {
    report_.found = true;
    checkpoints_.push_back(std::move(checkpoint));
    checkpoints_.insert(checkpoints_.end(), expected_.checkpoints.begin(),
                        expected_.checkpoints.end());
    report_.key = expected_.key;
    if (!report_.key) return;
    for (const NamedCheckpoint& given : checkpoints_) {
        const auto tree = verify_checkpoint(given.text, *report_.key);
        if (tree) roots_[tree->size] = frontier_.root();
    }
}

void ExportVerification::report(std::optional<uint64_t> entry, std::string what) {
    ++report_.damages;
    if (report_.findings.size() >= kLogFindingsMax) return;
    report_.findings.push_back({.file = file_, .entry = entry, .what = std::move(what)});
}

void ExportVerification::line(std::string_view text) {
    ++lines_;
    report_.bytes += text.size();
    const auto parsed = parse_export_line(text);
    if (!parsed) {
        broken_ = true;
        report(report_.entries, fmt::format("line {} is no entry of an export", lines_));
        return;
    }
    if (parsed->index != report_.entries) {
        report(report_.entries, fmt::format("line {}: entry {} stands where entry {} should be",
                                            lines_, parsed->index, report_.entries));
        broken_ = true;
    }
    report_.entries = parsed->index + 1;
    frontier_.append(parsed->leaf);
    if (const auto wanted = roots_.find(frontier_.size()); wanted != roots_.end()) {
        wanted->second = frontier_.root();
    }
}

LogReport ExportVerification::finish() {
    for (size_t i = 0; i < checkpoints_.size(); ++i) {
        const NamedCheckpoint& given = checkpoints_[i];
        const std::string& name = given.name;
        if (!report_.key) {
            report({}, "there is no key to verify the checkpoint " + name + " with");
            continue;
        }
        const auto tree = verify_checkpoint(given.text, *report_.key);
        if (!tree) {
            report({}, name + ": " + std::string(tree.error().detail()));
            continue;
        }
        if (i == 0) report_.checkpoint = *tree;
        if (tree->size > report_.entries) {
            report(report_.entries, fmt::format("the export ends with {} entries, and {} is of {}",
                                                report_.entries, name, tree->size));
        } else if (!broken_ && roots_.at(tree->size) != tree->root) {
            report({}, fmt::format("the first {} entries are not those that {} signs", tree->size,
                                   name));
        }
    }
    return std::move(report_);
}

}  // namespace insula::audit
