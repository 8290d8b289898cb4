// IoThread: one thread with an io_context, its listening sockets and its connections. Private to
// this folder. All members are used on that thread only, unless they say otherwise.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "platform/net/completion_queue.h"
#include "platform/net/connection_count.h"
#include "platform/net/http_server.h"

namespace insula::net {

class Connection;

using Executor = boost::asio::io_context::executor_type;
using Socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, Executor>;
using Acceptor = boost::asio::basic_socket_acceptor<boost::asio::ip::tcp, Executor>;

using Timer = boost::asio::basic_waitable_timer<
    std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;

// Written by one thread, read by any.
class Counter {
  public:
    void add_one() {
        value_.store(value_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    }
    uint64_t value() const { return value_.load(std::memory_order_relaxed); }

  private:
    std::atomic<uint64_t> value_{0};
};

struct IoCounters {
    Counter accepted;
    Counter refused;
    Counter requests;
    Counter malformed;
    Counter timeouts;
    Counter handler_failures;
    Counter accept_failures;
    Counter tls_handshakes;
    Counter tls_failures;
};

// What the I/O threads of a server share. Immutable once they run, but for the atomics.
struct ServerShared {
    explicit ServerShared(HttpServerOptions given)
        : options(std::move(given)), by_address(options.limits.connections_per_address_max) {}
    HttpServerOptions options;
    HttpServer::Handler handler;
    std::atomic<size_t> open{0};  // connections within connections_max, over all threads
    ConnectionCount by_address;
    std::atomic<size_t> handshakes{0};  // under way, over all threads
    std::atomic<size_t> live{0};        // all coroutines that serve a connection
    std::mutex mutex;
    std::condition_variable none_live;  // notified when live has become 0
};

class IoThread {
  public:
    // Fails where the process may not open what an event loop needs.
    static Result<std::unique_ptr<IoThread>> create(ServerShared& shared);
    explicit IoThread(ServerShared& shared);
    IoThread(const IoThread&) = delete;
    IoThread& operator=(const IoThread&) = delete;

    // Before start(), from the thread that owns the server. Gives the port, chosen where `port` is
    // 0. `probe`: fail if anything listens there already (other I/O threads of this server have
    // to).
    Result<uint16_t> listen(const ListenAddress& address, uint16_t port, bool probe);
    void start(size_t index);

    // From the thread that owns the server; each returns when the I/O thread has done it.
    void begin_stop();  // no new connections or requests, idle connections end
    size_t cut();       // all connections end; returns how many requests are cut off so
    void join();        // once no connection is live

    ServerShared& shared() { return shared_; }
    IoCounters& counters() { return counters_; }
    const IoCounters& counters() const { return counters_; }
    bool stopping() const { return stopping_; }
    // For the Date header; at most one tick old.
    std::string_view date() const { return date_; }

    // Room for one record, used within one call.
    std::span<char> record_room() { return record_room_; }

    // Connections enter and leave the list themselves.
    void add(Connection& connection);
    void remove(Connection& connection);

  private:
    void run();
    void run_and_wait(std::function<void()> work);
    Task<void> accept(Acceptor& acceptor);
    // Why a connection is not served.
    enum class Excess : uint8_t { none, of_all, of_address };
    void admit(Socket socket);
    Task<void> serve(Socket socket, Excess excess, std::optional<Address> counted);
    void schedule_tick();
    void sweep();

    ServerShared& shared_;
    boost::asio::io_context context_;
    CompletionQueue completions_;
    std::vector<Acceptor> acceptors_;
    Timer tick_timer_;
    Connection* first_ = nullptr;
    size_t over_limit_ = 0;  // connections that are only told that there are too many
    bool stopping_ = false;
    bool finished_ = false;
    int64_t date_seconds_ = 0;
    std::string date_;
    std::vector<char> record_room_;
    IoCounters counters_;
    std::thread thread_;
};

}  // namespace insula::net
