// Connection: from a target to a session that is ready for transactions.
#include <fmt/format.h>
#include <libpq-fe.h>

#include <algorithm>

#include "platform/postgres/connection.h"
#include "platform/postgres/socket_wait.h"
#include "platform/runtime/log.h"

namespace insula::postgres {
namespace {

constexpr int kServerVersionMin = 130'000;
// A peer that is gone without a word is noticed within about half a minute, by either side.
constexpr std::string_view kKeepaliveIdleSeconds = "10";
constexpr std::string_view kKeepaliveIntervalSeconds = "5";
constexpr std::string_view kKeepaliveCount = "3";

constexpr Statement kPrepareSession{
    .name = "",
    .sql =
        "SELECT CASE WHEN $1 <> '' THEN set_config('search_path', $1, false) END,"
        " set_config('statement_timeout', $2, false),"
        " set_config('jit', 'off', false),"
        " set_config('tcp_keepalives_idle', $3, false),"
        " set_config('tcp_keepalives_interval', $4, false),"
        " set_config('tcp_keepalives_count', $5, false),"
        // Since 14: a statement whose client has gone does not keep its locks.
        " CASE WHEN current_setting('client_connection_check_interval', true) IS NOT NULL"
        "  THEN set_config('client_connection_check_interval', '1s', false) END,"
        " CASE WHEN current_setting('synchronous_commit') = 'off'"
        "  THEN set_config('synchronous_commit', 'on', false) END"};

// "… FATAL:  28P01: password authentication failed …\nLOCATION:  …" has the SQLSTATE in it; the
// library has no other way to tell it for a connection that failed.
std::string_view find_sqlstate(std::string_view message) {
    constexpr size_t kLength = 5;
    const auto is_character = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
    };
    for (size_t at = 0; (at = message.find(":  ", at)) != std::string_view::npos; ++at) {
        const std::string_view word = message.substr(at + 3, kLength);
        if (word.size() == kLength && std::ranges::all_of(word, is_character) &&
            message.substr(at + 3 + kLength).starts_with(": ")) {
            return word;
        }
    }
    return {};
}

Failure unreachable(const Target& target, std::string_view message) {
    const std::string text =
        as_one_line(target.redact(message.substr(0, message.find("\nLOCATION:"))));
    const std::string sqlstate(find_sqlstate(message));
    return {.error =
                unavailable("database_unreachable", "The database cannot be reached at the moment.")
                    .with_detail(text),
            // Without the server's word nothing says that another try is in vain.
            .recovery = sqlstate.empty() ? Recovery::reconnect : recovery_of(sqlstate),
            .sqlstate = sqlstate};
}

Failure unsuitable(std::string message) {
    return {.error = Error(Code::failed_precondition, "database_unsuitable", std::move(message))};
}

// The libpq parameters of a connection; a later one of the same name wins.
class Arguments {
  public:
    Arguments(const Target::Settings& host, const ConnectionOptions& options) {
        add("fallback_application_name", options.application_name);
        add("target_session_attrs", "read-write");
        add("keepalives_idle", kKeepaliveIdleSeconds);
        add("keepalives_interval", kKeepaliveIntervalSeconds);
        add("keepalives_count", kKeepaliveCount);
        add("tcp_user_timeout", std::to_string(options.statement_timeout.count() * 2));
        for (const auto& [key, value] : host) add(key, value);
        add("client_encoding", "UTF8");
    }
    pg_conn* start() const {
        std::vector<const char*> keys;
        std::vector<const char*> values;
        for (const auto& [key, value] : settings_) {
            keys.push_back(key.c_str());
            values.push_back(value.c_str());
        }
        keys.push_back(nullptr);
        values.push_back(nullptr);
        return PQconnectStartParams(keys.data(), values.data(), /*expand_dbname=*/0);
    }

