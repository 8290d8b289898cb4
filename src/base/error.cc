#include "base/error.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace insula {

std::string_view code_name(Code code) {
    static constexpr std::array<std::string_view, 18> kNames{
        "cancelled",           "invalid_argument",  "deadline_exceeded", "not_found",
        "already_exists",      "permission_denied", "unauthenticated",   "resource_exhausted",
        "storage_exhausted",   "payload_too_large", "unsupported_media", "unprocessable",
        "failed_precondition", "aborted",           "unimplemented",     "unavailable",
        "data_loss",           "internal"};
    return kNames[static_cast<size_t>(code)];
}

Error::Error(Code code, std::string_view reason, std::string message)
    : state_(std::make_shared<const State>(
          State{code, std::string(reason), std::move(message), {}, {}, {}})) {}

Error Error::with_hint(std::string hint) const {
    Error copy = *this;
    auto state = std::make_shared<State>(*state_);
    state->hint = std::move(hint);
    copy.state_ = std::move(state);
    return copy;
}

Error Error::with_detail(std::string_view detail) const {
    Error copy = *this;
    auto state = std::make_shared<State>(*state_);
    if (state->detail.empty()) {
        state->detail = detail;
    } else {
        state->detail = std::string(detail) + ": " + state->detail;
    }
    copy.state_ = std::move(state);
    return copy;
}

Error Error::with_retry_after(std::chrono::milliseconds wait) const {
    Error copy = *this;
    auto state = std::make_shared<State>(*state_);
    state->retry_after = wait;
    copy.state_ = std::move(state);
    return copy;
}

std::string Error::describe() const {
    std::string text{code_name(code())};
    text.append("/").append(reason()).append(": ").append(message());
    if (!detail().empty()) text.append(" [").append(detail()).append("]");
    return text;
}

Error invalid_argument(std::string_view reason, std::string message) {
    return {Code::invalid_argument, reason, std::move(message)};
}

Error not_found(std::string_view reason, std::string message) {
    return {Code::not_found, reason, std::move(message)};
}

Error internal_error(std::string detail) {
    return Error(Code::internal, "internal", "The server met an internal error.")
        .with_detail(detail);
}

Error data_loss(std::string detail) {
    return Error(Code::data_loss, "damaged_data",
                 "Stored data failed its checks and was not served.")
        .with_detail(detail);
}

Error unavailable(std::string_view reason, std::string message) {
    return {Code::unavailable, reason, std::move(message)};
}

Error os_error(std::string_view what, int error_number) {
    std::array<char, 128> buffer{};
    const char* text = strerror_r(error_number, buffer.data(), buffer.size());
    std::string detail{what};
    detail.append(": ").append(text);
    if (error_number == ENOSPC || error_number == EDQUOT) {
        return Error(Code::storage_exhausted, "disk_full", "The disk is full.")
            .with_hint("Free space or enlarge the volume; writes resume by themselves.")
            .with_detail(detail);
    }
    return internal_error(std::move(detail));
}

}  // namespace insula
