// Standard output, which holds results and nothing else, and what a terminal is like.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/result.h"
#include "cli/client_flags.h"
#include "cli/table.h"

namespace insula::cli {

// Fails with cannot_write_output: the disk behind it is full, for one.
Status print(std::string_view text);
// The same with a newline at the end if there is none.
Status print_line(std::string_view text);
// What print() kept back; a command ends with it.
Status flush_output();

// Columns of the terminal that standard output is, or of COLUMNS where that is set; 0 where rows
// may be as long as they are: a file or a pipe.
size_t output_width();
bool error_is_terminal();

// As a table, or as CSV; for json and ndjson `json` is printed as it is.
Status print_result(OutputFormat format, const Table& table, std::string_view json);

// A remark to people: on standard error, and only where that is a terminal.
void remark(std::string_view text);
// The same wherever standard error goes: what a script's log should hold.
void warn(std::string_view text);

// How a client's command ends: its output is flushed, its error reported.
int client_exit_code(const Status& status);

}  // namespace insula::cli
