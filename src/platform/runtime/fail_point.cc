#include "platform/runtime/fail_point.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <memory>
#include <thread>

namespace insula {
namespace {

constexpr std::chrono::milliseconds kFailPointDelay{300};

// The points of the program, which link themselves in before main(). Constant-initialized, so that
// it is there before the first of them.
constinit FailPoint* first_point = nullptr;

Error malformed(std::string_view text) {
    return invalid_argument("invalid_configuration",
                            fmt::format("\"{}\" is no plan for a fail point", text))
        .with_hint("NAME, NAME:COUNT or NAME:COUNT:ACTION with kill, error or delay.");
}

[[noreturn]] void end_process(const FailPlan& plan) {
    const std::string line =
        fmt::format("fail point {} reached {} times: killed\n", plan.point, plan.at);
    // The process ends, whether the line could be written or not.
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
    static_cast<void>(::kill(::getpid(), SIGKILL));
    for (;;) ::pause();
}

}  // namespace

Result<FailPlan> parse_fail_plan(std::string_view text) {
    FailPlan plan;
    const size_t name_end = text.find(':');
    plan.point = text.substr(0, name_end);
    if (plan.point.empty()) return fail(malformed(text));
    if (name_end == std::string_view::npos) return plan;
    const std::string_view rest = text.substr(name_end + 1);
    const size_t count_end = rest.find(':');
    const std::string_view count = rest.substr(0, count_end);
    const auto [end, problem] = std::from_chars(count.data(), count.data() + count.size(), plan.at);
    if (problem != std::errc() || end != count.data() + count.size() || plan.at == 0) {
        return fail(malformed(text));
    }
    if (count_end == std::string_view::npos) return plan;
    const std::string_view action = rest.substr(count_end + 1);
    if (action == "error") {
        plan.action = FailAction::error;
    } else if (action == "delay") {
        plan.action = FailAction::delay;
    } else if (action != "kill") {
        return fail(malformed(text));
    }
    return plan;
}

bool ArmedPlan::reach() {
    const uint64_t reached = reached_.fetch_add(1, std::memory_order_relaxed) + 1;
    switch (plan_.action) {
        case FailAction::kill:
            if (reached == plan_.at) end_process(plan_);
            return false;
        case FailAction::error:
            return reached == plan_.at;
        case FailAction::delay:
            if (reached >= plan_.at) std::this_thread::sleep_for(kFailPointDelay);
            return false;
    }
    return false;
}

FailPoint::FailPoint(const char* name) noexcept : name_(name), next_(first_point) {
    first_point = this;
}

void FailPoint::strike() {
    // Armed before threads start and kept until the end, so that it does not vanish under them.
    if (ArmedPlan* plan = plan_.load(std::memory_order_acquire)) static_cast<void>(plan->reach());
}

std::vector<std::string_view> fail_point_names() {
    std::vector<std::string_view> names;
    for (const FailPoint* point = first_point; point != nullptr; point = point->next_) {
        names.push_back(point->name());
    }
    std::ranges::sort(names);
    return names;
}

Status arm_fail_point(const FailPlan& plan) {
    if (plan.action == FailAction::error) {
        return fail(invalid_argument(
            "invalid_configuration",
            fmt::format("The fail point {} can kill or delay, not fail.", plan.point)));
    }
    for (FailPoint* point = first_point; point != nullptr; point = point->next_) {
        if (point->name() != plan.point) continue;
        static std::vector<std::unique_ptr<ArmedPlan>> armed;
        armed.push_back(std::make_unique<ArmedPlan>(plan));
        point->plan_.store(armed.back().get(), std::memory_order_release);
        return {};
    }
    return fail(invalid_argument("invalid_configuration",
                                 fmt::format("There is no fail point {}. Known: {}.", plan.point,
                                             fmt::join(fail_point_names(), ", "))));
}

void disarm_fail_points() {
    for (FailPoint* point = first_point; point != nullptr; point = point->next_) {
        point->plan_.store(nullptr, std::memory_order_release);
    }
}

}  // namespace insula
