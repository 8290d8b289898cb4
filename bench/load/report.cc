#include "load/report.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

namespace insula::load {

namespace {

double ratio(double part, double whole) { return whole > 0 ? part / whole : 0; }

std::string render_errors(const Totals& totals) {
    std::string out;
    const auto add = [&out](const std::string& name, uint64_t count) {
        if (count > 0) out += fmt::format("{}\"{}\":{}", out.empty() ? "" : ",", name, count);
    };
    for (size_t status = 0; status < totals.by_status.size(); ++status) {
        if (status / 100 != 2) add(fmt::format("status_{}", status), totals.by_status[status]);
    }
    add("connection_lost", totals.connections_lost);
    add("timeout", totals.timeouts);
    add("malformed_answer", totals.malformed);
    add("stream_cut_off", totals.cut_off);
    return "{" + out + "}";
}

std::string render_latency(const Histogram& histogram) {
    const auto microseconds = [](uint64_t nanoseconds) {
        return static_cast<double>(nanoseconds) / 1e3;
    };
    return fmt::format(R"({{"p50":{:.1f},"p90":{:.1f},"p99":{:.1f},"p99.9":{:.1f},"max":{:.1f}}})",
                       microseconds(histogram.quantile(0.5)), microseconds(histogram.quantile(0.9)),
                       microseconds(histogram.quantile(0.99)),
                       microseconds(histogram.quantile(0.999)), microseconds(histogram.max()));
}

}  // namespace

std::string render(const Options& options, const Totals& totals) {
    constexpr const char* kModes[] = {"ingest", "single", "get", "stream"};
    const double seconds = totals.seconds;
    const auto requests = static_cast<double>(totals.requests);
    std::string out = fmt::format(
        R"({{"mode":"{}","connections":{},"seconds":{:.3f},"requests":{},"requests_per_s":{:.1f},)"
        R"("errors":{})",
        kModes[static_cast<int>(options.mode)], options.connections, seconds, totals.requests,
        ratio(requests, seconds), render_errors(totals));
    if (options.mode == Mode::ingest || options.mode == Mode::single) {
        out += fmt::format(
            R"(,"docs_per_request":{},"sources":{},"documents":{},"docs_per_s":{:.1f},)"
            R"("body_bytes":{},"body_mb_per_s":{:.2f})",
            options.documents, options.sources, totals.documents,
            ratio(static_cast<double>(totals.documents), seconds), totals.body_bytes_sent,
            ratio(static_cast<double>(totals.body_bytes_sent) / 1e6, seconds));
    }
    out += fmt::format(R"(,"received_mb_per_s":{:.2f})",
                       ratio(static_cast<double>(totals.body_bytes_received) / 1e6, seconds));
    if (options.mode == Mode::stream) {
        out += fmt::format(R"(,"rows":{},"rows_per_s":{:.1f},"first_line_us":{})", totals.rows,
                           ratio(static_cast<double>(totals.rows), seconds),
                           render_latency(totals.first_line));
    }
    out += fmt::format(R"(,"latency_us":{},"cpu_seconds":{:.3f},"cpu_us_per_request":{:.2f})",
                       render_latency(totals.latency), totals.cpu_seconds,
                       ratio(totals.cpu_seconds * 1e6, requests));
    if (options.server_pid > 0) {
        out += fmt::format(R"(,"server_cpu_seconds":{:.3f},"server_cpu_us_per_request":{:.2f})",
                           totals.server_cpu_seconds,
                           ratio(totals.server_cpu_seconds * 1e6, requests));
    }
    return out + "}\n";
}

double own_cpu_seconds() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double process_cpu_seconds(int pid) {
    std::ifstream file(fmt::format("/proc/{}/stat", pid));
    std::string text;
    std::getline(file, text);
    // Fields 14 and 15 are user and system time in ticks; the name in field 2 may hold spaces.
    const size_t name_end = text.rfind(')');
    if (name_end == std::string::npos) return 0;
    std::istringstream fields(text.substr(name_end + 1));
    std::string skipped;
    for (int field = 3; field < 14; ++field) fields >> skipped;
    double user = 0;
    double system = 0;
    fields >> user >> system;
    return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace insula::load
