#include "platform/postgres/tests/postgres_server.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <netinet/in.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "platform/postgres/connection.h"

namespace insula::postgres {
namespace {

constexpr std::chrono::seconds kStartTimeout{30};
constexpr int kLookAgainMs = 5;  // between two looks at a server that starts

Error not_to_be_had(std::string why) { return unavailable("no_postgres", std::move(why)); }

// The folder of initdb and postgres, of the newest version there is.
std::string find_programs() {
    if (const char* named = std::getenv("INSULA_POSTGRES_BIN")) return named;
    std::vector<std::filesystem::path> found;
    std::error_code error;
    for (const auto& version : std::filesystem::directory_iterator("/usr/lib/postgresql", error)) {
        if (std::filesystem::exists(version.path() / "bin/initdb")) found.push_back(version.path());
    }
    if (found.empty()) return "";
    return (*std::ranges::max_element(found) / "bin").string();
}

struct User {
    uid_t user = 0;
    gid_t group = 0;
};

// PostgreSQL refuses to run as root.
Result<User> find_user() {
    if (geteuid() != 0) return User{geteuid(), getegid()};
    const passwd* entry = getpwnam("postgres");
    if (entry == nullptr) {
        return fail(not_to_be_had("this runs as root, and there is no user postgres"));
    }
    return User{entry->pw_uid, entry->pw_gid};
}

// In the child. Only calls that are safe after fork().
void become(const User& user) {
    const bool changed = geteuid() != 0 || (setgroups(0, nullptr) == 0 && setgid(user.group) == 0 &&
                                            setuid(user.user) == 0);
    // After the change of user, which forgets it.
    if (!changed || prctl(PR_SET_PDEATHSIG, SIGQUIT) != 0) _exit(126);
}

Result<int> spawn(const User& user, const std::string& directory,
                  const std::vector<std::string>& command) {
    std::vector<char*> arguments;
    for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    const std::string log = directory + "/log";
    const int process = fork();
    if (process < 0) return fail(os_error("fork", errno));
    if (process > 0) return process;
    become(user);
    const int output = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (output < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0 || chdir(directory.c_str()) != 0) {
        _exit(126);
    }
    execv(arguments[0], arguments.data());
    _exit(127);
}

Result<uint16_t> free_port() {
    const int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const name = reinterpret_cast<sockaddr*>(&address);
    const bool bound = bind(probe, name, size) == 0 && getsockname(probe, name, &size) == 0;
    close(probe);
    if (!bound) return fail(os_error("no free port", errno));
    return ntohs(address.sin_port);
}

std::string last_lines(const std::string& path) {
    std::ifstream file(path);
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    constexpr size_t kShown = 2000;
    return text.substr(text.size() - std::min(text.size(), kShown));
}

}  // namespace

PostgresServer::PostgresServer(std::string directory, PostgresServerOptions options)
    : directory_(std::move(directory)), options_(std::move(options)) {}

Result<std::unique_ptr<PostgresServer>> PostgresServer::start(
    const PostgresServerOptions& options) {
    if (find_programs().empty()) {
        return fail(not_to_be_had("PostgreSQL is not installed (Debian's postgresql-15)"));
    }
    ASSIGN_OR_RETURN(const User user, find_user());
    std::string directory = "/tmp/insula-pg-XXXXXX";
    if (mkdtemp(directory.data()) == nullptr) return fail(os_error("mkdtemp", errno));
    auto server = std::unique_ptr<PostgresServer>(new PostgresServer(directory, options));
    if (chown(directory.c_str(), user.user, user.group) != 0) {
        return fail(os_error("chown " + directory, errno));
    }
    RETURN_IF_ERROR(server->initialize());
    if (options.tls) RETURN_IF_ERROR(server->set_up_tls());
    RETURN_IF_ERROR(server->start_again());
    return server;
}

PostgresServer::~PostgresServer() {
    crash();
    std::error_code ignored;  // a directory in /tmp may stay behind
    std::filesystem::remove_all(directory_, ignored);
}

Status PostgresServer::initialize() {
    ASSIGN_OR_RETURN(const User user, find_user());
    ASSIGN_OR_RETURN(
        const int process,
        spawn(user, directory_,
              {find_programs() + "/initdb", "-D", directory_ + "/data", "-U", "insula",
               "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8", "--locale-provider=icu",
               "--icu-locale=en", "--no-sync", "--no-instructions"}));
    int status = 0;
    if (waitpid(process, &status, 0) == process && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        return {};
    }
    return fail(internal_error("initdb failed: " + last_lines(directory_ + "/log")));
}

Status PostgresServer::set_up_tls() {
    ASSIGN_OR_RETURN(const User user, find_user());
    ASSIGN_OR_RETURN(port_, free_port());
    const std::string data = directory_ + "/data";
    ASSIGN_OR_RETURN(
        const int process,
        spawn(user, directory_,
              {"/usr/bin/openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout",
               data + "/server.key", "-out", certificate_path(), "-subj", "/CN=localhost",
               "-addext", "subjectAltName=DNS:localhost", "-days", "2"}));
    int status = 0;
    if (waitpid(process, &status, 0) != process || status != 0) {
        return fail(internal_error("openssl failed: " + last_lines(directory_ + "/log")));
    }
    std::ofstream access(data + "/pg_hba.conf");
    access << "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n";
    return {};
}

Status PostgresServer::start_again() {
    ASSIGN_OR_RETURN(const User user, find_user());
    std::vector<std::string> command{find_programs() + "/postgres", "-D", directory_ + "/data",
                                     "-k", directory_};
    std::vector<std::string> settings{fmt::format("port={}", port_),
                                      "shared_buffers=16MB",
                                      "max_connections=60",
                                      "autovacuum=off",
                                      "fsync=off",
                                      "dynamic_shared_memory_type=mmap"};
    settings.emplace_back(options_.tls ? "listen_addresses=127.0.0.1" : "listen_addresses=");
    if (options_.tls) settings.emplace_back("ssl=on");
    settings.insert(settings.end(), options_.settings.begin(), options_.settings.end());
    for (const std::string& setting : settings) {
        command.emplace_back("-c");
        command.push_back(setting);
    }
    ASSIGN_OR_RETURN(process_, spawn(user, directory_, command));
    ASSIGN_OR_RETURN(const Target target, Target::parse(url()));
    const Deadline deadline = Deadline::after(kStartTimeout);
    for (;;) {
        const auto connection = Connection::open(target, {}, deadline);
        if (connection) return {};
        int status = 0;
        if (deadline.passed() || waitpid(process_, &status, WNOHANG) == process_) {
            return fail(
                internal_error("PostgreSQL did not start: " + last_lines(directory_ + "/log")));
        }
        poll(nullptr, 0, kLookAgainMs);
    }
}

void PostgresServer::crash() { end(SIGQUIT); }
void PostgresServer::stop() { end(SIGINT); }

void PostgresServer::end(int signal) {
    if (process_ < 0) return;
    kill(process_, signal);
    int status = 0;
    while (waitpid(process_, &status, 0) < 0 && errno == EINTR) {
    }
    process_ = -1;
}

std::string PostgresServer::url(std::string_view parameters) const {
    return fmt::format("postgresql://insula@/postgres?host={}&port={}{}", directory_, port_,
                       parameters);
}

std::string PostgresServer::socket_path() const {
    return fmt::format("{}/.s.PGSQL.{}", directory_, port_);
}

namespace {

struct Shared {
    std::unique_ptr<PostgresServer> server;
    std::string why_not;
};

Shared start_shared(const PostgresServerOptions& options) {
    auto started = PostgresServer::start(options);
    if (started) return {.server = *std::move(started)};
    return {.why_not = started.error().describe()};
}

Shared& shared_server() {
    static Shared shared = start_shared({});
    return shared;
}

}  // namespace

PostgresServer* PostgresServer::shared() { return shared_server().server.get(); }
const std::string& PostgresServer::why_not_shared() { return shared_server().why_not; }

PostgresServer* PostgresServer::shared_to_crash() {
    static Shared shared = start_shared({});
    return shared.server.get();
}

}  // namespace insula::postgres
