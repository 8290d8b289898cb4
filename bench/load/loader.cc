#include "load/loader.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace insula::load {

namespace {

// All bodies together; with more connections each rotates fewer.
constexpr size_t kBodyBytesMax = size_t{512} << 20;
constexpr size_t kBodiesMax = 4;
constexpr size_t kInputBytes = 256 * 1024;
constexpr int kEventsMax = 256;
constexpr int kWaitMilliseconds = 100;

double seconds_between(std::chrono::steady_clock::time_point from,
                       std::chrono::steady_clock::time_point to) {
    return std::chrono::duration<double>(to - from).count();
}

}  // namespace

Loader::Loader(Options options)
    : options_(std::move(options)), random_(20'260'115), next_id_(first_id()) {}

Loader::~Loader() {
    for (const auto& each : connections_) {
        if (each->descriptor >= 0) ::close(each->descriptor);
    }
    if (epoll_ >= 0) ::close(epoll_);
}

bool Loader::prepare(std::string& error) {
    address_.sin_family = AF_INET;
    address_.sin_port = htons(options_.port);
    if (::inet_pton(AF_INET, options_.host.c_str(), &address_.sin_addr) != 1) {
        error = fmt::format("--host {} is not an IPv4 address", options_.host);
        return false;
    }
    epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    if (epoll_ < 0) {
        error = fmt::format("epoll_create1: {}", std::strerror(errno));
        return false;
    }
    input_.resize(kInputBytes);
    for (size_t i = 0; i < options_.connections; ++i) {
        connections_.push_back(std::make_unique<Connection>());
        make_requests(*connections_.back(), i);
        if (!connect(*connections_.back(), error)) return false;
    }
    return true;
}

void Loader::make_requests(Connection& connection, size_t index) {
    std::string path = options_.path;
    const bool writes = options_.mode == Mode::ingest || options_.mode == Mode::single;
    size_t body_bytes = options_.body.size();
    if (writes) {
        path += fmt::format("{}source_id={}{}", path.find('?') == std::string::npos ? '?' : '&',
                            options_.source_prefix, index % options_.sources);
        // Every body of a run has the same length but for a few digits; each head names its own.
        connection.bodies.emplace_back(options_.documents, options_.array, random_);
        body_bytes = connection.bodies[0].text().size();
        const size_t share = kBodyBytesMax / options_.connections / std::max<size_t>(body_bytes, 1);
        while (connection.bodies.size() < std::min(kBodiesMax, share)) {
            connection.bodies.emplace_back(options_.documents, options_.array, random_);
        }
    }
    connection.head = fmt::format("{} {} HTTP/1.1\r\nHost: {}:{}\r\n",
                                  options_.mode == Mode::get ? "GET" : "POST", path, options_.host,
                                  options_.port);
    for (const std::string& header : options_.headers) connection.head += header + "\r\n";
    if (!options_.keys.empty()) {
        connection.head += fmt::format("Authorization: Bearer {}\r\n",
                                       options_.keys[index % options_.keys.size()]);
    }
    if (writes) {
        connection.head += options_.array ? "Content-Type: application/json\r\n"
                                          : "Content-Type: application/x-ndjson\r\n";
    } else if (options_.mode == Mode::stream) {
        connection.head += "Content-Type: application/json\r\nAccept: application/x-ndjson\r\n";
    }
    if (options_.mode != Mode::get) connection.head += "Content-Length: ";
}

bool Loader::connect(Connection& connection, std::string& error) {
    const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    // Blocking until it is connected: on loopback that is at once.
    if (descriptor < 0 ||
        ::connect(descriptor, reinterpret_cast<const sockaddr*>(&address_), sizeof address_) != 0) {
        error = fmt::format("cannot connect to {}:{}: {}", options_.host, options_.port,
                            std::strerror(errno));
        if (descriptor >= 0) ::close(descriptor);
        return false;
    }
    const int on = 1;
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    connection.descriptor = descriptor;
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = &connection;
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) != 0) {
        error = fmt::format("epoll_ctl: {}", std::strerror(errno));
        return false;
    }
    return true;
}

bool Loader::may_begin() const {
    return !ending_ && (options_.requests_max == 0 || begun_ < options_.requests_max);
}

void Loader::begin(Connection& connection) {
    // A head that ends in "Content-Length: " lacks that number; it stays in place for the next
    // request.
    constexpr std::string_view kLength = "Content-Length: ";
    const size_t length_at = connection.head.rfind(kLength);
    if (length_at != std::string::npos) connection.head.resize(length_at + kLength.size());
    connection.body_left = options_.body;
    if (!connection.bodies.empty()) {
        DocumentBody& body = connection.bodies[connection.next_body];
        connection.next_body = (connection.next_body + 1) % connection.bodies.size();
        body.renumber(next_id_);
        connection.body_left = body.text();
    }
    if (length_at != std::string::npos) {
        fmt::format_to(std::back_inserter(connection.head), "{}\r\n\r\n",
                       connection.body_left.size());
    } else if (!connection.head.ends_with("\r\n\r\n")) {
        connection.head += "\r\n";
    }
    connection.head_left = connection.head;
    connection.body_bytes = connection.body_left.size();
    connection.response.begin(options_.mode == Mode::stream);
    connection.saw_line = false;
    connection.started = now_;
    connection.busy = true;
    ++busy_;
    ++begun_;
    send(connection);
}

