#include "platform/net/http_server.h"

#include <algorithm>
#include <csignal>
#include <utility>

#include "base/check.h"
#include "platform/net/io_thread.h"

namespace insula::net {

struct HttpServer::State {
    explicit State(HttpServerOptions options) : shared(std::move(options)) {}
    ServerShared shared;
    std::vector<std::unique_ptr<IoThread>> threads;
    bool running = false;
};

HttpServer::HttpServer(HttpServerOptions options)
    : state_(std::make_unique<State>(std::move(options))) {
    INSULA_CHECK(state_->shared.options.io_threads > 0, "a server needs a thread");
    INSULA_CHECK(state_->shared.options.tick.count() > 0, "a tick has a length");
}

HttpServer::~HttpServer() { stop(Deadline::after(std::chrono::seconds(0))); }

Status HttpServer::start(Handler handler) {
    State& state = *state_;
    INSULA_CHECK(!state.running && state.threads.empty(), "a server is started once");
    std::signal(SIGPIPE, SIG_IGN);
    state.shared.handler = std::move(handler);
    const HttpServerOptions& options = state.shared.options;
    std::vector<std::unique_ptr<IoThread>> threads;
    std::vector<uint16_t> ports;
    for (size_t i = 0; i < options.io_threads; ++i) {
        ASSIGN_OR_RETURN(auto thread, IoThread::create(state.shared));
        threads.push_back(std::move(thread));
        for (size_t j = 0; j < options.listen.size(); ++j) {
            const uint16_t wanted = i == 0 ? options.listen[j].port : ports[j];
            ASSIGN_OR_RETURN(const uint16_t port,
                             threads.back()->listen(options.listen[j], wanted, i == 0));
            if (i == 0) ports.push_back(port);
        }
    }
    state.threads = std::move(threads);
    ports_ = std::move(ports);
    for (size_t i = 0; i < state.threads.size(); ++i) state.threads[i]->start(i);
    state.running = true;
    return {};
}

size_t HttpServer::stop(Deadline deadline) {
    State& state = *state_;
    if (!std::exchange(state.running, false)) return 0;
    for (const auto& thread : state.threads) thread->begin_stop();
    const auto ended = [&state] { return state.shared.live.load() == 0; };
    size_t cut_off = 0;
    {
        std::unique_lock lock(state.shared.mutex);
        // time_point::max() overflows inside the wait of some C libraries; a day is as good.
        const auto when =
            std::min(deadline.when(), Deadline::Clock::now() + std::chrono::hours(24));
        state.shared.none_live.wait_until(lock, when, ended);
    }
    if (!ended()) {
        for (const auto& thread : state.threads) cut_off += thread->cut();
        std::unique_lock lock(state.shared.mutex);
        state.shared.none_live.wait(lock, ended);
    }
    for (const auto& thread : state.threads) thread->join();
    return cut_off;
}

HttpServerStats HttpServer::stats() const {
    HttpServerStats stats;
    stats.connections_open = state_->shared.open.load();
    for (const auto& thread : state_->threads) {
        const IoCounters& counters = thread->counters();
        stats.connections_accepted += counters.accepted.value();
        stats.connections_refused += counters.refused.value();
        stats.requests += counters.requests.value();
        stats.requests_malformed += counters.malformed.value();
        stats.timeouts += counters.timeouts.value();
        stats.handler_failures += counters.handler_failures.value();
        stats.accept_failures += counters.accept_failures.value();
        stats.tls_handshakes += counters.tls_handshakes.value();
        stats.tls_failures += counters.tls_failures.value();
    }
    return stats;
}

}  // namespace insula::net