  private:
    void add(std::string_view key, std::string_view value) { settings_.emplace_back(key, value); }
    Target::Settings settings_;
};

void log_notice(void* /*unused*/, const char* message) {
    log::debug("the database says", {{"notice", message}});
}

// False at the deadline; otherwise the library knows whether it worked.
bool finish_connecting(pg_conn* connection, Deadline deadline) {
    PostgresPollingStatusType next = PGRES_POLLING_WRITING;
    while (next == PGRES_POLLING_READING || next == PGRES_POLLING_WRITING) {
        // The socket may be another one after each step.
        const Wait wait = next == PGRES_POLLING_READING ? Wait::readable : Wait::writable;
        if (!wait_for_socket(PQsocket(connection), wait, deadline)) return false;
        next = PQconnectPoll(connection);
    }
    return true;
}

std::string as_setting(std::chrono::milliseconds duration) {
    return std::to_string(duration.count()) + "ms";
}

}  // namespace

Outcome<std::unique_ptr<Connection>> Connection::open(const Target& target,
                                                      const ConnectionOptions& options,
                                                      Deadline deadline) {
    std::string tried;
    for (const Target::Settings& host : target.hosts()) {
        const auto until =
            std::min(deadline.when(), Deadline::after(options.connect_timeout).when());
        auto connection = connect(target, host, options, Deadline::at(until));
        if (connection) return connection;
        const bool last = &host == &target.hosts().back();
        if (!last && !deadline.passed()) {
            tried.append(connection.error().error.detail()).append("; ");
            continue;
        }
        Failure failure = std::move(connection).error();
        if (!tried.empty()) {
            failure.error = failure.error.with_detail("tried before: " + tried);
            failure.recovery = Recovery::reconnect;  // of several hosts one may come back
        }
        return std::unexpected(std::move(failure));
    }
    return std::unexpected(unreachable(target, "no host"));
}

Outcome<std::unique_ptr<Connection>> Connection::connect(const Target& target,
                                                         const Target::Settings& host,
                                                         const ConnectionOptions& options,
                                                         Deadline deadline) {
    Handle handle(Arguments(host, options).start());
    if (!handle) return std::unexpected(unreachable(target, "out of memory"));
    PQsetErrorVerbosity(handle.get(), PQERRORS_VERBOSE);
    PQsetNoticeProcessor(handle.get(), log_notice, nullptr);
    if (PQstatus(handle.get()) != CONNECTION_BAD && !finish_connecting(handle.get(), deadline)) {
        return std::unexpected(
            unreachable(target, fmt::format("connection to {} not made in time", target.name())));
    }
    if (PQstatus(handle.get()) != CONNECTION_OK) {
        return std::unexpected(unreachable(target, PQerrorMessage(handle.get())));
    }
    if (PQserverVersion(handle.get()) < kServerVersionMin) {
        return std::unexpected(
            unsuitable(fmt::format("The PostgreSQL server has version {}, at least 13 is needed.",
                                   PQserverVersion(handle.get()) / 10'000)));
    }
    auto connection = std::unique_ptr<Connection>(new Connection(target, std::move(handle)));
    if (const std::string encoding = connection->server_setting("server_encoding");
        encoding != "UTF8") {
        return std::unexpected(unsuitable(
            fmt::format("The PostgreSQL database has the encoding {}, UTF8 is needed.", encoding)));
    }
    if (auto prepared = connection->prepare_session(options, deadline); !prepared) {
        return std::unexpected(std::move(prepared).error());
    }
    return connection;
}

Connection::Connection(const Target& target, Handle handle)
    : target_(target), handle_(std::move(handle)) {
    PQsetErrorVerbosity(handle_.get(), PQERRORS_DEFAULT);
}

Outcome<std::vector<Rows>> Connection::prepare_session(const ConnectionOptions& options,
                                                       Deadline deadline) {
    if (PQsetnonblocking(handle_.get(), 1) != 0 || PQenterPipelineMode(handle_.get()) != 1) {
        return std::unexpected(unreachable(target_, PQerrorMessage(handle_.get())));
    }
    Query query{.statement = kPrepareSession};
    query.parameters.text(options.search_path)
        .text(as_setting(options.statement_timeout))
        .text(kKeepaliveIdleSeconds)
        .text(kKeepaliveIntervalSeconds)
        .text(kKeepaliveCount);
    return transact(Access::read, {&query, 1}, deadline);
}

}  // namespace insula::postgres
