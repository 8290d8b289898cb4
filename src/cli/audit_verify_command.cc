// insula audit verify: the audit log of a stopped server, or an export.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/display_text.h"
#include "cli/exit_code.h"
#include "cli/offline_flags.h"
#include "cli/option_checks.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "core/audit/checkpoint.h"
#include "core/audit/verification.h"
#include "platform/fs/os_file_system.h"
#include "platform/json/json_writer.h"
#include "platform/runtime/clock.h"
#include "server/offline/stopped_node.h"

namespace insula::cli {

namespace {

using audit::LogFinding;
using audit::LogReport;

struct VerifyArguments {
    std::string data_dir;
    std::string file;
    std::vector<std::string> checkpoints;
    std::string key;
    bool json = false;
    OsFileSystem fs;
    SystemClock clock;
};

std::string_view severity_name(const LogFinding& finding) {
    return finding.severity == LogFinding::Severity::damage ? "damage" : "note";
}

std::string as_json(const LogReport& report) {
    std::string text;
    json::JsonWriter writer(text);
    writer.begin_object();
    writer.key("sound").boolean(report.damages == 0);
    writer.key("damages").uint64(report.damages);
    writer.key("findings").begin_array();
    for (const LogFinding& finding : report.findings) {
        writer.begin_object();
        writer.key("severity").string(severity_name(finding));
        writer.key("file").string(printable(finding.file));
        if (finding.entry) writer.key("entry").uint64(*finding.entry);
        if (finding.offset) writer.key("offset").uint64(*finding.offset);
        if (finding.bytes > 0) writer.key("bytes").uint64(finding.bytes);
        writer.key("what").string(printable(finding.what));
        writer.end_object();
    }
    writer.end_array();
    writer.key("entries").uint64(report.entries);
    writer.key("bytes").uint64(report.bytes);
    if (report.checkpoint) {
        writer.key("checkpoint").begin_object();
        writer.key("size").uint64(report.checkpoint->size);
        writer.key("root").string(audit::base64(report.checkpoint->root));
        writer.end_object();
    }
    if (report.key) writer.key("key").string(audit::verifier_key(*report.key));
    writer.end_object();
    writer.finish();
    return text;
}

std::string entries_text(uint64_t count) {
    return fmt::format("{} {}", count, count == 1 ? "entry" : "entries");
}

std::string as_text(const LogReport& report) {
    std::string text;
    for (const LogFinding& finding : report.findings) {
        text += fmt::format("{}: {}", severity_name(finding), printable(finding.file));
        if (finding.entry) text += fmt::format(": entry {}", *finding.entry);
        if (finding.offset) text += fmt::format(": offset {}", *finding.offset);
        text += ": " + printable(finding.what) + "\n";
    }
    if (report.damages > report.findings.size()) {
        text += fmt::format("and {} more\n", report.damages - report.findings.size());
    }
    text += report.damages == 0 ? "The audit log is sound" : "THE AUDIT LOG IS NOT SOUND";
    text += fmt::format(": {}, {}", entries_text(report.entries),
                        bytes_text(static_cast<double>(report.bytes)));
    if (report.checkpoint) {
        text += fmt::format(", checkpoint of {}, root {}", entries_text(report.checkpoint->size),
                            audit::base64(report.checkpoint->root));
    }
    text += ".\n";
    if (report.key) text += "Key: " + audit::verifier_key(*report.key) + "\n";
    return text;
}

Result<audit::LogExpectations> read_expectations(VerifyArguments& arguments) {
    audit::LogExpectations expected;
    for (const std::string& path : arguments.checkpoints) {
        ASSIGN_OR_RETURN(std::string text,
                         read_file(arguments.fs, path, audit::kCheckpointBytesMax));
        expected.checkpoints.push_back({.name = path, .text = std::move(text)});
    }
    if (!arguments.key.empty()) {
        ASSIGN_OR_RETURN(expected.key, audit::parse_verifier_key(arguments.key));
    }
    return expected;
}

Result<LogReport> verify_data_directory(VerifyArguments& arguments,
                                        const audit::LogExpectations& expected) {
    // What is verified does not need the catalog, wherever that is.
    const auto no_catalog = [](const server::DataDirectory&) {
        return fail(internal_error("the catalog is not asked"));
    };
    ASSIGN_OR_RETURN(const auto node, server::StoppedNode::open(arguments.fs, arguments.clock,
                                                                arguments.data_dir, no_catalog));
    ASSIGN_OR_RETURN(LogReport report,
                     audit::verify_log(node->fs(), node->directory().audit_path(), expected));
    if (report.found) return report;
    return fail(not_found("no_audit_log", "The data directory has no audit log.")
                    .with_hint("The server makes it at its next start."));
}

Result<LogReport> verify_export(const VerifyArguments& arguments, audit::LogExpectations expected) {
    if (expected.checkpoints.empty() || !expected.key) {
        return fail(
            usage_error("An export is verified with --checkpoint FILE, the one that was "
                        "exported with it, and --key KEY."));
    }
    std::ifstream file(arguments.file, std::ios::binary);
    std::istream& input = arguments.file == "-" ? std::cin : file;
    if (arguments.file != "-" && !file) {
        return fail(not_found("cannot_read_file", arguments.file + " cannot be read."));
    }
    audit::NamedCheckpoint own = expected.checkpoints.front();
    expected.checkpoints.erase(expected.checkpoints.begin());
    audit::ExportVerification verification(arguments.file, std::move(own), std::move(expected));
    for (std::string line; std::getline(input, line);) verification.line(line);
    return verification.finish();
}

Result<bool> run_verify(VerifyArguments& arguments) {
    if (arguments.data_dir.empty() == arguments.file.empty()) {
        return fail(
            usage_error("Name --data-dir DIR, of a server that is stopped, or --file FILE, "
                        "an export."));
    }
    ASSIGN_OR_RETURN(auto expected, read_expectations(arguments));
    ASSIGN_OR_RETURN(const LogReport report, arguments.file.empty()
                                                 ? verify_data_directory(arguments, expected)
                                                 : verify_export(arguments, std::move(expected)));
    RETURN_IF_ERROR(arguments.json ? print_line(as_json(report)) : print(as_text(report)));
    return report.damages == 0;
}

}  // namespace

void add_audit_verify(CLI::App& audit, Action& action) {
    CLI::App* command = audit.add_subcommand(
        "verify", "Check that no entry was changed, removed or put in, and the checkpoints");
    auto arguments = std::make_shared<VerifyArguments>();
    command
        ->add_option("--data-dir", arguments->data_dir,
                     "the data directory of a server that is stopped")
        ->check(refuse_empty)
        ->type_name("DIR");
    command->add_option("--file", arguments->file, "an export in place of it; - is standard input")
        ->check(refuse_empty)
        ->type_name("FILE");
    command
        ->add_option("--checkpoint", arguments->checkpoints,
                     "a checkpoint that was taken earlier and kept elsewhere: the log must begin "
                     "with what it signs")
        ->check(refuse_empty)
        ->type_name("FILE");
    command
        ->add_option("--key", arguments->key,
                     "the log's verifier key, as it was noted elsewhere: the log must be signed "
                     "with it")
        ->check(refuse_empty)
        ->type_name("KEY");
    command->add_flag("--json", arguments->json, "one JSON document instead of text");
    add_offline_examples(*command,
                         "  insula audit verify --data-dir data\n"
                         "  insula audit verify --data-dir data --checkpoint 2024-06.checkpoint\n"
                         "  insula audit verify --file log.ndjson --checkpoint log.checkpoint "
                         "--key insula-audit/…\n");
    command->callback([arguments, &action] {
        action = [arguments] { return offline_exit_code(run_verify(*arguments)); };
    });
}

}  // namespace insula::cli
