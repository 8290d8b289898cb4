#include "cli/answer_text.h"

#include <fmt/format.h>

#include "base/units.h"
#include "cli/output.h"
#include "cli/progress.h"

namespace insula::cli {

namespace {

using json::JsonValue;

constexpr size_t kAnswerBytesMax = 256 * kMiB;
constexpr size_t kAnswerDepthMax = json::kDepthMax + 8;  // a document with what is around it

double number_of(const JsonValue& object, std::string_view name) {
    const JsonValue* value = object.find(name);
    if (value == nullptr) return 0;
    if (value->kind() == JsonValue::Kind::int64) return static_cast<double>(value->int64());
    return value->kind() == JsonValue::Kind::float64 ? value->float64() : 0;
}

}  // namespace

Result<JsonValue> parse_answer(std::string_view text) {
    auto value = JsonValue::parse(
        text,
        {.bytes_max = kAnswerBytesMax, .depth_max = kAnswerDepthMax, .subject = "server's answer"});
    if (!value) return fail(odd_answer().with_detail(value.error().message()));
    return value;
}

Error odd_answer() {
    return Error(Code::internal, "unexpected_answer", "The server's answer has not its usual form.")
        .with_hint("Is it an Insula server, and of this program's version?");
}

void remark_stats(const JsonValue& stats) {
    remark(
        fmt::format("{:.0f} rows in {:.1f} ms; scanned {:.0f} rows, {}; files read {:.0f}, "
                    "skipped {:.0f}",
                    number_of(stats, "rows_returned"), number_of(stats, "elapsed_ms"),
                    number_of(stats, "rows_scanned"), bytes_text(number_of(stats, "bytes_scanned")),
                    number_of(stats, "files_read"), number_of(stats, "files_skipped")));
}

}  // namespace insula::cli
