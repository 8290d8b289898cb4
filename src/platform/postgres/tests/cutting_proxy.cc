#include "platform/postgres/tests/cutting_proxy.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <utility>

namespace insula::postgres {
namespace {

sockaddr_un address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    return address;
}

bool write_all(int to, std::string_view data) {
    while (!data.empty()) {
        const ssize_t written = send(to, data.data(), data.size(), MSG_NOSIGNAL);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        data.remove_prefix(static_cast<size_t>(written));
    }
    return true;
}

}  // namespace

// An ErrorResponse: https://www.postgresql.org/docs/15/protocol-message-formats.html
std::string administrator_ends_session() {
    using namespace std::string_literals;
    const std::string fields =
        "SFATAL\0VFATAL\0C57P01\0"s
        "Mterminating connection due to administrator command\0\0"s;
    const size_t size = fields.size() + 4;
    return "E\0\0"s + static_cast<char>(size >> 8) + static_cast<char>(size & 0xff) + fields;
}

struct CuttingProxy::Link {
    int client = -1;
    int server = -1;
    std::thread thread;
    bool ended = false;  // guarded by the proxy's mutex
};

CuttingProxy::CuttingProxy(std::string directory, std::string server_socket)
    : directory_(std::move(directory)), server_socket_(std::move(server_socket)) {}

Result<std::unique_ptr<CuttingProxy>> CuttingProxy::start(std::string directory,
                                                          std::string server_socket) {
    auto proxy = std::unique_ptr<CuttingProxy>(
        new CuttingProxy(std::move(directory), std::move(server_socket)));
    RETURN_IF_ERROR(proxy->listen());
    proxy->thread_ = std::thread([p = proxy.get()] { p->accept_clients(); });
    return proxy;
}

Status CuttingProxy::listen() {
    std::filesystem::create_directories(directory_);
    const std::string path = directory_ + "/.s.PGSQL.5432";
    listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_un address = address_of(path);
    if (listener_ < 0 || pipe(wake_) != 0 ||
        bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener_, 64) != 0) {
        return fail(os_error("proxy's socket " + path, errno));
    }
    return {};
}

CuttingProxy::~CuttingProxy() {
    static_cast<void>(write(wake_[1], "x", 1));
    if (thread_.joinable()) thread_.join();
    for (const auto& link : links_) link->thread.join();
    for (const int descriptor : {listener_, wake_[0], wake_[1]}) close(descriptor);
    std::filesystem::remove_all(directory_);
}

void CuttingProxy::arm(const Cut& cut) {
    const std::lock_guard lock(mutex_);
    armed_ = true;
    left_ = cut;
    passed_ = {};
}

CuttingProxy::Passed CuttingProxy::disarm() {
    const std::lock_guard lock(mutex_);
    armed_ = false;
    return passed_;
}

std::string CuttingProxy::url() const {
    return fmt::format("postgresql://insula@/postgres?host={}", directory_);
}

void CuttingProxy::accept_clients() {
    for (;;) {
        std::array<pollfd, 2> wait{pollfd{listener_, POLLIN, 0}, pollfd{wake_[0], POLLIN, 0}};
        if (poll(wait.data(), wait.size(), -1) < 0 && errno != EINTR) return;
        if (wait[1].revents != 0) return;
        if (wait[0].revents == 0) continue;
        auto link = std::make_unique<Link>();
        link->client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        link->server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const sockaddr_un address = address_of(server_socket_);
        if (connect(link->server, reinterpret_cast<const sockaddr*>(&address), sizeof address) !=
            0) {
            close(link->client);
            close(link->server);
            continue;
        }
        join_ended();
        const std::lock_guard lock(mutex_);
        link->thread = std::thread([this, raw = link.get()] { run(*raw); });
        links_.push_back(std::move(link));
    }
}

void CuttingProxy::run(Link& link) {
    for (;;) {
        std::array<pollfd, 3> wait{pollfd{link.client, POLLIN, 0}, pollfd{link.server, POLLIN, 0},
                                   pollfd{wake_[0], POLLIN, 0}};
        if (poll(wait.data(), wait.size(), -1) < 0 && errno != EINTR) break;
        if (wait[2].revents != 0) break;
        if (wait[0].revents != 0 && !pass(link.client, link.server, true)) break;
        if (wait[1].revents != 0 && !pass(link.server, link.client, false)) break;
    }
    end(link);
}

void CuttingProxy::end(Link& link) {
    const std::lock_guard lock(mutex_);
    close(link.client);
    close(link.server);
    link.ended = true;
}

void CuttingProxy::drop() {
    const std::lock_guard lock(mutex_);
    for (const auto& link : links_) {
        if (link->ended) continue;
        shutdown(link->client, SHUT_RDWR);
        shutdown(link->server, SHUT_RDWR);
    }
}

void CuttingProxy::join_ended() {
    const std::lock_guard lock(mutex_);
    std::erase_if(links_, [](const auto& link) {
        if (!link->ended) return false;
        link->thread.join();
        return true;
    });
}

bool CuttingProxy::pass(int from, int to, bool client) {
    std::array<char, 8192> buffer;
    const ssize_t received = recv(from, buffer.data(), buffer.size(), 0);
    if (received <= 0) return false;
    if (client && swallow_) return true;
    auto passing = static_cast<size_t>(received);
    bool cut = false;
    std::string last_words;
    {
        const std::lock_guard lock(mutex_);
        if (armed_) {
            uint64_t& left = client ? left_.after_client_bytes : left_.after_server_bytes;
            if (left < passing) {
                passing = left;
                cut = true;
                last_words = std::exchange(left_, {}).last_words;  // once
                passed_.cut = true;
            } else if (left != UINT64_MAX) {
                left -= passing;
            }
            (client ? passed_.client : passed_.server) += passing;
        }
    }
    if (!write_all(to, {buffer.data(), passing})) return false;
    if (!last_words.empty()) write_all(client ? from : to, last_words);
    return !cut;
}

}  // namespace insula::postgres
