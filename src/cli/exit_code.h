// How the program ends; documented for scripts and service managers.
#pragma once

#include <string>

#include "base/error.h"

namespace insula::cli {

enum class ExitCode : int {
    ok = 0,
    failure = 1,
    usage = 2,
    configuration = 3,
    port = 4,
    data_directory = 5,
    disk = 6,
    damage = 7,
};

ExitCode exit_code_of(const Error& error);

// One line with cause and remedy to standard error; gives the code to end with. For commands that
// run the server in this process.
int report(const Error& error);

// The same for clients of a server, whose failures all end with 1: what a server's error says of
// itself (its disk, its data) is not about this process. "insula: message hint (code, detail)".
int report_to_client(const Error& error);

// Arguments that the command line's own rules cannot refuse: report_to_client() ends with 2.
Error usage_error(std::string message);

}  // namespace insula::cli
