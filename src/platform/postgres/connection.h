// Connection: one session of a PostgreSQL server, which runs transactions as pipelines: BEGIN, all
// statements and COMMIT go out together, so that a transaction costs one round trip however many
// statements it has.
//
// Threads: used by one thread at a time. Lifetime: independent of everything else.
//
// Always holds:
//  1. Statements are prepared at their first use on the connection, and parameters and results are
//     binary.
//  2. After a transaction that failed the session is idle again, or usable() is false.
//  3. A commit is durable when transact() returns, unless the server's operator weakened it:
//     a session with synchronous_commit = off is set to on.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "platform/postgres/parameters.h"
#include "platform/postgres/rows.h"
#include "platform/postgres/sqlstate.h"
#include "platform/postgres/target.h"
#include "platform/runtime/deadline.h"

// NOLINTNEXTLINE(readability-identifier-naming): the library's name
struct pg_conn;

namespace insula::postgres {

struct ConnectionOptions {
    std::string application_name = "insula";
    std::string search_path;                            // as SET takes it, quoted where it must be
    std::chrono::milliseconds connect_timeout{10'000};  // a host
    std::chrono::milliseconds statement_timeout{10'000};
};

// `name` names one text, program-wide; without a name the statement is not kept prepared. Both live
// as long as the program, but for statements without a name: as long as the call.
struct Statement {
    std::string_view name;
    std::string_view sql;
};
struct Query {
    Statement statement;
    Parameters parameters{};
};

enum class Access : uint8_t {
    read,   // one snapshot of the database, nothing is changed
    write,  // read committed: what locks rows sees them as they are once it has the lock
};

// Whether a transaction that did not succeed may have been committed all the same, or may still be:
// the connection was lost, or the deadline passed, after COMMIT had been sent.
enum class Effect : uint8_t { none, unknown };

struct Failure {
    Error error;  // detail: SQLSTATE, the server's or the library's words, secrets taken out
    Effect effect = Effect::none;
    Recovery recovery = Recovery::none;
    std::string sqlstate;    // empty: the failure is not the server's
    std::string constraint;  // that was violated
    std::string message;     // the server's primary message
};

template <class T>
using Outcome = std::expected<T, Failure>;

class Connection {
  public:
    // Tries the hosts in their order, each for options.connect_timeout at most. Refuses servers
    // older than 13 and databases whose encoding is not UTF-8 ("database_unsuitable"); waits for
    // one that takes writes, unless the URL says otherwise.
    static Outcome<std::unique_ptr<Connection>> open(const Target& target,
                                                     const ConnectionOptions& options,
                                                     Deadline deadline);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    // One transaction; the rows of each query in their order. At the deadline the connection is
    // given up.
    Outcome<std::vector<Rows>> transact(Access access, std::span<const Query> queries,
                                        Deadline deadline);

    bool usable() const { return usable_; }
    // False if the server has closed an idle connection; asks nobody.
    bool is_open();
    // "db1.example:5432"; of the host that was chosen.
    std::string host() const;
    // Encrypted, or within this machine.
    bool is_private() const;
    // What the server says of itself, such as "server_version"; empty if it does not.
    std::string server_setting(const char* name) const;

  private:
    struct Close {
        void operator()(pg_conn* connection) const;
    };
    using Handle = std::unique_ptr<pg_conn, Close>;
    struct Step;
    struct Sent;
    class Answers;

    Connection(const Target& target, Handle handle);
    static Outcome<std::unique_ptr<Connection>> connect(const Target& target,
                                                        const Target::Settings& host,
                                                        const ConnectionOptions& options,
                                                        Deadline deadline);
    Outcome<std::vector<Rows>> prepare_session(const ConnectionOptions& options, Deadline deadline);
    bool send(std::span<const Query> queries, Access access, Sent& sent);
    bool send(const Query& query, Step step, Sent& sent);
    bool send_sync(Sent& sent);
    // Flushes, waits and reads; false at the deadline or when the connection is lost.
    bool wait_for_result(Deadline deadline);
    Outcome<std::vector<Rows>> receive(size_t queries, const Sent& sent, Access access,
                                       Deadline deadline);
    void roll_back(Deadline deadline);
    Failure lost(Effect effect, Deadline deadline);
    Failure server_failure(const pg_result* result) const;

    const Target target_;
    const Handle handle_;
    std::set<std::string, std::less<>> prepared_;
    bool usable_ = true;
};

}  // namespace insula::postgres
