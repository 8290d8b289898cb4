#include "platform/postgres/connection.h"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <algorithm>
#include <optional>

#include "platform/postgres/socket_wait.h"

namespace insula::postgres {
namespace {

constexpr std::chrono::seconds kRollbackTimeout{2};

constexpr Statement kBeginRead{.name = "begin_read",
                               .sql = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"};
constexpr Statement kBeginWrite{.name = "begin_write",
                                .sql = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"};
constexpr Statement kCommit{.name = "commit", .sql = "COMMIT"};
constexpr Statement kRollback{.name = "rollback", .sql = "ROLLBACK"};

std::string_view field(const pg_result* result, int code) {
    const char* text = PQresultErrorField(result, code);
    return text == nullptr ? "" : text;
}

}  // namespace

struct Connection::Step {
    enum class Kind : uint8_t { begin, prepare, query, commit, rollback, sync };
    Kind kind;
    size_t query = 0;         // of a query
    std::string_view name{};  // of a prepare
};

// What went out, in its order: an answer comes to each.
struct Connection::Sent {
    std::vector<Step> steps;
    bool commit = false;  // COMMIT may have reached the server
};

// The answers to one pipeline as they come in.
class Connection::Answers {
  public:
    explicit Answers(size_t queries) : rows_(queries) {}

    enum class Next : uint8_t { more, step_done, connection_lost };
    Next take(Connection& connection, const Step& step) {
        pg_result* result = PQgetResult(connection.handle_.get());
        if (result == nullptr) {
            return PQstatus(connection.handle_.get()) == CONNECTION_BAD ? Next::connection_lost
                                                                        : Next::step_done;
        }
        Rows rows(result);
        switch (PQresultStatus(result)) {
            case PGRES_TUPLES_OK:
            case PGRES_COMMAND_OK:
                keep(connection, step, std::move(rows), PQcmdStatus(result));
                return Next::more;
            case PGRES_PIPELINE_ABORTED:
                return Next::more;
            case PGRES_PIPELINE_SYNC:
                synced_ = true;
                return Next::step_done;
            default:
                if (!failure_) failure_ = connection.server_failure(result);
                return PQstatus(connection.handle_.get()) == CONNECTION_BAD ? Next::connection_lost
                                                                            : Next::more;
        }
    }
    std::optional<Failure>& failure() { return failure_; }
    bool committed() const { return committed_; }
    // The server has done with all that it was sent, and says so. Words that end the session can
    // stand in the place of this answer, behind a COMMIT that has no answer of its own yet.
    bool synced() const { return synced_; }
    std::vector<Rows> rows() { return std::move(rows_); }

  private:
    void keep(Connection& connection, const Step& step, Rows rows, std::string_view tag) {
        if (step.kind == Step::Kind::prepare) connection.prepared_.emplace(step.name);
        if (step.kind == Step::Kind::query) rows_[step.query] = std::move(rows);
        if (step.kind == Step::Kind::commit) committed_ = tag == "COMMIT";
    }

    std::vector<Rows> rows_;
    std::optional<Failure> failure_;
    bool committed_ = false;
    bool synced_ = false;
};

void Connection::Close::operator()(pg_conn* connection) const { PQfinish(connection); }

Connection::~Connection() = default;

Outcome<std::vector<Rows>> Connection::transact(Access access, std::span<const Query> queries,
                                                Deadline deadline) {
    Sent sent;
    if (!usable_ || !send(queries, access, sent)) {
        return std::unexpected(lost(
            sent.commit && access == Access::write ? Effect::unknown : Effect::none, deadline));
    }
    auto rows = receive(queries.size(), sent, access, deadline);
    if (!rows && usable_ && PQtransactionStatus(handle_.get()) != PQTRANS_IDLE) {
        roll_back(Deadline::after(kRollbackTimeout));
    }
    return rows;
}

bool Connection::send(std::span<const Query> queries, Access access, Sent& sent) {
    using Kind = Step::Kind;
    const Query begin{.statement = access == Access::read ? kBeginRead : kBeginWrite};
    if (!send(begin, {Kind::begin}, sent)) return false;
    for (size_t i = 0; i < queries.size(); ++i) {
        if (!send(queries[i], {Kind::query, i}, sent)) return false;
    }
    sent.commit = true;
    return send({.statement = kCommit}, {Kind::commit}, sent) && send_sync(sent);
}

bool Connection::send_sync(Sent& sent) {
    sent.steps.push_back({Step::Kind::sync});
    return PQpipelineSync(handle_.get()) == 1;
}

bool Connection::send(const Query& query, Step step, Sent& sent) {
    constexpr int kBinary = 1;
    const std::vector<std::string>& texts = query.parameters.values();
    const auto count = static_cast<int>(texts.size());
    const std::vector<Oid> types(query.parameters.types().begin(), query.parameters.types().end());
    std::vector<const char*> values;
    std::vector<int> lengths;
    for (const std::string& text : texts) {
        values.push_back(text.data());
        lengths.push_back(static_cast<int>(text.size()));
    }
    const std::vector<int> formats(texts.size(), kBinary);
    const std::string name(query.statement.name);
    const std::string sql(query.statement.sql);
    int queued = 0;
    if (name.empty()) {
        queued = PQsendQueryParams(handle_.get(), sql.c_str(), count, types.data(), values.data(),
                                   lengths.data(), formats.data(), kBinary);
    } else {
        // Steps of this pipeline that are not answered yet count too.
        const bool under_way = std::ranges::any_of(sent.steps, [&](const Step& earlier) {
            return earlier.kind == Step::Kind::prepare && earlier.name == name;
        });
        if (!under_way && !prepared_.contains(name)) {
            sent.steps.push_back({Step::Kind::prepare, 0, query.statement.name});
            if (PQsendPrepare(handle_.get(), name.c_str(), sql.c_str(), count, types.data()) != 1) {
                return false;
            }
        }
        queued = PQsendQueryPrepared(handle_.get(), name.c_str(), count, values.data(),
                                     lengths.data(), formats.data(), kBinary);
    }
    sent.steps.push_back(step);
    return queued == 1;
}

bool Connection::wait_for_result(Deadline deadline) {
    pg_conn* connection = handle_.get();
    for (;;) {
        const int unsent = PQflush(connection);  // 1: some is left
        if (PQisBusy(connection) == 0) return true;
        if (unsent < 0 && PQstatus(connection) == CONNECTION_BAD) return false;
        const Wait wait = unsent == 1 ? Wait::either : Wait::readable;
        if (!wait_for_socket(PQsocket(connection), wait, deadline)) return false;
        // After an error the input may still hold the server's last words.
        if (PQconsumeInput(connection) == 0) return PQisBusy(connection) == 0;
    }
}

Outcome<std::vector<Rows>> Connection::receive(size_t queries, const Sent& sent, Access access,
                                               Deadline deadline) {
    Answers answers(queries);
    const auto give_up = [&]() -> Outcome<std::vector<Rows>> {
        Failure failure =
            lost(sent.commit && access == Access::write ? Effect::unknown : Effect::none, deadline);
        if (answers.committed()) return answers.rows();
        // What the server said before it went; the library's own words are there already.
        const std::optional<Failure>& said = answers.failure();
        if (said && !said->sqlstate.empty()) {
            failure.error = failure.error.with_detail(said->error.detail());
            failure.sqlstate = said->sqlstate;
        }
        return std::unexpected(std::move(failure));
    };
    for (const Step& step : sent.steps) {
        for (auto next = Answers::Next::more; next == Answers::Next::more;) {
            if (!wait_for_result(deadline)) return give_up();
            next = answers.take(*this, step);
            if (next == Answers::Next::connection_lost) return give_up();
        }
    }
    if (!answers.synced()) return give_up();
    if (answers.failure()) return std::unexpected(*std::move(answers.failure()));
    if (!sent.commit || answers.committed()) return answers.rows();
    return std::unexpected(
        Failure{.error = internal_error("COMMIT was answered with another command's name")});
}

void Connection::roll_back(Deadline deadline) {
    Sent sent;
    if (!send({.statement = kRollback}, {Step::Kind::rollback}, sent) || !send_sync(sent) ||
        !receive(0, sent, Access::read, deadline) ||
        PQtransactionStatus(handle_.get()) != PQTRANS_IDLE) {
        usable_ = false;
    }
}

Failure Connection::lost(Effect effect, Deadline deadline) {
    usable_ = false;
    std::string message = as_one_line(target_.redact(PQerrorMessage(handle_.get())));
    if (message.empty()) message = deadline.passed() ? "no answer in time" : "connection lost";
    return {.error =
                unavailable("database_unreachable", "The database cannot be reached at the moment.")
                    .with_detail(fmt::format("{}: {}", host(), message)),
            .effect = effect,
            .recovery = Recovery::reconnect};
}

Failure Connection::server_failure(const pg_result* result) const {
    Failure failure{.error = internal_error(""),
                    .sqlstate = std::string(field(result, PG_DIAG_SQLSTATE)),
                    .constraint = std::string(field(result, PG_DIAG_CONSTRAINT_NAME)),
                    .message = std::string(field(result, PG_DIAG_MESSAGE_PRIMARY))};
    failure.recovery = recovery_of(failure.sqlstate);
    const std::string_view more = field(result, PG_DIAG_MESSAGE_DETAIL);
    // Without fields the library made the error up, about the connection.
    const std::string text = failure.sqlstate.empty()
                                 ? std::string(PQresultErrorMessage(result))
                                 : fmt::format("SQLSTATE {}: {}{}{}", failure.sqlstate,
                                               failure.message, more.empty() ? "" : ": ", more);
    constexpr std::string_view kReason = "database_error";
    failure.error =
        Error(code_of(failure.sqlstate), kReason, "The database refused what it was asked for.")
            .with_detail(as_one_line(target_.redact(text)));
    return failure;
}

bool Connection::is_open() {
    if (!usable_) return false;
    const SocketState state = state_of_socket(PQsocket(handle_.get()));
    if (state.closed || (state.readable && PQconsumeInput(handle_.get()) == 0)) usable_ = false;
    return usable_;
}

std::string Connection::host() const {
    const char* host = PQhost(handle_.get());
    const char* port = PQport(handle_.get());
    return fmt::format("{}:{}", host == nullptr ? "" : host, port == nullptr ? "" : port);
}

bool Connection::is_private() const {
    if (PQsslInUse(handle_.get()) != 0) return true;
    const char* address = PQhostaddr(handle_.get());
    const std::string_view text = address == nullptr ? "" : address;
    return text.empty() || text.starts_with('/') || text.starts_with("127.") || text == "::1";
}

std::string Connection::server_setting(const char* name) const {
    const char* value = PQparameterStatus(handle_.get(), name);
    return value == nullptr ? "" : value;
}

}  // namespace insula::postgres
