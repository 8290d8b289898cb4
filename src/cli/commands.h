// The commands of `insula`: each adds itself to the command line and sets what runs when it is
// chosen.
#pragma once

#include <functional>

namespace CLI {  // NOLINT(readability-identifier-naming): the library's own name
class App;
}

namespace insula::cli {

// What the chosen command does; gives the exit code.
using Action = std::function<int()>;

// The server and its settings.
void add_serve(CLI::App& root, Action& action);
void add_config(CLI::App& root, Action& action);
void add_cert(CLI::App& root, Action& action);

// The data directory of a stopped server.
void add_verify(CLI::App& root, Action& action);
void add_journal(CLI::App& root, Action& action);

// Clients of a running server, and the audit log of a stopped one.
void add_audit(CLI::App& root, Action& action);
void add_audit_verify(CLI::App& audit, Action& action);

// Clients of a running server.
void add_administration(CLI::App& root, Action& action);
// `insula key reset`, of a stopped one: after add_administration().
void add_key_reset(CLI::App& root, Action& action);
void add_source(CLI::App& root, Action& action);
void add_write(CLI::App& root, Action& action);
void add_search(CLI::App& root, Action& action);
void add_aggregate(CLI::App& root, Action& action);
void add_status(CLI::App& root, Action& action);
void add_log_level(CLI::App& root, Action& action);
void add_demo(CLI::App& root, Action& action);

}  // namespace insula::cli
