#include "platform/postgres/connection_pool.h"

#include <algorithm>

#include "base/check.h"
#include "platform/runtime/log.h"

namespace insula::postgres {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kPauseFirst{20};
constexpr milliseconds kPauseMax{1000};

}  // namespace

ConnectionPool::ConnectionPool(Target target, ConnectionOptions connection, PoolOptions options)
    : target_(std::move(target)), connection_(std::move(connection)), options_(options) {}

ConnectionPool::~ConnectionPool() {
    close();
    INSULA_CHECK(open_ == 0, "connections are given back before their pool goes");
}

ConnectionPool::Lease::~Lease() {
    if (connection_) pool_->give_back(std::move(connection_));
}

Outcome<ConnectionPool::Lease> ConnectionPool::acquire(Deadline deadline) {
    std::unique_lock lock(mutex_);
    for (;;) {
        if (closed_) return std::unexpected(closed());
        if (auto connection = take_idle()) return Lease(*this, std::move(connection));
        const auto now = steady_clock::now();
        if (unreachable_since_ && *unreachable_since_ + options_.patience <= now &&
            (trying_ || next_try_ > now)) {
            return std::unexpected(unreachable());
        }
        auto wake = deadline.when();
        const bool may_open = open_ < options_.connections_max;
        if (may_open && (!unreachable_since_ || (!trying_ && next_try_ <= now))) {
            auto lease = dial(lock, deadline);
            // What only time mends is tried again.
            if (lease || lease.error().recovery == Recovery::none) return lease;
        } else {
            if (unreachable_since_ && may_open && !trying_) wake = std::min(wake, next_try_);
            changed_.wait_until(lock, wake);
        }
        if (deadline.passed()) return std::unexpected(unreachable());
    }
}

Outcome<ConnectionPool::Lease> ConnectionPool::acquire_once(Deadline deadline) {
    std::unique_lock lock(mutex_);
    if (closed_) return std::unexpected(closed());
    if (auto connection = take_idle()) return Lease(*this, std::move(connection));
    return dial(lock, deadline);
}

std::unique_ptr<Connection> ConnectionPool::take_idle() {
    while (!idle_.empty()) {
        auto connection = std::move(idle_.back());
        idle_.pop_back();
        if (connection->is_open()) return connection;
        --open_;
    }
    return nullptr;
}

Outcome<ConnectionPool::Lease> ConnectionPool::dial(std::unique_lock<std::mutex>& lock,
                                                    Deadline deadline) {
    ++open_;
    const bool probing = unreachable_since_.has_value();
    if (probing) trying_ = true;
    lock.unlock();
    auto connection = Connection::open(target_, connection_, deadline);
    lock.lock();
    if (probing) trying_ = false;
    if (connection) {
        note_reached();
    } else {
        --open_;
        note_unreachable(connection.error());
    }
    changed_.notify_all();
    if (!connection) return std::unexpected(std::move(connection).error());
    if (!closed_) return Lease(*this, *std::move(connection));
    --open_;
    return std::unexpected(closed());
}

void ConnectionPool::note_reached() {
    if (!unreachable_since_) return;
    const std::chrono::duration<double> outage = steady_clock::now() - *unreachable_since_;
    log::info("the database can be reached again",
              {{"database", target_.name()}, {"seconds", outage.count()}});
    unreachable_since_.reset();
}

void ConnectionPool::note_unreachable(const Failure& failure) {
    const auto now = steady_clock::now();
    last_error_ = failure.error.detail();
    if (!unreachable_since_) {
        unreachable_since_ = now;
        next_pause_ = kPauseFirst;
        log::warn("the database cannot be reached",
                  {{"database", target_.name()}, {"error", failure.error.describe()}});
    }
    next_try_ = now + next_pause_;
    next_pause_ = std::min(next_pause_ * 2, kPauseMax);
}

void ConnectionPool::give_back(std::unique_ptr<Connection> connection) {
    const bool usable = connection->usable();
    if (!usable) connection.reset();  // closing may write to the socket: not under the lock
    {
        const std::lock_guard lock(mutex_);
        if (usable && !closed_) {
            idle_.push_back(std::move(connection));
        } else {
            --open_;
        }
    }
    changed_.notify_one();
}

bool ConnectionPool::pause(milliseconds duration, Deadline deadline) {
    const auto until = steady_clock::now() + duration;
    if (until >= deadline.when()) return false;
    std::unique_lock lock(mutex_);
    return !changed_.wait_until(lock, until, [this] { return closed_; });
}

void ConnectionPool::close() {
    std::vector<std::unique_ptr<Connection>> idle;
    {
        const std::lock_guard lock(mutex_);
        closed_ = true;
        idle = std::move(idle_);
        idle_.clear();
        open_ -= idle.size();
    }
    changed_.notify_all();
}

PoolState ConnectionPool::state() const {
    const std::lock_guard lock(mutex_);
    return {.connections = open_, .reachable = !unreachable_since_};
}

Failure ConnectionPool::closed() const {
    return {.error = unavailable("database_closed", "The server is stopping.")};
}

Failure ConnectionPool::unreachable() const {
    return {.error =
                unavailable("database_unreachable", "The database cannot be reached at the moment.")
                    .with_detail(unreachable_since_ ? last_error_ : "no connection is free")};
}

}  // namespace insula::postgres
