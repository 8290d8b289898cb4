// insula tenant|plan|user|service-account|key|token|role|policy|grant VERB.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <deque>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/administration_verbs.h"
#include "cli/answer_text.h"
#include "cli/client_flags.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/option_checks.h"
#include "cli/output.h"
#include "platform/json/json_value.h"
#include "server/config/value.h"

namespace insula::cli {

namespace {

using json::JsonValue;

// What the command line gave for one verb; in the order of its options.
struct VerbArguments {
    struct Given {
        std::vector<std::string> texts;
        bool flag = false;
    };
    const Verb* verb = nullptr;
    ClientFlags client;
    std::string argument;
    std::deque<Given> options;  // which do not move
};

Result<std::string> read_document(const std::string& path) {
    if (path == "-") return std::string(std::istreambuf_iterator<char>(std::cin), {});
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        return fail(not_found("cannot_read_file", fmt::format("{} cannot be read.", path)));
    }
    return std::string(std::istreambuf_iterator<char>(file), {});
}

// "a,b" and repeated options are one list.
JsonValue::Array split(const std::vector<std::string>& texts) {
    JsonValue::Array items;
    for (const std::string& text : texts) {
        for (size_t from = 0; from <= text.size();) {
            const size_t comma = std::min(text.find(',', from), text.size());
            if (comma > from) items.emplace_back(text.substr(from, comma - from));
            from = comma + 1;
        }
    }
    return items;
}

// "rows=1000", "storage_bytes=100GiB", "rows=none": which limits there are is the server's to say.
Result<JsonValue::Object> limits_of(const std::vector<std::string>& texts) {
    JsonValue::Object limits;
    for (const std::string& text : texts) {
        const size_t equals = text.find('=');
        const std::string value = equals == std::string::npos ? "" : text.substr(equals + 1);
        const auto number = config::parse_bytes(value);
        if (equals == 0 || (value != "none" && (!number || *number < 0))) {
            return fail(invalid_argument("invalid_limit", "\"" + text + "\" is no limit.")
                            .with_hint("Write NAME=NUMBER, as in --limit rows=1000000 or --limit "
                                       "storage_bytes=100GiB; NAME=none takes a limit away."));
        }
        limits.push_back({text.substr(0, equals), value == "none"
                                                      ? JsonValue()
                                                      : JsonValue(static_cast<uint64_t>(*number))});
    }
    return limits;
}

// "aws:SourceIp=10.0.0.7"
Result<JsonValue::Object> pairs_of(const std::vector<std::string>& texts) {
    JsonValue::Object pairs;
    for (const std::string& text : texts) {
        const size_t equals = text.find('=');
        if (equals == std::string::npos || equals == 0) {
            return fail(invalid_argument("invalid_context", "\"" + text + "\" is no NAME=VALUE.")
                            .with_hint("For example --context aws:SourceIp=10.0.0.7"));
        }
        pairs.push_back({text.substr(0, equals), JsonValue(text.substr(equals + 1))});
    }
    return pairs;
}

Status add_member(const VerbOption& option, const VerbArguments::Given& given,
                  JsonValue::Object& body) {
    const std::string key(option.key);
    if (option.kind == OptionKind::flag) {
        if (given.flag) body.push_back({key, JsonValue(true)});
        return {};
    }
    if (given.texts.empty()) return {};
    if (option.kind == OptionKind::text) {
        body.push_back({key, JsonValue(given.texts.back())});
    } else if (option.kind == OptionKind::texts) {
        body.push_back({key, JsonValue(split(given.texts))});
    } else if (option.kind == OptionKind::number) {
        body.push_back({key, JsonValue(static_cast<uint64_t>(std::stoull(given.texts.back())))});
    } else if (option.kind == OptionKind::limits) {
        ASSIGN_OR_RETURN(auto limits, limits_of(given.texts));
        body.push_back({key, JsonValue(std::move(limits))});
    } else if (option.kind == OptionKind::pairs) {
        ASSIGN_OR_RETURN(auto pairs, pairs_of(given.texts));
        body.push_back({key, JsonValue(std::move(pairs))});
    } else if (option.kind == OptionKind::file) {
        ASSIGN_OR_RETURN(const std::string text, read_document(given.texts.back()));
        ASSIGN_OR_RETURN(JsonValue value, JsonValue::parse(text, {.subject = "file"}));
        body.push_back({key, std::move(value)});
    } else if (option.kind == OptionKind::secret) {
        ASSIGN_OR_RETURN(std::string text, read_document(given.texts.back()));
        while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
        body.push_back({key, JsonValue(std::move(text))});
    }
    return {};
}

// Empty where the request has none.
Result<std::string> body_of(const VerbArguments& arguments) {
    const Verb& verb = *arguments.verb;
    JsonValue::Object body;
    if (!verb.argument_key.empty()) {
        body.push_back({std::string(verb.argument_key), JsonValue(arguments.argument)});
    }
    for (size_t i = 0; i < verb.options.size(); ++i) {
        const VerbOption& option = verb.options[i];
        const VerbArguments::Given& given = arguments.options[i];
        if (option.kind == OptionKind::document) return read_document(given.texts.back());
        RETURN_IF_ERROR(add_member(option, given, body));
    }
    if (body.empty()) return std::string();
    return JsonValue(std::move(body)).text();
}

std::string target_of(const VerbArguments& arguments) {
    std::string target(arguments.verb->path);
    const size_t place = target.find("{}");
    if (place != std::string::npos) {
        target.replace(place, 2, net::percent_encode(arguments.argument));
    }
    return target;
}

// A row for each value, none of them cut: a key that is shown once must not be.
void add_properties(TableBuilder& builder, const JsonValue& object, const std::string& prefix) {
    for (const json::JsonMember& member : object.object()) {
        if (member.value.is_object()) {
            add_properties(builder, member.value, prefix + member.name + ".");
            continue;
        }
        builder.begin_row();
        builder.add("property", Cell::of_text(prefix + member.name));
        builder.add_value("value", member.value);
    }
}

Status print_one(const VerbArguments& arguments, const JsonValue& value,
                 const std::string& answer) {
    if (!value.is_object()) return fail(odd_answer());
    TableBuilder builder;
    if (arguments.client.output() == OutputFormat::table) {
        constexpr size_t kAnyWidth = 0;
        add_properties(builder, value, {});
        return print(render_table(builder.table(), kAnyWidth));
    }
    builder.begin_row();
    builder.add_members(value);
    return print_result(arguments.client.output(), builder.table(), answer);
}

Status print_answer(const VerbArguments& arguments, const std::string& answer) {
    ASSIGN_OR_RETURN(const JsonValue value, parse_answer(answer));
    if (arguments.verb->list.empty()) return print_one(arguments, value, answer);
    TableBuilder builder;
    const JsonValue* items = value.find(arguments.verb->list);
    if (items == nullptr || !items->is_array()) return fail(odd_answer());
    std::string lines;
    for (const JsonValue& item : items->array()) {
        if (!item.is_object()) return fail(odd_answer());
        builder.begin_row();
        builder.add_members(item);
        lines.append(item.text()).append("\n");
    }
    if (items->array().empty()) remark("There are none.");
    if (arguments.client.output() == OutputFormat::ndjson) return print(lines);
    return print_result(arguments.client.output(), builder.table(), answer);
}

Status run(const VerbArguments& arguments) {
    ASSIGN_OR_RETURN(const std::string body, body_of(arguments));
    ASSIGN_OR_RETURN(ServerConnection server, arguments.client.connect());
    ASSIGN_OR_RETURN(const std::string answer,
                     server.send(arguments.verb->method, target_of(arguments), body));
    return print_answer(arguments, answer);
}

void add_option(CLI::App& command, const VerbOption& option, VerbArguments::Given& given) {
    const std::string flag(option.flag);
    const std::string help(option.help);
    if (option.kind == OptionKind::flag) {
        command.add_flag(flag, given.flag, help);
        return;
    }
    CLI::Option* added = command.add_option(flag, given.texts, help)->allow_extra_args(false);
    const bool pairs = option.kind == OptionKind::limits || option.kind == OptionKind::pairs;
    const bool repeated = option.kind == OptionKind::texts || pairs;
    const bool file = option.kind == OptionKind::document || option.kind == OptionKind::file ||
                      option.kind == OptionKind::secret;
    if (!repeated) added->multi_option_policy(CLI::MultiOptionPolicy::Throw);
    if (option.kind == OptionKind::number) added->check(refuse_no_whole_number);
    added->type_name(option.kind == OptionKind::number ? "N"
                     : file                            ? "FILE"
                     : pairs                           ? "NAME=VALUE"
                                                       : "TEXT");
    if (option.required) added->required();
}

void add_verb(CLI::App& noun, const Verb& verb, Action& action) {
    CLI::App* command = noun.add_subcommand(std::string(verb.name), std::string(verb.help));
    if (!verb.alias.empty()) command->alias(std::string(verb.alias));
    auto arguments = std::make_shared<VerbArguments>();
    arguments->verb = &verb;
    if (!verb.argument.empty()) {
        const std::string name(verb.argument);
        command->add_option(name, arguments->argument, "which one")
            ->required()
            ->check(refuse_empty)
            ->type_name("");
    }
    for (const VerbOption& option : verb.options) {
        add_option(*command, option, arguments->options.emplace_back());
    }
    arguments->client.add_to(*command);
    add_examples(*command, verb.examples);
    command->callback([arguments, &action] {
        action = [arguments] { return client_exit_code(run(*arguments)); };
    });
}

}  // namespace

void add_administration(CLI::App& root, Action& action) {
    for (const Noun& noun : administration_nouns()) {
        CLI::App* command = root.add_subcommand(std::string(noun.name), std::string(noun.help));
        command->require_subcommand(1);
        add_examples(*command, noun.examples);
        for (const Verb& verb : noun.verbs) add_verb(*command, verb, action);
    }
}

}  // namespace insula::cli
