#include "platform/net/io_thread.h"

#include <pthread.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <ctime>
#include <future>
#include <utility>

#include "platform/net/connection.h"
#include "platform/net/response_writer.h"
#include "platform/net/tls_session.h"

namespace insula::net {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr auto kToken = asio::as_tuple(asio::use_awaitable_t<Executor>());
constexpr int kBacklog = 4096;
// Connections over the limit that are told so at the same time; more are closed without a word.
constexpr size_t kOverLimitMax = 64;
// Out of file descriptors: accepting again at once would only spin.
constexpr std::chrono::milliseconds kAcceptPause{100};

using V6Only = asio::detail::socket_option::boolean<IPPROTO_IPV6, IPV6_V6ONLY>;
using ReusePort = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

Error no_descriptors(std::string_view detail) {
    return unavailable("too_many_open_files", "The server has too many files open.")
        .with_hint("Raise the limit of open files (ulimit -n).")
        .with_detail(std::string(detail));
}

Error listen_error(const ListenAddress& address, uint16_t port,
                   const boost::system::error_code& error) {
    const std::string where = address.address + " port " + std::to_string(port);
    if (error == asio::error::address_in_use) {
        return Error(Code::failed_precondition, "port_in_use",
                     "Something else already listens on " + where + ".")
            .with_hint("Stop it, or choose another port.");
    }
    if (error == asio::error::no_descriptors) return no_descriptors("listening on " + where);
    if (error == asio::error::access_denied) {
        return Error(Code::permission_denied, "port_not_allowed",
                     "This user may not listen on " + where + ".")
            .with_hint("Ports below 1024 need a privilege; choose a higher one.");
    }
    return invalid_argument("bad_listen_address", "Cannot listen on " + where + ".")
        .with_hint("Give an IP address of this machine.")
        .with_detail(error.message());
}

boost::system::error_code bind_and_listen(Acceptor& acceptor, const tcp::endpoint& endpoint,
                                          bool reuse_port) {
    boost::system::error_code error;
    acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
    if (!error && reuse_port) acceptor.set_option(ReusePort(true), error);
    if (!error && endpoint.address().is_v6()) acceptor.set_option(V6Only(true), error);
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(kBacklog, error);
    return error;
}

}  // namespace

// Only this thread touches the sockets, so the reactor needs no locks for them; others may post.
IoThread::IoThread(ServerShared& shared)
    : shared_(shared),
      context_(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO),
      completions_(context_),
      tick_timer_(context_.get_executor()),
      record_room_(shared.options.tls == nullptr ? 0 : kTlsRecordBytes) {}

Result<std::unique_ptr<IoThread>> IoThread::create(ServerShared& shared) {
    try {
        return std::make_unique<IoThread>(shared);
    } catch (const boost::system::system_error& error) {
        if (error.code() == asio::error::no_descriptors) return fail(no_descriptors(error.what()));
        return fail(internal_error(error.what()));
    }
}

Result<uint16_t> IoThread::listen(const ListenAddress& address, uint16_t port, bool probe) {
    boost::system::error_code error;
    const asio::ip::address ip = asio::ip::make_address(address.address, error);
    if (error) return fail(listen_error(address, port, error));
    const tcp::endpoint endpoint(ip, port);
    if (probe && port != 0) {
        // SO_REUSEPORT would share the port with another process of the same user, in silence.
        Acceptor lone(context_.get_executor());
        error = bind_and_listen(lone, endpoint, false);
        if (error) return fail(listen_error(address, port, error));
    }
    Acceptor acceptor(context_.get_executor());
    error = bind_and_listen(acceptor, endpoint, true);
    if (error) return fail(listen_error(address, port, error));
    const uint16_t bound = acceptor.local_endpoint(error).port();
    if (error) return fail(listen_error(address, port, error));
    acceptors_.push_back(std::move(acceptor));
    return bound;
}

void IoThread::start(size_t index) {
    thread_ = std::thread([this, index] {
        pthread_setname_np(pthread_self(), ("io-" + std::to_string(index)).c_str());
        run();
    });
}

void IoThread::run() {
    CompletionQueue::set_current(&completions_);
    sweep();
    schedule_tick();
    for (Acceptor& acceptor : acceptors_) {
        asio::co_spawn(context_.get_executor(), accept(acceptor), asio::detached);
    }
    context_.run();
    CompletionQueue::set_current(nullptr);
}

