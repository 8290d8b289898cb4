// Result<T>: a value or an Error. The whole program reports failures this way; exceptions of
// libraries are caught in the module that owns the library.
#pragma once

#include <expected>
#include <utility>

#include "base/error.h"

namespace insula {

template <class T>
using Result = std::expected<T, Error>;

// Success or an Error. `return {};` is success.
using Status = std::expected<void, Error>;

inline std::unexpected<Error> fail(Error error) { return std::unexpected<Error>(std::move(error)); }

}  // namespace insula

#define INSULA_CONCAT_INNER(a, b) a##b
#define INSULA_CONCAT(a, b) INSULA_CONCAT_INNER(a, b)

// Returns the error of a Status or Result from the enclosing function, if it holds one.
#define RETURN_IF_ERROR(expression)                                  \
    do {                                                             \
        if (auto insula_status = (expression); !insula_status)       \
            return ::insula::fail(std::move(insula_status).error()); \
    } while (false)

// ASSIGN_OR_RETURN(auto file, fs.open(path)): declares or assigns the value, or returns the error.
#define ASSIGN_OR_RETURN(target, expression) \
    INSULA_ASSIGN_OR(return, INSULA_CONCAT(insula_result_, __LINE__), target, expression)
// The same inside a coroutine.
#define ASSIGN_OR_CO_RETURN(target, expression) \
    INSULA_ASSIGN_OR(co_return, INSULA_CONCAT(insula_result_, __LINE__), target, expression)
#define INSULA_ASSIGN_OR(leave, name, target, expression)     \
    auto name = (expression);                                 \
    if (!name) leave ::insula::fail(std::move(name).error()); \
    target = *std::move(name)
