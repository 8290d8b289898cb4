// ConnectionPool: connections to one target, opened as they are needed, and what is known of
// whether the server can be reached. Thread-safe.
//
// While it cannot, one caller at a time tries again, with growing pauses; those who come when that
// has lasted longer than `patience` already get an error at once instead of waiting for theirs: an
// outage must not hold up every thread of the server.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "platform/postgres/connection.h"

namespace insula::postgres {

struct PoolOptions {
    size_t connections_max = 16;
    std::chrono::milliseconds patience{10'000};
};

struct PoolState {
    size_t connections = 0;  // open now
    bool reachable = true;   // as far as is known
};

class ConnectionPool {
  public:
    ConnectionPool(Target target, ConnectionOptions connection, PoolOptions options);
    // All leases must be gone.
    ~ConnectionPool();

    // A connection for one caller; goes back when it is destroyed. The pool must outlive it.
    class Lease {
      public:
        Lease(Lease&&) = default;
        Lease& operator=(Lease&&) = delete;
        ~Lease();
        Connection* operator->() const { return connection_.get(); }
        Connection& operator*() const { return *connection_; }

      private:
        friend class ConnectionPool;
        Lease(ConnectionPool& pool, std::unique_ptr<Connection> connection)
            : pool_(&pool), connection_(std::move(connection)) {}
        ConnectionPool* pool_;
        std::unique_ptr<Connection> connection_;
    };

    // Waits for a connection that is free, or for the server to be reached. A failure is final:
    // there is nothing left to wait for.
    Outcome<Lease> acquire(Deadline deadline);
    // The same, but every failure to connect is reported at once; for a start, which shows what is
    // wrong to whoever waits for it.
    Outcome<Lease> acquire_once(Deadline deadline);

    // Waiting ends here or with close(); false then. For pauses between tries.
    bool pause(std::chrono::milliseconds duration, Deadline deadline);

    // Callers that wait fail, and so does whoever comes later; idle connections are closed.
    void close();

    PoolState state() const;
    const Target& target() const { return target_; }

  private:
    using SteadyPoint = std::chrono::steady_clock::time_point;

    std::unique_ptr<Connection> take_idle();
    Outcome<Lease> dial(std::unique_lock<std::mutex>& lock, Deadline deadline);
    void note_reached();
    void note_unreachable(const Failure& failure);
    void give_back(std::unique_ptr<Connection> connection);
    Failure closed() const;
    Failure unreachable() const;

    const Target target_;
    const ConnectionOptions connection_;
    const PoolOptions options_;

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::unique_ptr<Connection>> idle_;  // the last one was used last
    size_t open_ = 0;                                // idle, leased or being opened
    bool closed_ = false;
    // Of an outage.
    std::optional<SteadyPoint> unreachable_since_;
    SteadyPoint next_try_{};
    std::chrono::milliseconds next_pause_{};
    bool trying_ = false;
    std::string last_error_;
};

}  // namespace insula::postgres
