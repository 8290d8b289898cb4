#include "platform/runtime/heap_profile.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

// Weak: without jemalloc there is no such function. The name is jemalloc's.
extern "C" int mallctl(const char* name, void* old_value, size_t* old_size, void* new_value,
                       size_t new_size) __attribute__((weak));

namespace insula {

namespace {

constexpr size_t kReadStepBytes = 64 * 1024;

// A file without a name; closed with the object.
class MemoryFile {
  public:
    MemoryFile() : fd_(memfd_create("heap-profile", MFD_CLOEXEC)) {}
    ~MemoryFile() {
        if (fd_ >= 0) close(fd_);
    }
    MemoryFile(const MemoryFile&) = delete;
    MemoryFile& operator=(const MemoryFile&) = delete;

    bool open() const { return fd_ >= 0; }
    std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

    Result<std::string> content() const {
        std::string text;
        for (;;) {
            const size_t at = text.size();
            text.resize(at + kReadStepBytes);
            const ssize_t count =
                pread(fd_, text.data() + at, kReadStepBytes, static_cast<off_t>(at));
            if (count < 0 && errno == EINTR) {
                text.resize(at);
                continue;
            }
            if (count < 0) return fail(os_error("read the heap profile", errno));
            text.resize(at + static_cast<size_t>(count));
            if (count == 0) return text;
        }
    }

  private:
    const int fd_;
};

std::string_view take_line(std::string_view& text) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return line;
}

// "  t*: 3: 4096 [0: 0]" -> "3: 4096 [0: 0]"; empty for another line.
std::string_view totals_of(std::string_view line) {
    constexpr std::string_view kAllThreads = "t*: ";
    const size_t at = line.find(kAllThreads);
    return at == std::string_view::npos ? std::string_view{} : line.substr(at + kAllThreads.size());
}

}  // namespace

Result<std::string> to_pprof_text(std::string_view dump) {
    constexpr std::string_view kMagic = "heap_v2/";
    const std::string_view head = take_line(dump);
    const std::string_view total = totals_of(take_line(dump));
    if (!head.starts_with(kMagic) || total.empty()) {
        return fail(internal_error("the heap profile has an unknown form"));
    }
    std::string text = "heap profile: " + std::string(total) + " @ " + std::string(head) + "\n";
    std::string_view stack;
    while (!dump.empty()) {
        const std::string_view line = take_line(dump);
        if (line.starts_with("MAPPED_LIBRARIES:")) {
            text.append("\n").append(line).append("\n").append(dump);
            break;
        }
        if (line.starts_with('@')) {
            stack = line;
        } else if (const std::string_view totals = totals_of(line);
                   !totals.empty() && !stack.empty()) {
            text.append(totals).append(" ").append(stack).append("\n");
            stack = {};
        }
    }
    return text;
}

Result<std::string> heap_profile() {
    if (mallctl == nullptr) {
        return fail(Error(Code::unimplemented, "no_heap_profile",
                          "This build of the server keeps no heap profile."));
    }
    const MemoryFile file;
    if (!file.open()) return fail(os_error("make a file for the heap profile", errno));
    const std::string path = file.path();
    const char* name = path.c_str();
    if (const int error = mallctl("prof.dump", nullptr, nullptr, &name, sizeof name); error != 0) {
        return fail(os_error("dump the heap profile", error));
    }
    ASSIGN_OR_RETURN(const std::string dump, file.content());
    return to_pprof_text(dump);
}

}  // namespace insula
