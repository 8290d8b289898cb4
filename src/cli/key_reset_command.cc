// insula key reset: another administrator's key, where nobody has the first one any more.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/settings.h"
#include "platform/fs/os_file_system.h"
#include "platform/runtime/clock.h"
#include "platform/runtime/random.h"
#include "server/config/server_config.h"
#include "server/offline/key_reset.h"

namespace insula::cli {

namespace {

Status run_reset(const SettingFlags& flags) {
    ASSIGN_OR_RETURN(const auto loaded, flags.load());
    OsFileSystem fs;
    SystemClock clock;
    SystemRandom random;
    ASSIGN_OR_RETURN(const std::string key,
                     server::reset_administrator_key(config::make_server_config(loaded.config), fs,
                                                     clock, random));
    RETURN_IF_ERROR(print_line(key));
    fmt::print(stderr, "This is the administrator's key from now on; only its hash is stored.\n");
    return flush_output();
}

}  // namespace

void add_key_reset(CLI::App& root, Action& action) {
    CLI::App* reset = root.get_subcommand("key")->add_subcommand(
        "reset",
        "Of a server that is stopped: make another administrator's key and print it; those "
        "before are worth nothing then");
    auto flags = std::make_shared<SettingFlags>();
    flags->add_to(*reset);
    reset->footer(
        "Examples:\n"
        "  insula key reset --data-dir data\n"
        "  insula key reset --config config.yaml > key\n"
        "\n"
        "Exit codes: 0 ok, 3 configuration, 5 data directory (in use, or none), 6 disk, 7 damage, "
        "1 other failures.");
    reset->callback([flags, &action] {
        action = [flags] {
            const Status done = run_reset(*flags);
            return done ? static_cast<int>(ExitCode::ok) : report(done.error());
        };
    });
}

}  // namespace insula::cli
