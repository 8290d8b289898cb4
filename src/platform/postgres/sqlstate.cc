#include "platform/postgres/sqlstate.h"

#include <array>
#include <utility>

namespace insula::postgres {
namespace {

using Entry = std::pair<std::string_view, Recovery>;

// A longer entry comes before a class that it belongs to.
constexpr std::array kRecoveries{
    Entry{"40001", Recovery::repeat},     // serialization_failure
    Entry{"40P01", Recovery::repeat},     // deadlock_detected
    Entry{"55P03", Recovery::repeat},     // lock_not_available
    Entry{"57014", Recovery::repeat},     // query_canceled, also by statement_timeout
    Entry{"57P04", Recovery::none},       // database_dropped
    Entry{"57P", Recovery::reconnect},    // admin_shutdown, crash_shutdown, cannot_connect_now, …
    Entry{"08", Recovery::reconnect},     // connection exceptions
    Entry{"53100", Recovery::none},       // disk_full
    Entry{"53", Recovery::reconnect},     // too_many_connections, out_of_memory, …
    Entry{"25006", Recovery::reconnect},  // read_only_sql_transaction: a standby by now
    Entry{"25P03", Recovery::reconnect},  // idle_in_transaction_session_timeout
    // Another session took this one's place in a pooler: what was prepared is not there.
    Entry{"26000", Recovery::reconnect},  // invalid_sql_statement_name
    Entry{"0A000", Recovery::reconnect},  // feature_not_supported: "cached plan must not change …"
};

}  // namespace

Recovery recovery_of(std::string_view sqlstate) {
    for (const auto& [prefix, recovery] : kRecoveries) {
        if (sqlstate.starts_with(prefix)) return recovery;
    }
    return Recovery::none;
}

Code code_of(std::string_view sqlstate) {
    if (sqlstate == kUniqueViolation) return Code::already_exists;
    if (sqlstate == kForeignKeyViolation) return Code::failed_precondition;
    if (sqlstate == "53100") return Code::storage_exhausted;
    if (sqlstate == "40001" || sqlstate == "40P01") return Code::aborted;
    if (sqlstate.starts_with("XX00") && sqlstate != "XX000") return Code::data_loss;
    return recovery_of(sqlstate) == Recovery::none ? Code::internal : Code::unavailable;
}

}  // namespace insula::postgres
