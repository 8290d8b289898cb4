// Environment files: a line KEY=value each.
//
//   # a comment                      blank lines and comments are skipped
//   TENANT_NAME=Your Tenant Name     the value runs to the end of the line, blanks around it are
//   not part of it REST_PORT=8000  # the node       " #" begins a comment, in a value without
//   quotes DB_PASSWORD='a # $b "c"'         '…' is taken as it stands TENANT_NAME="Acme \"West\""
//   "…" knows \" \\ \n \t export DATA_PATH=./data          "export " may stand before the name
//
// ${…} is not expanded here. Pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace insula::config {

struct EnvLine {
    std::string name;
    std::string value;
    size_t line = 0;
};

struct EnvFile {
    std::vector<EnvLine> lines;
    // "config.env:3: …"
    std::vector<std::string> problems;
};

EnvFile parse_env_file(std::string_view path, std::string_view content);

}  // namespace insula::config
