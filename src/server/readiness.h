// A node calls itself ready only when a real write and a real read have worked: through the
// journal, the catalog, a file and the engine.
#pragma once

#include <string>

#include "base/result.h"
#include "core/catalog/catalog.h"
#include "platform/fs/file_system.h"
#include "platform/journal/journal.h"
#include "platform/runtime/clock.h"
#include "stores/tables/engine_host.h"

namespace insula::server {

struct ReadinessServices {
    FileSystem& fs;
    Clock& clock;
    catalog::Catalog& catalog;
    journal::Journal& journal;
    tables::EngineHost& engines;
    std::string probe_path;  // a file that may be written and removed
};

Status prove_readiness(const ReadinessServices& services);

}  // namespace insula::server
