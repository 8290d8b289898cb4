// A PostgreSQL server of Debian's package that a test starts itself: in a directory of its own
// below /tmp, reachable by a Unix socket there, run as the user postgres where the test runs as
// root. It ends with the test program, however that ends. Used by one thread, but for url().
//
// It runs without fsync: what a process has written survives its end, and no test takes the
// machine's power. Its databases sort text as people do (ICU, English), so that a key that is
// compared bytewise must say so.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace insula::postgres {

struct PostgresServerOptions {
    // Listens on 127.0.0.1 too, where only encrypted connections with a password are let in; the
    // certificate of "localhost" is certificate_path().
    bool tls = false;
    std::vector<std::string> settings{};  // "log_statement=all"
};

class PostgresServer {
  public:
    // unavailable where there is no PostgreSQL, or no user to run it as; the message says so.
    static Result<std::unique_ptr<PostgresServer>> start(const PostgresServerOptions& options = {});
    ~PostgresServer();
    PostgresServer(const PostgresServer&) = delete;
    PostgresServer& operator=(const PostgresServer&) = delete;

    // The server of this test program, started at its first use and shared by all tests; nullptr
    // where it cannot be had, and then why_not_shared() says why.
    static PostgresServer* shared();
    static const std::string& why_not_shared();
    // Another one, that tests may crash and stop, and leave running.
    static PostgresServer* shared_to_crash();

    // postgresql://insula@/postgres?host=… ; `parameters`: "&connect_timeout=1"
    std::string url(std::string_view parameters = "") const;
    std::string socket_path() const;  // of its Unix socket
    uint16_t tcp_port() const { return port_; }
    std::string certificate_path() const { return directory_ + "/data/server.crt"; }
    const std::string& directory() const { return directory_; }

    // Ends it at once, as a crash does: sessions are cut, nothing is written any more.
    void crash();
    // Ends it as an administrator does: sessions are told, and what is in memory is written.
    void stop();
    // Starts it again; returns when it takes connections.
    Status start_again();

  private:
    PostgresServer(std::string directory, PostgresServerOptions options);
    Status initialize();
    Status set_up_tls();
    void end(int signal);

    const std::string directory_;
    const PostgresServerOptions options_;
    uint16_t port_ = 5432;  // with TLS: one that was free
    int process_ = -1;
};

}  // namespace insula::postgres
