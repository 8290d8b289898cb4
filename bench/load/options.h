// What insula-load is told on its command line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace insula::load {

enum class Mode { ingest, single, get, stream };

struct Options {
    Mode mode = Mode::get;
    std::string host = "127.0.0.1";
    uint16_t port = 8000;
    size_t connections = 16;
    double seconds = 10;
    double warmup_seconds = 0;         // runs before, without being counted
    double timeout_seconds = 60;       // for one request
    std::string path;                  // empty: the default of the mode
    std::vector<std::string> headers;  // "Name: value"
    std::string keys_file;
    std::vector<std::string>
        keys;  // of that file: connection i sends the i-th of them, around and around
    size_t documents = 1000;  // in one request of ingest
    bool array = false;       // a JSON array instead of NDJSON
    size_t sources = 1;
    std::string source_prefix = "load_";
    std::string body;                  // of stream
    uint64_t requests_max = 0;         // 0: as many as the seconds allow
    bool errors_are_expected = false;  // they are reported, and no failure
    int server_pid = 0;                // reports that process' CPU too
};

// Reads the command line. Prints help or what is wrong and gives nothing then; `exit_code` says how
// to end.
std::optional<Options> parse_options(int argc, char** argv, int& exit_code);

}  // namespace insula::load
