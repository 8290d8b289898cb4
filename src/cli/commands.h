// The commands of `insula`: each adds itself to the command line and sets what runs when it is
// chosen.
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace insula::cli {

// What the chosen command does; gives the exit code.
using Action = std::function<int()>;

void add_serve(CLI::App& root, Action& action);
void add_config(CLI::App& root, Action& action);

}  // namespace insula::cli
