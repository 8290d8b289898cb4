#include "cli/client_flags.h"

#include <CLI/CLI.hpp>
#include <cstdlib>

namespace insula::cli {

void ClientFlags::add_to(CLI::App& command) {
    command
        .add_option("--server", server_,
                    "the server's address (default " + std::string(kDefaultServer) + ")")
        ->envname("INSULA_SERVER")
        ->type_name("URL");
    command.add_option("--tenant", tenant_, "which of the key's tenants: its id or short name")
        ->type_name("TENANT");
    command
        .add_option("--ca-file", tls_.ca_file,
                    "who vouches for a server at https://: certificates in PEM (default: whom this "
                    "machine trusts)")
        ->envname("INSULA_CA_FILE")
        ->type_name("FILE");
    command
        .add_option("--client-cert", tls_.cert_file,
                    "certificate to show to a server that asks for one")
        ->envname("INSULA_CLIENT_CERT")
        ->type_name("FILE");
    command.add_option("--client-key", tls_.key_file, "its private key")
        ->envname("INSULA_CLIENT_KEY")
        ->type_name("FILE");
    command.add_option("--output", output_, "table, json, ndjson or csv (default table)")
        ->check(CLI::IsMember({"table", "json", "ndjson", "csv"}))
        ->type_name("FORMAT");
}

Result<ServerConnection> ClientFlags::connect() const {
    const char* key = std::getenv("INSULA_API_KEY");
    return ServerConnection::open(
        {.server = server_, .tenant = tenant_, .key = key == nullptr ? "" : key, .tls = tls_});
}

OutputFormat ClientFlags::output() const {
    if (output_ == "json") return OutputFormat::json;
    if (output_ == "ndjson") return OutputFormat::ndjson;
    if (output_ == "csv") return OutputFormat::csv;
    return OutputFormat::table;
}

void add_examples(CLI::App& command, std::string_view examples) {
    command.footer("Examples:\n" + std::string(examples) +
                   "\nThe key comes from INSULA_API_KEY. Exit codes: 0 ok, 1 failure, 2 wrong "
                   "arguments.");
}

}  // namespace insula::cli