Task<void> IoThread::accept(Acceptor& acceptor) {
    Timer pause(context_.get_executor());
    while (!stopping_) {
        auto [error, socket] = co_await acceptor.async_accept(context_.get_executor(), kToken);
        if (stopping_) co_return;
        if (!error) {
            admit(std::move(socket));
        } else if (error != asio::error::connection_aborted) {
            counters_.accept_failures.add_one();
            pause.expires_after(kAcceptPause);
            co_await pause.async_wait(kToken);
        }
    }
}

void IoThread::admit(Socket socket) {
    counters_.accepted.add_one();
    const HttpServerOptions& options = shared_.options;
    Excess excess = Excess::none;
    std::optional<Address> counted;
    if (shared_.open.fetch_add(1) >= options.limits.connections_max) excess = Excess::of_all;
    if (excess == Excess::none && shared_.by_address.counts()) {
        counted = peer_address(socket);
        if (counted && any_contains(options.trusted_proxies, *counted)) counted.reset();
        if (counted && !shared_.by_address.enter(*counted)) {
            counted.reset();
            excess = Excess::of_address;
        }
    }
    if (excess != Excess::none) {
        shared_.open.fetch_sub(1);
        counters_.refused.add_one();
        if (over_limit_ == kOverLimitMax) return;
        ++over_limit_;
    }
    shared_.live.fetch_add(1);
    asio::co_spawn(context_.get_executor(), serve(std::move(socket), excess, counted),
                   asio::detached);
}

Task<void> IoThread::serve(Socket socket, Excess excess, std::optional<Address> counted) {
    struct Leave {
        IoThread& io;
        bool served;
        const std::optional<Address>& counted;
        ~Leave() {
            if (counted) io.shared_.by_address.leave(*counted);
            if (served) {
                io.shared_.open.fetch_sub(1);
            } else {
                --io.over_limit_;
            }
            if (io.shared_.live.fetch_sub(1) == 1) {
                const std::lock_guard lock(io.shared_.mutex);
                io.shared_.none_live.notify_all();
            }
        }
    };
    const Leave leave{*this, excess == Excess::none, counted};
    Connection connection(*this, std::move(socket));
    switch (excess) {
        case Excess::none:
            co_await connection.run();
            break;
        case Excess::of_all:
            co_await connection.run_over_limit(
                "The server has as many connections as it may have.");
            break;
        case Excess::of_address:
            co_await connection.run_over_limit(
                "This address has as many connections as it may have.");
            break;
    }
}

void IoThread::add(Connection& connection) {
    connection.next = first_;
    if (first_) first_->previous = &connection;
    first_ = &connection;
}

void IoThread::remove(Connection& connection) {
    if (connection.previous) {
        connection.previous->next = connection.next;
    } else {
        first_ = connection.next;
    }
    if (connection.next) connection.next->previous = connection.previous;
}

void IoThread::schedule_tick() {
    tick_timer_.expires_after(shared_.options.tick);
    tick_timer_.async_wait([this](const boost::system::error_code& error) {
        if (error || finished_) return;
        sweep();
        schedule_tick();
    });
}

// Ends no connection itself: whatever it cancels completes later.
void IoThread::sweep() {
    const int64_t seconds = std::time(nullptr);
    if (seconds != date_seconds_) {
        date_seconds_ = seconds;
        date_ = http_date(seconds);
    }
    const SteadyTime now = SystemClock().steady_now();
    for (Connection* each = first_; each; each = each->next) each->check_deadline(now);
    completions_.expire(now);
}

void IoThread::run_and_wait(std::function<void()> work) {
    std::promise<void> done;
    asio::post(context_, [&] {
        work();
        done.set_value();
    });
    done.get_future().wait();
}

void IoThread::begin_stop() {
    run_and_wait([this] {
        stopping_ = true;
        for (Acceptor& acceptor : acceptors_) {
            boost::system::error_code ignored;  // closed is what it shall be
            acceptor.close(ignored);
        }
        for (Connection* each = first_; each; each = each->next) each->begin_stop();
    });
}

size_t IoThread::cut() {
    size_t cut_off = 0;
    run_and_wait([&] {
        for (Connection* each = first_; each; each = each->next) cut_off += each->cut() ? 1 : 0;
    });
    return cut_off;
}

void IoThread::join() {
    asio::post(context_, [this] {
        finished_ = true;
        tick_timer_.cancel();
    });
    thread_.join();
}

}  // namespace insula::net
