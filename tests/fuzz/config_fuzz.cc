// Configuration files, in YAML and as an environment file.
#include "base/units.h"
#include "fuzz_target.h"
#include "server/config/render.h"
#include "server/config/server_config.h"

namespace insula::config {
namespace {

constexpr Machine kMachine{.cores = 4, .memory_bytes = 8 * kGiB};

void check(const Result<LoadedConfig>& loaded) {
    if (!loaded) {
        INSULA_FUZZ_EXPECT(loaded.error().reason() == "invalid_configuration",
                           loaded.error().describe());
        INSULA_FUZZ_EXPECT(!check_report(loaded).empty(), "a problem is reported");
        return;
    }
    const ServerConfig server = make_server_config(loaded->config);
    INSULA_FUZZ_EXPECT(server.worker_threads > 0 && server.memtable_bytes > 0,
                       "bounds hold for what is accepted");
    INSULA_FUZZ_EXPECT(
        !print(*loaded, Format::yaml).empty() && !print(*loaded, Format::json).empty(),
        "what holds can be shown");
}

}  // namespace

INSULA_FUZZ_TARGET(config, input) {
    const std::string text(as_text(input));
    check(load({.yaml = TextFile{"config.yaml", text}, .machine = kMachine}));
    check(load({.env_file = TextFile{"config.env", text}, .machine = kMachine}));
}

}  // namespace insula::config
