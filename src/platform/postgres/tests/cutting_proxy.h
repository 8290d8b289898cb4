// A proxy between a client and a PostgreSQL server that loses a connection at a chosen byte, in
// either direction: what comes after it is not passed on, and both sides see the connection end.
// Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/result.h"

namespace insula::postgres {

struct Cut {
    // Bytes of the client, or of the server, that still pass, counted over all connections from
    // arm() on.
    uint64_t after_client_bytes = UINT64_MAX;
    uint64_t after_server_bytes = UINT64_MAX;
    // What the client is sent in place of what no longer passes.
    std::string last_words{};
};

// What a server says to a session that its administrator ends.
std::string administrator_ends_session();

class CuttingProxy {
  public:
    // Listens in `directory`, as a PostgreSQL server would, and passes on to `server_socket`.
    static Result<std::unique_ptr<CuttingProxy>> start(std::string directory,
                                                       std::string server_socket);
    ~CuttingProxy();

    // The next connection that reaches the place is cut; later ones pass.
    void arm(const Cut& cut);
    // What a client says is not passed on, as if the server had stopped.
    void swallow(bool on) { swallow_ = on; }
    // Ends every connection that there is.
    void drop();
    // Nothing is cut; what passed since arm(): (client's bytes, server's bytes).
    struct Passed {
        uint64_t client = 0;
        uint64_t server = 0;
        bool cut = false;
    };
    Passed disarm();
    std::string url() const;

  private:
    struct Link;
    CuttingProxy(std::string directory, std::string server_socket);
    Status listen();
    void accept_clients();
    void run(Link& link);
    void end(Link& link);
    void join_ended();
    // Passes on what has come from one side; false when the connection ends.
    bool pass(int from, int to, bool client);

    const std::string directory_;
    const std::string server_socket_;
    int listener_ = -1;
    int wake_[2] = {-1, -1};  // readable once the proxy stops
    std::thread thread_;
    std::atomic<bool> swallow_{false};
    std::mutex mutex_;                        // guards the rest
    std::list<std::unique_ptr<Link>> links_;  // grows and shrinks in thread_ alone
    bool armed_ = false;
    Cut left_;
    Passed passed_;
};

}  // namespace insula::postgres
