#include "cli/output.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <system_error>

#include "cli/display_text.h"
#include "cli/exit_code.h"

namespace insula::cli {

namespace {

Error cannot_write(int error_number) {
    return unavailable(
        "cannot_write_output",
        "The output cannot be written: " + std::generic_category().message(error_number) + ".");
}

}  // namespace

Status print(std::string_view text) {
    if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size()) return {};
    return fail(cannot_write(errno));
}

Status print_line(std::string_view text) {
    RETURN_IF_ERROR(print(text));
    return text.ends_with('\n') ? Status() : print("\n");
}

Status flush_output() {
    if (std::fflush(stdout) == 0) return {};
    return fail(cannot_write(errno));
}

size_t output_width() {
    if (const char* columns = std::getenv("COLUMNS")) {
        const std::string_view text(columns);
        size_t width = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), width);
        if (error == std::errc() && end == text.data() + text.size()) return width;
    }
    winsize size{};
    if (::isatty(STDOUT_FILENO) == 0 || ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return 0;
    return size.ws_col;
}

bool error_is_terminal() { return ::isatty(STDERR_FILENO) != 0; }

Status print_result(OutputFormat format, const Table& table, std::string_view json) {
    switch (format) {
        case OutputFormat::table:
            return print(render_table(table, output_width()));
        case OutputFormat::csv:
            return print(render_csv(table));
        case OutputFormat::json:
        case OutputFormat::ndjson:
            break;
    }
    return print_line(json);
}

void remark(std::string_view text) {
    if (error_is_terminal()) warn(text);
}

void warn(std::string_view text) { std::fprintf(stderr, "%s\n", printable(text).c_str()); }

int client_exit_code(const Status& status) {
    const Status flushed = flush_output();
    if (!status) return report_to_client(status.error());
    return flushed ? static_cast<int>(ExitCode::ok) : report_to_client(flushed.error());
}

}  // namespace insula::cli
