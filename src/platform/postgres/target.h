// Target: where a PostgreSQL server is and how to log in, parsed from a connection URL. An
// immutable value.
//
// A URL (postgresql://user:password@host:port/database?sslmode=verify-full&…) takes every parameter
// of libpq, TLS among them. It holds a password: neither the URL nor what libpq says about it goes
// into an error or a log, and redact() takes secrets out of whatever a server or a library said.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace insula::postgres {

inline constexpr size_t kUrlBytesMax = 4096;
inline constexpr size_t kHostsMax = 16;

class Target {
  public:
    // invalid_argument "invalid_connection_url", with a message for operators that quotes nothing
    // of the URL.
    static Result<Target> parse(const std::string& url);

    using Settings = std::vector<std::pair<std::string, std::string>>;
    // What libpq is given to connect to each of the URL's hosts, in their order.
    const std::vector<Settings>& hosts() const { return hosts_; }

    // "db1.example:5432, db2.example:5432, database insula": no user, no password.
    const std::string& name() const { return name_; }
    // `text` with *** in place of every secret of the URL.
    std::string redact(std::string_view text) const;

  private:
    Target() = default;

    std::vector<Settings> hosts_;
    std::string name_;
    std::vector<std::string> secrets_;
};

// `text` without its line breaks: libpq's messages have several lines.
std::string as_one_line(std::string text);

}  // namespace insula::postgres
