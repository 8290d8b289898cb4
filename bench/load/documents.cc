#include "load/documents.h"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <cstring>
#include <string_view>

namespace insula::load {

namespace {

constexpr size_t kIdDigits = 15;
constexpr uint64_t kIdMin = 100'000'000'000'000;

constexpr std::array<std::string_view, 5> kStatuses = {"created", "paid", "shipped", "delivered",
                                                       "returned"};
constexpr std::array<std::string_view, 20> kCountries = {"DE", "FR", "IT", "ES", "PT", "NL", "BE",
                                                         "AT", "CH", "PL", "CZ", "SE", "NO", "DK",
                                                         "FI", "IE", "GB", "US", "CA", "JP"};
constexpr std::array<std::string_view, 5> kEvents = {
    "order sent to the depot", "payment has been received", "parcel left the warehouse",
    "delivered to a neighbour", "customer wants a refund"};

uint64_t below(std::mt19937_64& random, uint64_t bound) {
    return std::uniform_int_distribution<uint64_t>(0, bound - 1)(random);
}

void append_document(std::string& out, std::vector<uint32_t>& id_offsets, std::mt19937_64& random) {
    out.append(R"({"id":)");
    id_offsets.push_back(static_cast<uint32_t>(out.size()));
    out.append(kIdDigits, '1');
    const uint64_t second_of_day = below(random, 86'400);
    fmt::format_to(
        std::back_inserter(out),
        R"(,"user_id":{},"session":"{:016x}","amount":{}.{:02},"status":"{}","country":"{}",)"
        R"("active":{},"ts":"2026-01-{:02}T{:02}:{:02}:{:02}Z","score":0.{:06},"message":"{}"}})",
        1 + below(random, 999'999), random(), below(random, 5'000), below(random, 100),
        kStatuses[below(random, kStatuses.size())], kCountries[below(random, kCountries.size())],
        below(random, 2) == 0, 1 + below(random, 28), second_of_day / 3600, second_of_day / 60 % 60,
        second_of_day % 60, below(random, 1'000'000), kEvents[below(random, kEvents.size())]);
}

// Adds one to a decimal number in place.
void increment(std::array<char, kIdDigits>& digits) {
    for (size_t i = kIdDigits; i-- > 0;) {
        if (digits[i] != '9') {
            ++digits[i];
            return;
        }
        digits[i] = '0';
    }
}

}  // namespace

DocumentBody::DocumentBody(size_t documents, bool array, std::mt19937_64& random) {
    id_offsets_.reserve(documents);
    if (array) text_.push_back('[');
    for (size_t i = 0; i < documents; ++i) {
        if (array && i > 0) text_.push_back(',');
        append_document(text_, id_offsets_, random);
        if (!array) text_.push_back('\n');
    }
    if (array) text_.push_back(']');
}

void DocumentBody::renumber(uint64_t& next_id) {
    std::array<char, kIdDigits> digits;
    fmt::format_to_n(digits.begin(), kIdDigits, "{}", next_id);
    for (const uint32_t offset : id_offsets_) {
        std::memcpy(text_.data() + offset, digits.data(), kIdDigits);
        increment(digits);
    }
    next_id += id_offsets_.size();
}

uint64_t first_id() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now).count();
    // At most a hundred million documents a second.
    return kIdMin + static_cast<uint64_t>(seconds % 1'000'000) * 100'000'000;
}

}  // namespace insula::load
