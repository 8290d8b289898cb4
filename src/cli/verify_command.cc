// insula verify: every file, checksum and catalog row of a stopped server's data directory.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "cli/commands.h"
#include "cli/display_text.h"
#include "cli/exit_code.h"
#include "cli/offline_flags.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "platform/json/json_writer.h"
#include "server/offline/verification.h"

namespace insula::cli {

namespace {

using server::Finding;

struct VerifyArguments {
    OfflineFlags offline;
    server::VerifyOptions options;
    bool quiet = false;
};

std::string_view severity_name(const Finding& finding) {
    return finding.severity == Finding::Severity::damage ? "damage" : "note";
}

std::string as_json(const server::VerifyReport& report, double seconds) {
    std::string text;
    json::JsonWriter writer(text);
    writer.begin_object();
    writer.key("sound").boolean(report.damages == 0);
    writer.key("damages").uint64(report.damages);
    writer.key("findings").begin_array();
    for (const Finding& finding : report.findings) {
        writer.begin_object();
        writer.key("severity").string(severity_name(finding));
        writer.key("file").string(printable(finding.file));
        if (finding.offset) writer.key("offset").uint64(*finding.offset);
        if (finding.bytes > 0) writer.key("bytes").uint64(finding.bytes);
        writer.key("what").string(printable(finding.what));
        writer.end_object();
    }
    writer.end_array();
    writer.key("findings_unlisted").uint64(report.more_findings);
    writer.key("bytes").uint64(report.bytes);
    writer.key("data_files").uint64(report.files);
    writer.key("sources").uint64(report.sources);
    writer.key("journal_records").uint64(report.journal_records);
    writer.key("rows_read").uint64(report.rows);
    writer.key("seconds").float64(seconds);
    writer.end_object();
    writer.finish();
    return text;
}

std::string as_text(const server::VerifyReport& report, bool deep, double seconds) {
    std::string text;
    for (const Finding& finding : report.findings) {
        text += fmt::format("{}: {}", severity_name(finding), printable(finding.file));
        if (finding.offset) text += fmt::format(": offset {}", *finding.offset);
        text += ": " + printable(finding.what) + "\n";
    }
    if (report.more_findings > 0) text += fmt::format("and {} more\n", report.more_findings);
    text += fmt::format(
        "{}: {} sources, {} data files, {} journal records, {} in {:.1f} s",
        report.damages == 0 ? "Nothing is damaged" : fmt::format("{} DAMAGES", report.damages),
        report.sources, report.files, report.journal_records,
        bytes_text(static_cast<double>(report.bytes)), seconds);
    if (deep) text += fmt::format("; {} rows in data files were read", report.rows);
    return text + ".\n";
}

Result<bool> run_verify(VerifyArguments& arguments) {
    ASSIGN_OR_RETURN(const auto node, arguments.offline.open());
    const Progress::Mode mode = arguments.quiet       ? Progress::Mode::quiet
                                : error_is_terminal() ? Progress::Mode::terminal
                                                      : Progress::Mode::lines;
    Progress progress(mode, "verify", std::nullopt, "data files");
    const auto report =
        server::verify(*node, arguments.options, [&](const server::VerifyProgress& state) {
            progress.set_total_bytes(state.bytes_total);
            progress.update(state.bytes, state.files);
        });
    if (mode == Progress::Mode::terminal) progress.finish();
    if (!report) return fail(report.error());
    const double seconds = progress.seconds();
    RETURN_IF_ERROR(arguments.offline.json()
                        ? print_line(as_json(*report, seconds))
                        : print(as_text(*report, arguments.options.deep, seconds)));
    return report->damages == 0;
}

}  // namespace

void add_verify(CLI::App& root, Action& action) {
    CLI::App* command = root.add_subcommand(
        "verify", "Check the data directory of a stopped server: every file, checksum and row");
    auto arguments = std::make_shared<VerifyArguments>();
    arguments->offline.add_to(*command);
    command->add_flag("--deep", arguments->options.deep,
                      "read all rows too: their number, bounds and identities");
    command->add_flag("--quiet", arguments->quiet, "no progress");
    add_offline_examples(*command,
                         "  insula verify --data-dir data\n"
                         "  insula verify --data-dir data --deep --json\n");
    command->callback([arguments, &action] {
        action = [arguments] { return offline_exit_code(run_verify(*arguments)); };
    });
}

}  // namespace insula::cli
