// How the program ends; documented for scripts and service managers.
#pragma once

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

// One line with cause and remedy to standard error; gives the code to end with.
int report(const Error& error);

}  // namespace insula::cli
