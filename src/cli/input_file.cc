#include "cli/input_file.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "base/units.h"

namespace insula::cli {

namespace {

constexpr size_t kReadBytes = 1 * kMiB;

}  // namespace

void InputFile::Close::operator()(std::FILE* file) const {
    // Nothing was written: there is nothing to lose in closing.
    if (file != stdin) static_cast<void>(std::fclose(file));
}

Error InputFile::cannot_read(int error_number) const {
    return not_found("cannot_read_file", "Cannot read " + name_ + ": " +
                                             std::generic_category().message(error_number) + ".");
}

Result<InputFile> InputFile::open(std::string path) {
    InputFile input;
    const bool standard = path == "-";
    input.name_ = standard ? "standard input" : path;
    input.file_.reset(standard ? stdin : std::fopen(path.c_str(), "rbe"));
    if (input.file_ == nullptr) return fail(input.cannot_read(errno));
    struct stat status{};
    if (::fstat(::fileno(input.file_.get()), &status) != 0) return fail(input.cannot_read(errno));
    if (S_ISDIR(status.st_mode)) return fail(input.cannot_read(EISDIR));
    if (S_ISREG(status.st_mode)) {
        input.begin_ = ::ftello(input.file_.get());
        if (input.begin_ < 0) return fail(input.cannot_read(errno));
        input.size_ = static_cast<uint64_t>(std::max<off_t>(0, status.st_size - input.begin_));
    }
    return input;
}

Status InputFile::rewind() {
    if (::fseeko(file_.get(), begin_, SEEK_SET) == 0) return {};
    return fail(cannot_read(errno));
}

Result<std::string_view> InputFile::read(size_t bytes_max) {
    buffer_.resize(bytes_max);
    const size_t got = std::fread(buffer_.data(), 1, bytes_max, file_.get());
    if (got == 0 && std::ferror(file_.get()) != 0) return fail(cannot_read(errno));
    return std::string_view(buffer_).substr(0, got);
}

Result<std::string> InputFile::read_all(size_t bytes_max) {
    std::string all;
    for (;;) {
        ASSIGN_OR_RETURN(const std::string_view piece, read(kReadBytes));
        if (piece.empty()) return all;
        if (piece.size() > bytes_max - all.size()) {
            return fail(Error(Code::payload_too_large, "file_too_large",
                              name_ + " is larger than the " + std::to_string(bytes_max / kMiB) +
                                  " MiB that go in one piece.")
                            .with_hint("NDJSON and CSV are sent in batches, whatever their size."));
        }
        all.append(piece);
    }
}

}  // namespace insula::cli
