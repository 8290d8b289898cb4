// insula demo: the sales example against a server of its own, or a running one.
#include <pthread.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <thread>

#include "cli/client_flags.h"
#include "cli/commands.h"
#include "cli/demo_script.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "platform/fs/os_file_system.h"
#include "platform/runtime/clock.h"
#include "platform/runtime/log.h"
#include "platform/runtime/machine.h"
#include "platform/runtime/random.h"
#include "server/config/server_config.h"
#include "server/node.h"

namespace insula::cli {

namespace {

constexpr int kSignalled = 128;  // and the signal's number, as shells show it

struct DemoArguments {
    ClientFlags client;
    bool standalone = false;
    bool rest = false;
};

// Removed with what is in it, also when the program is interrupted.
class DemoDirectory {
  public:
    static Result<std::unique_ptr<DemoDirectory>> make() {
        std::error_code error;
        std::string path = std::filesystem::temp_directory_path(error) / "insula-demo-XXXXXX";
        if (error || ::mkdtemp(path.data()) == nullptr) {
            return fail(os_error("make a temporary directory", errno));
        }
        return std::unique_ptr<DemoDirectory>(new DemoDirectory(std::move(path)));
    }
    ~DemoDirectory() {
        if (const Status removed = remove_tree(fs_, path_); !removed) {
            warn("insula: " + path_ + " could not be removed.");
        }
    }
    DemoDirectory(const DemoDirectory&) = delete;
    DemoDirectory& operator=(const DemoDirectory&) = delete;

    const std::string& path() const { return path_; }
    FileSystem& fs() { return fs_; }

    // Before any thread starts: signals are taken by one thread of their own.
    void clean_up_when_interrupted() {
        static sigset_t signals;
        sigemptyset(&signals);
        sigaddset(&signals, SIGINT);
        sigaddset(&signals, SIGTERM);
        pthread_sigmask(SIG_BLOCK, &signals, nullptr);
        std::thread([path = path_] {
            int signal = 0;
            while (sigwait(&signals, &signal) != 0) {
            }
            OsFileSystem fs;
            // The server may make a file in between; what is left then is in the temporary folder.
            static_cast<void>(remove_tree(fs, path));
            _exit(kSignalled + signal);
        }).detach();
    }

  private:
    explicit DemoDirectory(std::string path) : path_(std::move(path)) {}

    OsFileSystem fs_;
    const std::string path_;
};

// Settings of the demo alone: neither the environment nor files have a say.
Result<config::ServerConfig> demo_config(const std::string& directory) {
    config::Sources sources;
    sources.machine = detect_machine();
    const auto set = [&](std::string key, std::string value) {
        sources.flags.push_back({std::move(key), std::move(value), "insula demo"});
    };
    set("server.data_dir", directory + "/data");
    set("server.dev", "true");
    // Any free ones.
    for (const char* port : {"server.rest_port", "server.port", "server.grpc_port"}) set(port, "0");
    set("monitoring.log_level", "error");
    ASSIGN_OR_RETURN(const config::LoadedConfig loaded, config::load(sources));
    return config::make_server_config(loaded.config);
}

Status run_standalone() {
    ASSIGN_OR_RETURN(const auto directory, DemoDirectory::make());
    directory->clean_up_when_interrupted();
    ASSIGN_OR_RETURN(const config::ServerConfig config, demo_config(directory->path()));
    RETURN_IF_ERROR(log::set_level(config.log_level));
    SystemClock clock;
    SystemRandom random;
    ASSIGN_OR_RETURN(const auto node, server::Node::start(config, directory->fs(), clock, random));
    const std::string address = "http://127.0.0.1:" + std::to_string(node->ports().at(0));
    RETURN_IF_ERROR(print("A server of its own answers at " + address + ".\n\n"));
    ASSIGN_OR_RETURN(ServerConnection server,
                     ServerConnection::open({.server = address, .tenant = {}, .key = {}}));
    Status ran = run_demo_script(server, "sales_data");
    RETURN_IF_ERROR(node->stop());
    return ran;
}

Status run_rest(const ClientFlags& client) {
    ASSIGN_OR_RETURN(ServerConnection server, client.connect());
    // A name of its own: the server may hold a source of the example's name.
    const std::string id = SystemRandom().uuid().to_string();
    return run_demo_script(server, "sales_data_demo_" + id.substr(0, 8));
}

// Asks on the terminal; true for standalone.
Result<bool> ask_which() {
    if (::isatty(STDIN_FILENO) == 0 || !error_is_terminal()) {
        return fail(usage_error("Which demo?")
                        .with_hint("--standalone starts a server of its own; --rest uses a running "
                                   "one."));
    }
    for (;;) {
        std::fputs(
            "1  standalone: starts a server of its own, and stops it\n"
            "2  REST: uses a running server\n"
            "Which demo? [1] ",
            stderr);
        std::string line;
        if (!std::getline(std::cin, line)) return fail(usage_error("Nothing was chosen."));
        if (line.empty() || line == "1") return true;
        if (line == "2") return false;
    }
}

Status run(const DemoArguments& arguments) {
    bool standalone = arguments.standalone;
    if (!arguments.standalone && !arguments.rest) {
        ASSIGN_OR_RETURN(standalone, ask_which());
    }
    return standalone ? run_standalone() : run_rest(arguments.client);
}

}  // namespace

void add_demo(CLI::App& root, Action& action) {
    CLI::App* command = root.add_subcommand("demo", "Run the sales example, request by request");
    auto arguments = std::make_shared<DemoArguments>();
    CLI::Option* standalone =
        command->add_flag("--standalone", arguments->standalone,
                          "with a server of its own, in a temporary directory on free ports");
    command
        ->add_flag("--rest", arguments->rest,
                   "with a running server; the example's source is removed at the end")
        ->excludes(standalone);
    arguments->client.add_to(*command);
    add_examples(*command,
                 "  insula demo --standalone\n"
                 "  insula demo --rest --server http://127.0.0.1:8000\n"
                 "  insula demo                  asks which");
    command->callback([arguments, &action] {
        action = [arguments] { return client_exit_code(run(*arguments)); };
    });
}

}  // namespace insula::cli
