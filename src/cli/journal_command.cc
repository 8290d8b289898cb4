// insula journal inspect|verify|salvage: the journal of a stopped server.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/journal_output.h"
#include "cli/offline_flags.h"
#include "cli/option_checks.h"
#include "cli/output.h"
#include "server/offline/journal_report.h"

namespace insula::cli {

namespace {

constexpr uint64_t kRowsShownDefault = 1'000;
constexpr size_t kJsonPieceBytes = 1 << 20;

struct JournalArguments {
    OfflineFlags offline;
    std::string stream;
    server::JournalFilter filter;
    std::optional<uint64_t> limit;
    bool accept_loss = false;
};

Status read_stream(JournalArguments& arguments) {
    if (arguments.stream.empty()) return {};
    std::string name = arguments.stream;
    if (name.size() < journal::stream_name({}).size()) {
        name.insert(0, journal::stream_name({}).size() - name.size(), '0');
    }
    arguments.filter.stream = journal::parse_stream_name(name);
    if (arguments.filter.stream) return {};
    return fail(usage_error("\"" + arguments.stream +
                            "\" is no stream: they are hexadecimal, as their directories."));
}

void say_nameless(const std::optional<Error>& nameless) {
    if (!nameless) return;
    warn("The catalog cannot be read, so names are missing: " + nameless->describe());
}

Result<bool> inspect_as_json(const JournalArguments& arguments, server::StoppedNode& node) {
    std::string text;
    uint64_t shown = 0;
    Status printed;
    auto writer = std::make_unique<json::JsonWriter>(text);
    writer->begin_object().key("records").begin_array();
    const auto on_record = [&](const server::JournalRecord& record) -> Status {
        if (shown >= arguments.limit.value_or(UINT64_MAX)) return {};
        ++shown;
        write_record(*writer, record);
        writer->finish();
        if (text.size() >= kJsonPieceBytes) {
            RETURN_IF_ERROR(print(text));
            text.clear();
        }
        writer = std::make_unique<json::JsonWriter>(text);
        writer->separate();
        return {};
    };
    ASSIGN_OR_RETURN(const auto report, server::report_journal(node, arguments.filter, on_record));
    writer->end_array();
    write_report(*writer, report);
    writer->end_object();
    writer->finish();
    say_nameless(report.nameless);
    RETURN_IF_ERROR(print_line(text));
    return report.damages.empty();
}

Result<bool> inspect_as_text(const JournalArguments& arguments, server::StoppedNode& node) {
    Table table{.columns = record_columns(), .rows = {}};
    const uint64_t limit = arguments.limit.value_or(kRowsShownDefault);
    uint64_t more = 0;
    const auto on_record = [&](const server::JournalRecord& record) -> Status {
        if (table.rows.size() < limit) {
            table.rows.push_back(record_row(record));
        } else {
            ++more;
        }
        return {};
    };
    ASSIGN_OR_RETURN(const auto report, server::report_journal(node, arguments.filter, on_record));
    if (limit > 0) RETURN_IF_ERROR(print(render_table(table, output_width())));
    if (more > 0 && limit > 0) {
        RETURN_IF_ERROR(print(fmt::format("… {} more records: --limit shows them\n", more)));
    }
    if (limit > 0) RETURN_IF_ERROR(print("\n"));
    RETURN_IF_ERROR(print(report_text(report)));
    say_nameless(report.nameless);
    return report.damages.empty();
}

Result<bool> run_inspect(JournalArguments& arguments) {
    RETURN_IF_ERROR(read_stream(arguments));
    ASSIGN_OR_RETURN(const auto node, arguments.offline.open());
    return arguments.offline.json() ? inspect_as_json(arguments, *node)
                                    : inspect_as_text(arguments, *node);
}

Result<bool> run_verify(JournalArguments& arguments) {
    arguments.limit = 0;
    ASSIGN_OR_RETURN(const bool sound, run_inspect(arguments));
    if (sound && !arguments.offline.json()) RETURN_IF_ERROR(print("The journal is not damaged.\n"));
    return sound;
}

// Damage that was given up is no damage any more.
Result<bool> run_salvage(JournalArguments& arguments) {
    ASSIGN_OR_RETURN(const auto node, arguments.offline.open());
    ASSIGN_OR_RETURN(const auto report, server::salvage_journal(*node, arguments.accept_loss));
    say_nameless(report.nameless);
    if (arguments.offline.json()) {
        std::string text;
        json::JsonWriter writer(text);
        writer.begin_object();
        write_salvage(writer, report);
        writer.end_object();
        writer.finish();
        RETURN_IF_ERROR(print_line(text));
    } else {
        RETURN_IF_ERROR(print(salvage_text(report, arguments.offline.data_dir())));
    }
    return report.plan.streams.empty() || !report.salvaged.empty();
}

void add_inspect(CLI::App& journal, Action& action) {
    CLI::App* command = journal.add_subcommand("inspect", "Show streams, segments and records");
    auto arguments = std::make_shared<JournalArguments>();
    arguments->offline.add_to(*command);
    command->add_option("--stream", arguments->stream, "only this one, as its directory is named")
        ->type_name("HEX");
    command->add_option("--tenant", arguments->filter.tenant, "only its records: id or short name")
        ->type_name("TENANT");
    command
        ->add_option("--source", arguments->filter.source,
                     "only its records: source id or incarnation")
        ->type_name("SOURCE");
    command->add_option("--from", arguments->filter.from_position, "positions from here on")
        ->check(refuse_no_whole_number)
        ->type_name("POSITION");
    command->add_option("--to", arguments->filter.to_position, "positions below this")
        ->check(refuse_no_whole_number)
        ->type_name("POSITION");
    command
        ->add_option("--limit", arguments->limit,
                     "records shown at most (1000; with --json all of them)")
        ->check(refuse_no_whole_number)
        ->type_name("N");
    add_offline_examples(*command,
                         "  insula journal inspect --data-dir data\n"
                         "  insula journal inspect --data-dir data --source orders --limit 20\n"
                         "  insula journal inspect --data-dir data --stream 3 --from 4096 --to "
                         "80000 --json\n");
    command->callback([arguments, &action] {
        action = [arguments] { return offline_exit_code(run_inspect(*arguments)); };
    });
}

}  // namespace

void add_journal(CLI::App& root, Action& action) {
    CLI::App* journal = root.add_subcommand("journal", "The journal of a server that is stopped");
    journal->require_subcommand(1);
    add_offline_examples(*journal,
                         "  insula journal verify --data-dir data\n"
                         "  insula journal inspect --data-dir data --source orders --limit 20\n"
                         "  insula journal salvage --data-dir data\n");
    add_inspect(*journal, action);

    CLI::App* verify = journal->add_subcommand("verify", "Check every byte of it");
    auto to_verify = std::make_shared<JournalArguments>();
    to_verify->offline.add_to(*verify);
    add_offline_examples(*verify, "  insula journal verify --data-dir data\n");
    verify->callback([to_verify, &action] {
        action = [to_verify] { return offline_exit_code(run_verify(*to_verify)); };
    });

    CLI::App* salvage = journal->add_subcommand(
        "salvage", "Lead on where damage keeps the server from starting: keep what is good");
    auto to_salvage = std::make_shared<JournalArguments>();
    to_salvage->offline.add_to(*salvage);
    salvage->add_flag("--accept-loss", to_salvage->accept_loss,
                      "give up what is listed as lost; without it nothing is changed");
    add_offline_examples(*salvage,
                         "  insula journal salvage --data-dir data                  what would be "
                         "lost\n"
                         "  insula journal salvage --data-dir data --accept-loss\n");
    salvage->callback([to_salvage, &action] {
        action = [to_salvage] { return offline_exit_code(run_salvage(*to_salvage)); };
    });
}

}  // namespace insula::cli