void Loader::send(Connection& connection) {
    while (!connection.head_left.empty() || !connection.body_left.empty()) {
        std::array<iovec, 2> parts = {
            {{const_cast<char*>(connection.head_left.data()), connection.head_left.size()},
             {const_cast<char*>(connection.body_left.data()), connection.body_left.size()}}};
        msghdr message{};
        message.msg_iov = parts.data();
        message.msg_iovlen = parts.size();
        const ssize_t sent =
            ::sendmsg(connection.descriptor, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0) {
            if (errno == EAGAIN) {
                watch(connection, true);
                return;
            }
            // What the server has to say about it is still to be read; if nothing, the read fails.
            if (errno == EPIPE || errno == ECONNRESET) break;
            return lost(connection, totals_.connections_lost);
        }
        const size_t of_head =
            std::min<size_t>(static_cast<size_t>(sent), connection.head_left.size());
        connection.head_left.remove_prefix(of_head);
        connection.body_left.remove_prefix(static_cast<size_t>(sent) - of_head);
    }
    watch(connection, false);
}

void Loader::watch(Connection& connection, bool for_write) {
    if (connection.waits_for_write == for_write) return;
    connection.waits_for_write = for_write;
    epoll_event event{};
    event.events = EPOLLIN | (for_write ? EPOLLOUT : 0u);
    event.data.ptr = &connection;
    ::epoll_ctl(epoll_, EPOLL_CTL_MOD, connection.descriptor, &event);
}

void Loader::receive(Connection& connection) {
    const ssize_t got = ::recv(connection.descriptor, input_.data(), input_.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) return lost(connection, totals_.connections_lost);
    // An answer that nobody asked for, such as that to a connection too many.
    if (!connection.busy) return lost(connection, totals_.malformed);
    const auto state =
        connection.response.take(std::string_view(input_).substr(0, static_cast<size_t>(got)));
    if (!connection.saw_line && connection.response.lines() > 0) {
        connection.saw_line = true;
        totals_.first_line.add(static_cast<uint64_t>((now_ - connection.started).count()));
    }
    if (state == ResponseReader::State::malformed) return lost(connection, totals_.malformed);
    if (state == ResponseReader::State::done) finished(connection);
}

void Loader::finished(Connection& connection) {
    connection.busy = false;
    --busy_;
    const ResponseReader& response = connection.response;
    totals_.latency.add(static_cast<uint64_t>((now_ - connection.started).count()));
    ++totals_.requests;
    ++totals_.by_status[static_cast<size_t>(response.status())];
    totals_.body_bytes_received += response.body_bytes();
    if (response.status() < 300) {
        ++totals_.succeeded;
        totals_.body_bytes_sent += connection.body_bytes;
        if (!connection.bodies.empty()) totals_.documents += options_.documents;
        if (options_.mode == Mode::stream) {
            const bool whole = response.last_line().starts_with(R"({"end")");
            totals_.rows += response.lines() - (whole ? 1 : 0);
            if (!whole) ++totals_.cut_off;
        }
    }
    if (response.closes()) {
        uint64_t expected = 0;
        return lost(connection, expected);
    }
    if (may_begin()) begin(connection);
}

// Counts what happened and connects anew.
void Loader::lost(Connection& connection, uint64_t& counter) {
    if (connection.busy || &counter == &totals_.malformed) ++counter;
    if (connection.busy) --busy_;
    connection.busy = false;
    ::close(connection.descriptor);
    connection.descriptor = -1;
    connection.waits_for_write = false;
    std::string error;
    if (may_begin() && connect(connection, error)) begin(connection);
}

void Loader::look_for_timeouts(Clock::time_point now) {
    for (const auto& each : connections_) {
        if (each->busy && seconds_between(each->started, now) > options_.timeout_seconds) {
            lost(*each, totals_.timeouts);
        }
    }
}

void Loader::begin_counting() {
    totals_ = Totals();
    cpu_before_ = own_cpu_seconds();
    if (options_.server_pid > 0) server_cpu_before_ = process_cpu_seconds(options_.server_pid);
    counted_from_ = Clock::now();
}

Totals Loader::run() {
    begin_counting();
    bool warming_up = options_.warmup_seconds > 0;
    now_ = counted_from_;
    Clock::time_point looked = now_;
    for (const auto& each : connections_) {
        if (may_begin()) begin(*each);
    }
    std::array<epoll_event, kEventsMax> events;
    while (busy_ > 0) {
        const int count = ::epoll_wait(epoll_, events.data(), kEventsMax, kWaitMilliseconds);
        now_ = Clock::now();
        for (int i = 0; i < count; ++i) {
            auto& connection = *static_cast<Connection*>(events[static_cast<size_t>(i)].data.ptr);
            if (connection.descriptor < 0) continue;
            const uint32_t ready = events[static_cast<size_t>(i)].events;
            if ((ready & EPOLLOUT) && connection.busy) send(connection);
            if (connection.descriptor >= 0 && (ready & ~EPOLLOUT)) receive(connection);
        }
        if (warming_up && seconds_between(counted_from_, now_) >= options_.warmup_seconds) {
            warming_up = false;
            begin_counting();
        } else if (!warming_up && seconds_between(counted_from_, now_) >= options_.seconds) {
            ending_ = true;
        }
        if (seconds_between(looked, now_) > 1) {
            look_for_timeouts(now_);
            looked = now_;
        }
    }
    totals_.seconds = seconds_between(counted_from_, Clock::now());
    totals_.cpu_seconds = own_cpu_seconds() - cpu_before_;
    if (options_.server_pid > 0) {
        totals_.server_cpu_seconds = process_cpu_seconds(options_.server_pid) - server_cpu_before_;
    }
    return totals_;
}

}  // namespace insula::load
