// insula audit search|export: what the audit log of a running server shows.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/answer_text.h"
#include "cli/client_flags.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/offline_flags.h"
#include "cli/option_checks.h"
#include "cli/output.h"
#include "core/audit/audit_log.h"
#include "core/audit/checkpoint.h"
#include "core/audit/verification.h"
#include "platform/fs/frozen_file_system.h"
#include "platform/fs/os_file_system.h"
#include "platform/json/json_value.h"
#include "platform/net/http.h"
#include "server/offline/stopped_node.h"

namespace insula::cli {

namespace {

using json::JsonValue;

constexpr uint64_t kEntriesDefault = 100;
constexpr uint64_t kPageMax = 1'000;
constexpr std::string_view kTenantPart = "/v1/audit";
constexpr std::string_view kPlatformPart = "/v1/platform/audit";

// Each filter of a search, by the name that it has in the request.
constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kFilters{{
    {"from", "entries from this time on, such as 2024-06-01T12:00:00Z"},
    {"to", "entries before this time"},
    {"actor", "who: user/ann; service-account/* is all that begins so"},
    {"action", "what: tenant:CreateUser; tenant:* is all that begins so"},
    {"resource", "on what: source/orders; source/* is all that begins so"},
    {"decision", "allowed, denied or unauthenticated"},
    {"request_id", "of one request"},
}};

struct SearchArguments {
    ClientFlags client;
    std::array<std::string, kFilters.size()> filters;
    uint64_t limit = kEntriesDefault;
    bool platform = false;
};

struct ExportArguments {
    ClientFlags client;
    std::string data_dir;
    std::string checkpoint_file;
    bool platform = false;
};

std::string part_of(bool platform) { return std::string(platform ? kPlatformPart : kTenantPart); }

// The member `name` of an answer, which every answer of its route has.
Result<const JsonValue*> member(const JsonValue& answer, std::string_view name) {
    const JsonValue* found = answer.find(name);
    if (found == nullptr) return fail(odd_answer());
    return found;
}

Result<uint64_t> whole_number(const JsonValue& value) {
    if (value.kind() == JsonValue::Kind::uint64) return value.uint64();
    if (value.kind() == JsonValue::Kind::int64 && value.int64() >= 0) {
        return static_cast<uint64_t>(value.int64());
    }
    return fail(odd_answer());
}

std::string search_target(const SearchArguments& arguments, uint64_t limit,
                          std::optional<uint64_t> before) {
    std::string target = fmt::format("{}?limit={}", part_of(arguments.platform), limit);
    for (size_t i = 0; i < kFilters.size(); ++i) {
        if (arguments.filters[i].empty()) continue;
        target +=
            fmt::format("&{}={}", kFilters[i].first, net::percent_encode(arguments.filters[i]));
    }
    if (before) target += fmt::format("&before={}", *before);
    return target;
}

Status run_search(const SearchArguments& arguments) {
    ASSIGN_OR_RETURN(ServerConnection server, arguments.client.connect());
    std::vector<JsonValue> found;
    std::optional<uint64_t> before;
    do {
        const uint64_t wanted = std::min(arguments.limit - found.size(), kPageMax);
        ASSIGN_OR_RETURN(const std::string text,
                         server.get(search_target(arguments, wanted, before)));
        ASSIGN_OR_RETURN(const JsonValue answer, parse_answer(text));
        ASSIGN_OR_RETURN(const JsonValue* entries, member(answer, "entries"));
        if (!entries->is_array()) return fail(odd_answer());
        for (const JsonValue& entry : entries->array()) found.push_back(entry);
        before.reset();
        if (const JsonValue* next = answer.find("next")) {
            ASSIGN_OR_RETURN(before, whole_number(*next));
        }
    } while (before && found.size() < arguments.limit);
    TableBuilder builder(std::vector<std::string>{
        "index", "time", "actor", "action", "resource", "changes", "decision", "policy",
        "statement", "reason", "remote_address", "request_id", "dropped"});
    std::string lines;
    for (const JsonValue& line : found) {
        const JsonValue* entry = line.find("entry");
        const JsonValue* index = line.find("index");
        if (entry == nullptr || !entry->is_object() || index == nullptr) return fail(odd_answer());
        builder.begin_row();
        builder.add_value("index", *index);
        builder.add_members(*entry);
        lines.append(line.text()).append("\n");
    }
    if (found.empty()) remark("There are none.");
    if (arguments.client.output() == OutputFormat::ndjson) return print(lines);
    const std::string json =
        JsonValue(JsonValue::Object{{"entries", JsonValue(JsonValue::Array(found))}}).text();
    return print_result(arguments.client.output(), builder.table(), json);
}

Status store_checkpoint(const ExportArguments& arguments, const std::string& checkpoint,
                        const std::string& key) {
    OsFileSystem fs;
    RETURN_IF_ERROR(write_file_durably(fs, arguments.checkpoint_file, checkpoint));
    warn(fmt::format("The log's key: {}", key));
    return {};
}

// Up to a checkpoint that is taken first, so that both belong together.
Status export_online(const ExportArguments& arguments) {
    ASSIGN_OR_RETURN(ServerConnection server, arguments.client.connect());
    const std::string part = part_of(arguments.platform);
    ASSIGN_OR_RETURN(const std::string head, server.get(part + "/checkpoint"));
    ASSIGN_OR_RETURN(const JsonValue signed_head, parse_answer(head));
    ASSIGN_OR_RETURN(const JsonValue* note, member(signed_head, "checkpoint"));
    ASSIGN_OR_RETURN(const JsonValue* key, member(signed_head, "key"));
    if (!note->is_string() || !key->is_string()) return fail(odd_answer());
    ASSIGN_OR_RETURN(const auto public_key, audit::parse_verifier_key(key->string()));
    ASSIGN_OR_RETURN(const audit::Tree tree, audit::verify_checkpoint(note->string(), public_key));
    std::optional<uint64_t> from = 0;
    while (from) {
        ASSIGN_OR_RETURN(const std::string text, server.get(fmt::format("{}/export?from={}&size={}",
                                                                        part, *from, tree.size)));
        ASSIGN_OR_RETURN(const JsonValue answer, parse_answer(text));
        ASSIGN_OR_RETURN(const JsonValue* entries, member(answer, "entries"));
        if (!entries->is_array()) return fail(odd_answer());
        std::string lines;
        // What is read and written again is the same text: there is one spelling of it.
        for (const JsonValue& entry : entries->array()) lines.append(entry.text()).append("\n");
        RETURN_IF_ERROR(print(lines));
        from.reset();
        if (const JsonValue* next = answer.find("next")) {
            ASSIGN_OR_RETURN(from, whole_number(*next));
        }
    }
    return store_checkpoint(arguments, note->string(), key->string());
}

// All of it, without changing anything.
Status export_offline(const ExportArguments& arguments) {
    OsFileSystem fs;
    SystemClock clock;
    SystemRandom random;
    ASSIGN_OR_RETURN(
        const auto node,
        server::StoppedNode::open(fs, clock, arguments.data_dir, [](const server::DataDirectory&) {
            return fail(internal_error("not asked"));
        }));
    const std::string directory = node->directory().audit_path();
    ASSIGN_OR_RETURN(const bool present, fs.exists(directory));
    if (!present) {
        return fail(not_found("no_audit_log", "The data directory has no audit log.")
                        .with_hint("The server makes it at its next start."));
    }
    FrozenFileSystem frozen(fs);
    ASSIGN_OR_RETURN(const auto log, audit::AuditLog::open(frozen, directory, random));
    const uint64_t size = log->checkpoint_size();
    Status printed;
    RETURN_IF_ERROR(log->visit_up(0, [&](uint64_t index, std::string_view text) {
        if (index >= size) return false;
        printed = print(audit::export_line(index, text));
        return printed.has_value();
    }));
    RETURN_IF_ERROR(printed);
    return store_checkpoint(arguments, log->checkpoint(), audit::verifier_key(log->key()));
}

void add_audit_search(CLI::App& audit, Action& action) {
    CLI::App* command = audit.add_subcommand("search", "Find entries, the newest first");
    auto arguments = std::make_shared<SearchArguments>();
    for (size_t i = 0; i < kFilters.size(); ++i) {
        std::string flag = "--" + std::string(kFilters[i].first);
        std::ranges::replace(flag, '_', '-');
        command->add_option(flag, arguments->filters[i], std::string(kFilters[i].second))
            ->type_name("TEXT");
    }
    command->add_option("--limit", arguments->limit, "entries shown at most (100)")
        ->check(refuse_no_whole_number)
        ->check(CLI::PositiveNumber)
        ->type_name("N");
    command->add_flag("--platform", arguments->platform,
                      "the platform's part, for its administrators, instead of the tenant's");
    arguments->client.add_to(*command);
    add_examples(*command,
                 "  insula audit search --decision denied\n"
                 "  insula audit search --actor user/ann --action 'tenant:*' --from "
                 "2024-06-01T00:00:00Z\n"
                 "  insula audit search --platform --limit 1000 --output ndjson");
    command->callback([arguments, &action] {
        action = [arguments] { return client_exit_code(run_search(*arguments)); };
    });
}

void add_audit_export(CLI::App& audit, Action& action) {
    CLI::App* command = audit.add_subcommand(
        "export", "Write the log as NDJSON, and the checkpoint that it is verified with");
    auto arguments = std::make_shared<ExportArguments>();
    command
        ->add_option("--checkpoint", arguments->checkpoint_file,
                     "the file that the checkpoint goes to")
        ->required()
        ->check(refuse_empty)
        ->type_name("FILE");
    command
        ->add_option("--data-dir", arguments->data_dir,
                     "all of the log of a server that is stopped, instead of asking one")
        ->check(refuse_empty)
        ->type_name("DIR");
    command->add_flag("--platform", arguments->platform,
                      "the platform's part, for its administrators, instead of the tenant's");
    arguments->client.add_to(*command);
    add_examples(*command,
                 "  insula audit export --checkpoint log.checkpoint > log.ndjson\n"
                 "  insula audit export --data-dir data --checkpoint log.checkpoint > log.ndjson");
    command->callback([arguments, &action] {
        action = [arguments] {
            const bool offline = !arguments->data_dir.empty();
            const Status done = offline ? export_offline(*arguments) : export_online(*arguments);
            return client_exit_code(done);
        };
    });
}

}  // namespace

void add_audit(CLI::App& root, Action& action) {
    CLI::App* audit = root.add_subcommand("audit", "Who did what: search, export and verify");
    audit->require_subcommand(1);
    add_examples(*audit,
                 "  insula audit search --decision denied\n"
                 "  insula audit verify --data-dir data");
    add_audit_search(*audit, action);
    add_audit_export(*audit, action);
    add_audit_verify(*audit, action);
}

}  // namespace insula::cli
