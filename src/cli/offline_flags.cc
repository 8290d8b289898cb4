#include "cli/offline_flags.h"

#include <CLI/CLI.hpp>

#include "cli/exit_code.h"
#include "cli/option_checks.h"
#include "cli/output.h"
#include "cli/settings.h"
#include "server/config/server_config.h"
#include "server/node_catalog.h"

namespace insula::cli {

void OfflineFlags::add_to(CLI::App& command) {
    command.add_option("--data-dir", data_dir_, "the data directory of a server that is stopped")
        ->required()
        ->check(refuse_empty)
        ->type_name("DIR");
    command
        .add_option("--config", config_file_,
                    "YAML file with settings: where the catalog is, if it is on PostgreSQL")
        ->check(refuse_empty)
        ->type_name("FILE");
    command.add_option("--env-file", env_file_, "file with lines NAME=value, for the same")
        ->check(refuse_empty)
        ->type_name("FILE");
    command.add_flag("--json", json_, "one JSON document instead of text");
}

Result<std::unique_ptr<server::StoppedNode>> OfflineFlags::open() {
    return server::StoppedNode::open(
        fs_, clock_, data_dir_,
        [this](
            const server::DataDirectory& directory) -> Result<std::unique_ptr<catalog::Catalog>> {
            ASSIGN_OR_RETURN(const auto loaded, load_settings(config_file_, env_file_));
            return server::look_at_catalog(config::make_server_config(loaded.config), fs_, clock_,
                                           random_, directory);
        });
}

void add_offline_examples(CLI::App& command, std::string_view examples) {
    command.footer("Examples:\n" + std::string(examples) +
                   "\nExit codes: 0 nothing is damaged, 5 data directory (in use, or none), 6 disk "
                   "full, 7 damage,\n1 other failures, 2 wrong arguments.");
}

int offline_exit_code(const Result<bool>& sound) {
    const Status flushed = flush_output();
    if (!sound) return report(sound.error());
    if (!flushed) return report(flushed.error());
    return static_cast<int>(*sound ? ExitCode::ok : ExitCode::damage);
}

}  // namespace insula::cli
