// A prepared statement: bind, step, read columns. It goes back to its Database's cache when it is
// destroyed, so preparing the same text again is a look-up. Must not outlive the Database; used
// under its owner's mutex.
//
//   ASSIGN_OR_RETURN(auto statement, database.prepare("SELECT name FROM tenants WHERE id = ?"));
//   statement.bind(id);
//   ASSIGN_OR_RETURN(const bool found, statement.step());
//
// Parameters count from 1, columns from 0, as in SQLite. Unsigned integers are stored as the signed
// integer of the same bits: equality holds for all of them, order only below 2^63.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "base/result.h"

struct sqlite3_stmt;

namespace insula::sqlite {

class Database;

class Statement {
  public:
    Statement(Statement&& other) noexcept;
    Statement& operator=(Statement&&) = delete;
    ~Statement();

    // Resets the statement and binds all of its parameters, in order. Text and blobs are copied. A
    // bind that fails (too many values, a value above SQLite's length limit) is reported by the
    // next step().
    template <class... Values>
    Statement& bind(const Values&... values) {
        start_binding(sizeof...(values));
        int index = 0;
        (bind_at(++index, values), ...);
        return *this;
    }

    // True: a row is there to be read. False: done; the statement may be bound and stepped again.
    Result<bool> step();
    // For statements without rows: runs to the end.
    Status run();

    int64_t int64(int column) const;
    uint64_t uint64(int column) const { return static_cast<uint64_t>(int64(column)); }
    bool boolean(int column) const { return int64(column) != 0; }
    bool is_null(int column) const;
    // Valid until the next step(), bind() or the end of the statement.
    std::string_view text(int column) const;
    Bytes blob(int column) const;

  private:
    friend class Database;
    Statement(Database& database, std::string_view sql, sqlite3_stmt* statement)
        : database_(&database), sql_(sql), statement_(statement) {}

    void start_binding(size_t values);
    void bind_integer(int index, int64_t value);
    void bind_at(int index, std::string_view text);
    void bind_at(int index, Bytes blob);
    void bind_at(int index, std::nullptr_t);
    void bind_at(int index, std::integral auto value) {
        bind_integer(index, static_cast<int64_t>(value));
    }
    template <class Value>
    void bind_at(int index, const std::optional<Value>& value) {
        value ? bind_at(index, *value) : bind_at(index, nullptr);
    }
    void keep(int code);

    Database* database_;
    std::string_view sql_;     // owned by SQLite
    sqlite3_stmt* statement_;  // nullptr once moved from
    int bind_code_ = 0;        // the first failure since start_binding()
};

}  // namespace insula::sqlite
