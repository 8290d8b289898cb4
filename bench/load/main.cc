#include <cstdio>

#include "load/loader.h"
#include "load/options.h"
#include "load/report.h"

// Exit codes: 0 all requests succeeded, or may fail, 1 some failed or the server cannot be
// reached, 2 wrong
// usage.
int main(int argc, char** argv) {
    int exit_code = 0;
    const auto options = insula::load::parse_options(argc, argv, exit_code);
    if (!options) return exit_code;
    insula::load::Loader loader(*options);
    std::string error;
    if (!loader.prepare(error)) {
        std::fprintf(stderr, "insula-load: %s\n", error.c_str());
        return 1;
    }
    const insula::load::Totals totals = loader.run();
    std::fputs(insula::load::render(*options, totals).c_str(), stdout);
    return totals.failures() == 0 || options->errors_are_expected ? 0 : 1;
}
