// insula serve: runs the server until SIGTERM or SIGINT.
#include <fmt/format.h>
#include <pthread.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>

#include "base/version.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/settings.h"
#include "platform/fs/os_file_system.h"
#include "platform/runtime/clock.h"
#include "platform/runtime/log.h"
#include "platform/runtime/random.h"
#include "server/config/render.h"
#include "server/config/server_config.h"
#include "server/node.h"

// jemalloc reads its settings from this symbol: a sample each 2 MiB allocated, which costs less
// than 1 % and feeds /debug/pprof/heap. Without jemalloc nobody reads it.
extern "C" {
__attribute__((used, visibility("default"))) const char* malloc_conf =
    "prof:true,lg_prof_sample:21";
}

namespace insula::cli {

namespace {

// Blocked before any thread starts, so that only wait_for_stop() takes them.
sigset_t stop_signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    return set;
}

int wait_for_stop() {
    const sigset_t set = stop_signals();
    int signal = 0;
    while (sigwait(&set, &signal) != 0) {
    }
    return signal;
}

// While the start still runs.
bool stop_is_asked_for() {
    sigset_t pending;
    sigemptyset(&pending);
    sigpending(&pending);
    return sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1;
}

// A second signal means: now. The journal makes that safe.
void end_at_once_on_second_signal() {
    std::thread([] {
        wait_for_stop();
        _exit(static_cast<int>(ExitCode::failure));
    }).detach();
}

void show_keys(const tenancy::FirstKeys& keys) {
    fmt::print(stderr, "\nKeys that are shown this once; only their hashes are stored.\n");
    if (keys.administrator) {
        fmt::print(stderr,
                   "\nThe administrator's, for tenants and the server itself (`insula key reset` "
                   "makes another):\n\n    {}\n",
                   *keys.administrator);
    }
    if (keys.owner) {
        fmt::print(stderr, "\nThe default tenant's owner's, for its data:\n\n    {}\n",
                   *keys.owner);
    }
    fmt::print(stderr, "\nRequests send one as \"Authorization: Bearer <key>\".\n\n");
}

int serve(const SettingFlags& flags) {
    auto loaded = flags.load();
    if (!loaded) return report(loaded.error());
    for (const config::Note& note : loaded->notes) {
        fmt::print(stderr, "{}\n", config::describe(note));
    }
    const config::ServerConfig config = config::make_server_config(loaded->config);
    if (const Status level = log::set_level(config.log_level); !level) return report(level.error());
    // Before the first thread, which is the log's.
    const sigset_t signals = stop_signals();
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    auto output = log::Output::open(config.log_output);
    if (!output) return report(output.error());

    OsFileSystem fs;
    SystemClock clock;
    SystemRandom random;
    const SteadyTime begin = clock.steady_now();
    auto node = server::Node::start(config, fs, clock, random, {stop_is_asked_for, show_keys});
    if (!node) {
        log::flush();
        if (!stop_is_asked_for()) return report(node.error());
        log::info("stopped before the start was done", {{"error", node.error().describe()}});
        return static_cast<int>(ExitCode::ok);
    }
    const double seconds = std::chrono::duration<double>(clock.steady_now() - begin).count();
    log::info("ready", {{"version", version()},
                        {"build", build_type()},
                        {"host", config.host},
                        {"tls", config.tls.has_value()},
                        {"rest_port", (*node)->ports().at(0)},
                        {"gateway_port", (*node)->ports().at(1)},
                        {"development", config.dev},
                        {"recovered", (*node)->recovery_summary()},
                        {"start_seconds", seconds}});
    const int signal = wait_for_stop();
    log::info("stopping", {{"signal", signal}});
    end_at_once_on_second_signal();
    const Status stopped = (*node)->stop();
    if (!stopped) {
        log::error("the server did not stop cleanly", {{"error", stopped.error().describe()}});
        return static_cast<int>(exit_code_of(stopped.error()));
    }
    log::info("stopped");
    return static_cast<int>(ExitCode::ok);
}

}  // namespace

void add_serve(CLI::App& root, Action& action) {
    CLI::App* command = root.add_subcommand("serve", "Run the server");
    auto flags = std::make_shared<SettingFlags>();
    flags->add_to(*command);
    command->footer(
        "Examples:\n"
        "  insula serve --dev                          try it: http://127.0.0.1:8000, no key "
        "needed\n"
        "  insula serve --data-dir /var/lib/insula     with the administrator's key shown at first "
        "start\n"
        "  insula serve --config config.yaml --env-file config.env\n"
        "  insula serve --host 0.0.0.0 --cert-file tls/cert.pem --key-file tls/key.pem\n"
        "\n"
        "SIGTERM drains and stops. Exit codes: 0 stopped, 3 configuration, 4 port, 5 data "
        "directory, 6 disk,\n"
        "7 damage, 1 other failures.");
    command->callback([flags, &action] { action = [flags] { return serve(*flags); }; });
}

}  // namespace insula::cli
