#include "platform/sqlite/statement.h"

#include <sqlite3.h>

#include "platform/sqlite/database.h"

namespace insula::sqlite {

Statement::Statement(Statement&& other) noexcept
    : database_(other.database_),
      sql_(other.sql_),
      statement_(std::exchange(other.statement_, nullptr)),
      bind_code_(other.bind_code_) {}

Statement::~Statement() {
    if (statement_ != nullptr) database_->give_back(statement_);
}

void Statement::keep(int code) {
    if (bind_code_ == SQLITE_OK) bind_code_ = code;
}

void Statement::start_binding(size_t values) {
    // Reports how the last run ended, which step() has returned already.
    static_cast<void>(sqlite3_reset(statement_));
    const auto expected = static_cast<size_t>(sqlite3_bind_parameter_count(statement_));
    bind_code_ = values == expected ? SQLITE_OK : SQLITE_RANGE;
}

void Statement::bind_integer(int index, int64_t value) {
    keep(sqlite3_bind_int64(statement_, index, value));
}

void Statement::bind_at(int index, std::string_view text) {
    // A null pointer would bind NULL instead of the empty text.
    const char* data = text.data() == nullptr ? "" : text.data();
    keep(sqlite3_bind_text64(statement_, index, data, text.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
}

void Statement::bind_at(int index, Bytes blob) {
    const void* data = blob.data() == nullptr ? static_cast<const void*>("") : blob.data();
    keep(sqlite3_bind_blob64(statement_, index, data, blob.size(), SQLITE_TRANSIENT));
}

void Statement::bind_at(int index, std::nullptr_t) { keep(sqlite3_bind_null(statement_, index)); }

Result<bool> Statement::step() {
    if (bind_code_ != SQLITE_OK) return fail(database_->error(bind_code_, sql_));
    database_->forget_errors();
    const int code = sqlite3_step(statement_);
    if (code == SQLITE_ROW) return true;
    if (code != SQLITE_DONE) {
        Error failed = database_->error(code, sql_);
        static_cast<void>(sqlite3_reset(statement_));  // returns `code` again
        return fail(std::move(failed));
    }
    static_cast<void>(sqlite3_reset(statement_));
    return false;
}

Status Statement::run() {
    for (;;) {
        ASSIGN_OR_RETURN(const bool row, step());
        if (!row) return {};
    }
}

int64_t Statement::int64(int column) const { return sqlite3_column_int64(statement_, column); }

bool Statement::is_null(int column) const {
    return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

std::string_view Statement::text(int column) const {
    const unsigned char* data = sqlite3_column_text(statement_, column);
    const int size = sqlite3_column_bytes(statement_, column);
    return {reinterpret_cast<const char*>(data), data == nullptr ? 0 : static_cast<size_t>(size)};
}

Bytes Statement::blob(int column) const {
    const void* data = sqlite3_column_blob(statement_, column);
    const int size = sqlite3_column_bytes(statement_, column);
    return {static_cast<const std::byte*>(data), static_cast<size_t>(size)};
}

}  // namespace insula::sqlite
