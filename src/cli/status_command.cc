// insula status and insula log-level: the server as its operator sees it.
#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>

#include "base/version.h"
#include "cli/answer_text.h"
#include "cli/client_flags.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/output.h"

namespace insula::cli {

namespace {

using json::JsonValue;

struct LogLevelArguments {
    ClientFlags client;
    std::string level;
};

// A row for each value; {"disk": {"status": …}} is the property disk.status.
void add_section(TableBuilder& builder, std::string_view section, const JsonValue& values,
                 const std::string& prefix = {}) {
    if (!values.is_object()) return;
    for (const json::JsonMember& member : values.object()) {
        if (member.value.is_object()) {
            add_section(builder, section, member.value, prefix + member.name + ".");
            continue;
        }
        builder.begin_row();
        builder.add("about", Cell::of_text(std::string(section)));
        builder.add("property", Cell::of_text(prefix + member.name));
        builder.add_value("value", member.value);
    }
}

Result<JsonValue> ask(ServerConnection& server, const char* target) {
    ASSIGN_OR_RETURN(const std::string answer, server.get(target));
    return parse_answer(answer);
}

// What the key may not see is left out: an owner sees his tenant, an administrator the server.
Result<std::optional<JsonValue>> ask_if_allowed(ServerConnection& server, const char* target) {
    auto answer = ask(server, target);
    if (answer) return *std::move(answer);
    const std::string_view reason = answer.error().reason();
    const bool refused = reason == "not_permitted" || reason == "tenant_required";
    if (!refused) return fail(std::move(answer).error());
    return std::nullopt;
}

// /health answers with 503 where the server is up and not well: that is a status, too.
Result<JsonValue> ask_health(ServerConnection& server) {
    net::ClientRequest request;
    request.target = "/health";
    ASSIGN_OR_RETURN(const net::ClientResponse response, server.exchange(std::move(request)));
    ASSIGN_OR_RETURN(JsonValue health, parse_answer(response.body));
    const JsonValue* status = health.find("status");
    if (status == nullptr || !status->is_string()) return fail(odd_answer());
    return health;
}

Status run_status(const ClientFlags& client) {
    ASSIGN_OR_RETURN(ServerConnection server, client.connect());
    ASSIGN_OR_RETURN(const JsonValue health, ask_health(server));
    ASSIGN_OR_RETURN(auto details, ask_if_allowed(server, "/health/details"));
    ASSIGN_OR_RETURN(auto tenant, ask_if_allowed(server, "/tenant/stats"));
    JsonValue::Object program;
    program.push_back({"server", JsonValue(client.server())});
    program.push_back({"client_version", JsonValue(std::string(version()))});
    const JsonValue connection(std::move(program));
    TableBuilder builder;
    add_section(builder, "connection", connection);
    add_section(builder, "health", details ? *details : health);
    if (tenant) add_section(builder, "tenant", *tenant);
    JsonValue::Object all;
    all.push_back({"connection", connection});
    all.push_back({"health", details ? *std::move(details) : health});
    if (tenant) all.push_back({"tenant", *std::move(tenant)});
    RETURN_IF_ERROR(
        print_result(client.output(), builder.table(), JsonValue(std::move(all)).text()));
    if (health.find("status")->string() == "ok") return {};
    return fail(unavailable("server_not_ready", "The server is up and not well."));
}

Status run_log_level(const LogLevelArguments& arguments) {
    ASSIGN_OR_RETURN(ServerConnection server, arguments.client.connect());
    std::string body;
    if (!arguments.level.empty()) {
        JsonValue::Object request;
        request.push_back({"level", JsonValue(arguments.level)});
        body = JsonValue(std::move(request)).text();
    }
    ASSIGN_OR_RETURN(
        const std::string answer,
        server.send(body.empty() ? net::Method::get : net::Method::put, "/admin/log-level", body));
    ASSIGN_OR_RETURN(const JsonValue value, parse_answer(answer));
    TableBuilder builder;
    builder.begin_row();
    builder.add_members(value);
    return print_result(arguments.client.output(), builder.table(), answer);
}

}  // namespace

void add_status(CLI::App& root, Action& action) {
    CLI::App* command = root.add_subcommand("status", "Show the server's health and statistics");
    auto client = std::make_shared<ClientFlags>();
    client->add_to(*command);
    add_examples(*command,
                 "  insula status\n"
                 "  insula status --server http://127.0.0.1:8100 --output json");
    command->callback(
        [client, &action] { action = [client] { return client_exit_code(run_status(*client)); }; });
}

void add_log_level(CLI::App& root, Action& action) {
    CLI::App* command =
        root.add_subcommand("log-level", "Show or change what the running server logs");
    auto arguments = std::make_shared<LogLevelArguments>();
    command->add_option("level", arguments->level, "info, or by module: info,tables=debug")
        ->type_name("LEVEL");
    arguments->client.add_to(*command);
    add_examples(*command,
                 "  insula log-level\n"
                 "  insula log-level debug\n"
                 "  insula log-level info,tables=debug,net=warn\n"
                 "\n"
                 "Levels: trace, debug, info, warn, error, off. Until the server ends.");
    command->callback([arguments, &action] {
        action = [arguments] { return client_exit_code(run_log_level(*arguments)); };
    });
}

}  // namespace insula::cli
