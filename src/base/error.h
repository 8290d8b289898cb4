// Error: what went wrong, as a value. One pointer wide; an Error always holds a failure (success is
// the value side of Result). Copying is cheap (shared, immutable). Thread-safe as any immutable
// value.
//
// `code` says what kind of failure it is and how a frontend answers it; `reason` is a stable
// snake_case word for programs; `message` and `hint` are written for the tenant who sees them: they
// never hold paths, SQL or addresses. What operators need goes into `detail`, which only logs show.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace insula {

// gRPC's canonical codes that we use. Frontends map them to HTTP, S3 or gRPC in one table each.
enum class Code {
    cancelled,
    invalid_argument,
    deadline_exceeded,
    not_found,
    already_exists,
    permission_denied,
    unauthenticated,
    resource_exhausted,   // a limit was reached: HTTP 429, retry later
    storage_exhausted,    // no room for the bytes: HTTP 507
    payload_too_large,    // the request itself is over a limit: HTTP 413
    unsupported_media,    // HTTP 415
    unprocessable,        // well-formed but not allowed here: HTTP 422
    failed_precondition,  // HTTP 409
    aborted,              // a concurrent change won; a retry may succeed
    unimplemented,
    unavailable,
    data_loss,  // damage found on disk
    internal,
};

std::string_view code_name(Code code);

class [[nodiscard]] Error {
  public:
    Error(Code code, std::string_view reason, std::string message);

    Code code() const { return state_->code; }
    std::string_view reason() const { return state_->reason; }
    std::string_view message() const { return state_->message; }
    std::string_view hint() const { return state_->hint; }
    std::string_view detail() const { return state_->detail; }
    // When the same request may succeed; absent: nobody knows.
    std::optional<std::chrono::milliseconds> retry_after() const { return state_->retry_after; }

    // Each returns a changed copy, so that calls chain where the error is made.
    Error with_hint(std::string hint) const;
    // Adds to what operators see, innermost first: "sync: segment 3: fdatasync: EIO".
    Error with_detail(std::string_view detail) const;
    Error with_retry_after(std::chrono::milliseconds wait) const;

    // For logs: code, reason, message and detail on one line.
    std::string describe() const;

  private:
    struct State {
        Code code;
        std::string reason;
        std::string message;
        std::string hint;
        std::string detail;
        std::optional<std::chrono::milliseconds> retry_after;
    };
    std::shared_ptr<const State> state_;
};

// Errors that many places make. `message` is shown to the tenant.
Error invalid_argument(std::string_view reason, std::string message);
Error not_found(std::string_view reason, std::string message);
Error internal_error(std::string detail);
Error data_loss(std::string detail);
Error unavailable(std::string_view reason, std::string message);
// A failed operating-system call: `what` names call and object, `error_number` is errno. Disk-full
// errors (ENOSPC, EDQUOT) become storage_exhausted, all others internal.
Error os_error(std::string_view what, int error_number);

}  // namespace insula
