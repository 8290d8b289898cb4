#include "platform/postgres/target.h"

#include <libpq-fe.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <memory>

namespace insula::postgres {
namespace {

using Options = std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)>;

Error invalid_url(std::string message) {
    return invalid_argument("invalid_connection_url", std::move(message))
        .with_hint(
            "Write it as postgresql://user:password@host:5432/database; characters such as @ : / % "
            "in a password are written %40 %3A %2F %25.");
}

// "a,b," has three items, the last one empty.
std::vector<std::string> split(std::string_view list) {
    std::vector<std::string> items;
    for (;;) {
        const size_t comma = list.find(',');
        items.emplace_back(list.substr(0, comma));
        if (comma == std::string_view::npos) return items;
        list.remove_prefix(comma + 1);
    }
}

// The item for one host: one item holds for all of them.
const std::string& item_for(const std::vector<std::string>& items, size_t host) {
    return items.size() == 1 ? items[0] : items.at(host);
}

bool is_port(std::string_view text) {
    uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    return error == std::errc() && end == text.data() + text.size() && port > 0;
}

// Lists of hosts, one item a host; libpq takes them apart in the same way.
constexpr std::string_view kListed[] = {"host", "hostaddr", "port"};

std::string describe(const Target::Settings& settings) {
    std::string host = "local";
    std::string port;
    for (const auto& [key, value] : settings) {
        if (key == "host" || (key == "hostaddr" && host == "local")) host = value;
        if (key == "port") port = ":" + value;
    }
    return host + port;
}

}  // namespace

Result<Target> Target::parse(const std::string& url) {
    if (url.size() > kUrlBytesMax) {
        return fail(invalid_url("The connection URL has more than " + std::to_string(kUrlBytesMax) +
                                " bytes."));
    }
    if (!url.starts_with("postgresql://") && !url.starts_with("postgres://")) {
        return fail(invalid_url("A connection URL begins with postgresql://."));
    }
    char* message = nullptr;  // quotes the URL: not shown
    const Options options(PQconninfoParse(url.c_str(), &message), &PQconninfoFree);
    PQfreemem(message);
    if (!options) {
        return fail(invalid_url(
            "The connection URL cannot be read, or has a parameter that libpq does not know."));
    }
    std::map<std::string, std::string> given;
    Target target;
    for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
        if (option->val == nullptr || *option->val == '\0') continue;
        given.emplace(option->keyword, option->val);
        // Marked by libpq as to be hidden: passwords.
        if (*option->dispchar == '*') target.secrets_.emplace_back(option->val);
    }
    size_t hosts = 1;
    std::map<std::string_view, std::vector<std::string>> lists;
    for (const std::string_view key : kListed) {
        const auto found = given.find(std::string(key));
        if (found == given.end()) continue;
        lists.emplace(key, split(found->second));
        given.erase(found);
        hosts = std::max(hosts, lists[key].size());
    }
    if (hosts > kHostsMax) {
        return fail(invalid_url("The connection URL names more than " + std::to_string(kHostsMax) +
                                " hosts."));
    }
    if (const auto ports = lists.find("port"); ports != lists.end()) {
        for (const std::string& port : ports->second) {
            if (port.empty() || is_port(port)) continue;
            return fail(invalid_url("The connection URL's port is no number from 1 to 65535."));
        }
    }
    for (const auto& [key, items] : lists) {
        if (items.size() == 1 || items.size() == hosts) continue;
        return fail(invalid_url("The connection URL names " + std::to_string(hosts) +
                                " hosts, and another number of items in " + std::string(key) +
                                "."));
    }
    for (size_t host = 0; host < hosts; ++host) {
        Settings settings(given.begin(), given.end());
        for (const auto& [key, items] : lists) {
            if (const std::string& item = item_for(items, host); !item.empty()) {
                settings.emplace_back(key, item);
            }
        }
        target.name_ += (host == 0 ? "" : ", ") + describe(settings);
        target.hosts_.push_back(std::move(settings));
    }
    if (const auto database = given.find("dbname"); database != given.end()) {
        target.name_ += ", database " + database->second;
    }
    return target;
}

std::string Target::redact(std::string_view text) const {
    std::string redacted(text);
    for (const std::string& secret : secrets_) {
        for (size_t at = 0; (at = redacted.find(secret, at)) != std::string::npos; at += 3) {
            redacted.replace(at, secret.size(), "***");
        }
    }
    return redacted;
}

std::string as_one_line(std::string text) {
    while (text.ends_with('\n') || text.ends_with(' ')) text.pop_back();
    std::ranges::replace_if(text, [](char c) { return c == '\n' || c == '\t'; }, ' ');
    return text;
}

}  // namespace insula::postgres
