// Task<T>: the one coroutine type of the program, used in platform/net and frontends only.
//
// A task runs on the I/O thread of the connection that it serves and starts when it is awaited.
// Rules that keep it sound: parameters by value or owned by the caller who awaits; no coroutine
// lambda that captures, unless the lambda itself outlives the coroutine; no lock held across
// co_await; nothing that blocks (engine, SQLite, sync) outside on_pool(), see hop.h.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

namespace insula::net {

// The concrete executor, not any_io_executor: no type-erased call for each resumption.
template <class T>
using Task = boost::asio::awaitable<T, boost::asio::io_context::executor_type>;

}  // namespace insula::net
