#include "load/options.h"

#include <CLI/CLI.hpp>
#include <fstream>

namespace insula::load {

namespace {

constexpr const char* kDescription =
    R"(Puts load on an Insula server over HTTP and prints what came of it as JSON.

Each connection sends its next request as soon as the last one was answered. The modes:
  ingest  POST bodies of --docs documents to --path, with ?source_id=PREFIX<i> (connection c writes
          to source c modulo --sources)
  single  the same with one document in each request
  get     GET --path
  stream  POST --body to --path, counts the rows of the NDJSON answer and the time to the first one

A document has ten fields and about 200 bytes:
  {"id":100000000000001,          15 digits, a different one in every document ever sent
   "user_id":482910,              1 to 999999
   "session":"a8f3c91b22e0d417",  16 hexadecimal digits
   "amount":1234.56,              two decimals
   "status":"shipped",            one of 5
   "country":"DE",                one of 20
   "active":true,
   "ts":"2026-01-15T12:34:56Z",
   "score":0.734512,
   "message":"..."}               about 25 characters
Bodies are made before the start; only the ids are written anew for each request.)";

}  // namespace

std::optional<Options> parse_options(int argc, char** argv, int& exit_code) {
    Options options;
    CLI::App app{kDescription, "insula-load"};
    app.require_subcommand(1);
    const std::vector<std::pair<Mode, CLI::App*>> modes = {
        {Mode::ingest, app.add_subcommand("ingest", "many documents a request")},
        {Mode::single, app.add_subcommand("single", "one document a request")},
        {Mode::get, app.add_subcommand("get", "GET a path")},
        {Mode::stream, app.add_subcommand("stream", "streamed searches")},
    };
    for (const auto& [mode, command] : modes) {
        command->add_option("--host", options.host, "IP address of the server")
            ->capture_default_str();
        command->add_option("--port", options.port)->capture_default_str();
        command->add_option("--connections", options.connections)
            ->check(CLI::Range(1, 10'000))
            ->capture_default_str();
        command
            ->add_option("--seconds", options.seconds, "how long; what is in flight then may end")
            ->check(CLI::Range(0.0, 86'400.0))
            ->capture_default_str();
        command->add_option("--warmup", options.warmup_seconds, "seconds before, not counted")
            ->check(CLI::Range(0.0, 3'600.0))
            ->capture_default_str();
        command->add_option("--timeout", options.timeout_seconds, "seconds for one request")
            ->check(CLI::Range(0.1, 86'400.0))
            ->capture_default_str();
        command->add_option("--requests", options.requests_max, "end after so many requests");
        command->add_option("--path", options.path,
                            "default: /data/write, /health, /data/search/stream");
        command->add_option("--header", options.headers, "\"Name: value\"; may be repeated");
        command
            ->add_option("--keys", options.keys_file,
                         "a file with a key a line; connection i sends the i-th, around and around")
            ->check(CLI::ExistingFile);
        command->add_flag("--errors-are-expected", options.errors_are_expected,
                          "requests that are refused are no failure of the run");
        command->add_option("--server-pid", options.server_pid,
                            "also report the CPU that this process used");
        if (mode == Mode::ingest) {
            command->add_option("--docs", options.documents, "documents in one request")
                ->check(CLI::Range(1, 1'000'000))
                ->capture_default_str();
            command->add_flag("--array", options.array, "send a JSON array instead of NDJSON");
        }
        if (mode == Mode::ingest || mode == Mode::single) {
            command->add_option("--sources", options.sources, "how many sources are written to")
                ->check(CLI::Range(1, 100'000))
                ->capture_default_str();
            command->add_option("--source-prefix", options.source_prefix)->capture_default_str();
        }
        if (mode == Mode::stream) {
            command->add_option("--body", options.body, "the search, as JSON")->required();
        }
    }
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        exit_code = app.exit(error) == 0 ? 0 : 2;
        return std::nullopt;
    }
    for (const auto& [mode, command] : modes) {
        if (command->parsed()) options.mode = mode;
    }
    std::ifstream keys(options.keys_file);
    for (std::string key; std::getline(keys, key);) options.keys.push_back(key);
    if (options.mode == Mode::single) options.documents = 1;
    if (options.path.empty()) {
        options.path = options.mode == Mode::get      ? "/health"
                       : options.mode == Mode::stream ? "/data/search/stream"
                                                      : "/data/write";
    }
    return options;
}

}  // namespace insula::load
