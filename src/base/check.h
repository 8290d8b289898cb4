// Assertions for programmer errors. They stay on in release: a broken invariant around storage must
// stop the node rather than write. Never for bad input, which is an Error.
#pragma once

namespace insula {

// Prints "file:line: check failed: expression: message" to standard error and aborts.
[[noreturn]] void check_failed(const char* file, int line, const char* expression,
                               const char* message);

}  // namespace insula

#define INSULA_CHECK(expression, message)                                     \
    do {                                                                      \
        if (!(expression)) [[unlikely]]                                       \
            ::insula::check_failed(__FILE__, __LINE__, #expression, message); \
    } while (false)
