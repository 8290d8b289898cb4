// The flags that every client command takes: which server, which tenant, which form of output.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/connection.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the library's own name
class App;
}

namespace insula::cli {

// table is for people; json and ndjson are what the server answered; csv is for spreadsheets.
enum class OutputFormat : uint8_t { table, json, ndjson, csv };

class ClientFlags {
  public:
    // Adds --server, --tenant, --output and what https:// needs. This object must outlive the
    // parse.
    void add_to(CLI::App& command);
    // The key comes from INSULA_API_KEY alone: arguments are visible to other users of a machine.
    Result<ServerConnection> connect() const;
    OutputFormat output() const;
    const std::string& server() const { return server_; }

  private:
    std::string server_{kDefaultServer};
    std::string tenant_;
    net::TlsClientOptions tls_;
    std::string output_ = "table";
};

// Sets what --help ends with: the examples, a line each, and what all clients share.
void add_examples(CLI::App& command, std::string_view examples);

}  // namespace insula::cli
