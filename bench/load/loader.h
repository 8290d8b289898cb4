// Loader: one thread, one epoll, many connections, each with one request at a time. As cheap as it
// can be, since it shares the machine with the server that it measures.
#pragma once

#include <netinet/in.h>

#include <chrono>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "load/documents.h"
#include "load/options.h"
#include "load/report.h"
#include "load/response.h"

namespace insula::load {

class Loader {
  public:
    explicit Loader(Options options);
    ~Loader();

    // Makes the bodies and connects. False with a message in `error` where the server cannot be
    // reached.
    bool prepare(std::string& error);
    // Runs for the given seconds, then until what is in flight has ended.
    Totals run();

  private:
    using Clock = std::chrono::steady_clock;

    struct Connection {
        int descriptor = -1;
        bool busy = false;
        bool waits_for_write = false;
        bool saw_line = false;
        std::string head;
        std::string_view head_left;
        std::string_view body_left;
        std::vector<DocumentBody> bodies;
        size_t next_body = 0;
        size_t body_bytes = 0;
        Clock::time_point started;
        ResponseReader response;
    };

    void make_requests(Connection& connection, size_t index);
    bool connect(Connection& connection, std::string& error);
    void begin(Connection& connection);
    void send(Connection& connection);
    void receive(Connection& connection);
    void finished(Connection& connection);
    void lost(Connection& connection, uint64_t& counter);
    void watch(Connection& connection, bool for_write);
    void look_for_timeouts(Clock::time_point now);
    bool may_begin() const;
    void begin_counting();

    const Options options_;
    sockaddr_in address_{};
    int epoll_ = -1;
    std::mt19937_64 random_;
    uint64_t next_id_;
    std::vector<std::unique_ptr<Connection>> connections_;
    std::string input_;
    size_t busy_ = 0;
    uint64_t begun_ = 0;
    bool ending_ = false;
    Clock::time_point now_;
    Totals totals_;
    double cpu_before_ = 0;
    double server_cpu_before_ = 0;
    Clock::time_point counted_from_;
};

}  // namespace insula::load
