#include "server/config/rules.h"

#include <algorithm>

#include "base/ids.h"
#include "base/units.h"
#include "core/catalog/postgres/postgres_catalog.h"
#include "platform/net/network.h"
#include "platform/postgres/target.h"
#include "platform/runtime/log.h"

namespace insula::config::rules {
namespace {

constexpr size_t kSlugMax = 63;
constexpr size_t kNameMax = 200;
constexpr size_t kHostMax = 253;

const std::string& text_of(const Value& value) { return std::get<std::string>(value); }

Error refused(std::string message) {
    return invalid_argument("refused_setting", std::move(message));
}

bool contains(const Value& list, std::string_view item) {
    const auto& items = std::get<std::vector<std::string>>(list);
    return std::find(items.begin(), items.end(), item) != items.end();
}

uint64_t share(const Machine& machine, uint64_t parts, uint64_t least, uint64_t most) {
    return std::clamp(machine.memory_bytes / parts / kMiB * kMiB, least, most);
}

}  // namespace

uint64_t cores(const Machine& machine) { return std::clamp<uint64_t>(machine.cores, 1, 64); }
uint64_t twice_cores(const Machine& machine) {
    return std::clamp<uint64_t>(2 * machine.cores, 4, 128);
}
uint64_t sixty_fourth(const Machine& machine) { return share(machine, 64, 16 * kMiB, 128 * kMiB); }
uint64_t sixteenth(const Machine& machine) { return share(machine, 16, 64 * kMiB, 4 * kGiB); }
uint64_t eighth(const Machine& machine) { return share(machine, 8, 128 * kMiB, 8 * kGiB); }
uint64_t eighth_or_more(const Machine& machine) { return share(machine, 8, 384 * kMiB, 8 * kGiB); }
uint64_t quarter(const Machine& machine) { return share(machine, 4, 128 * kMiB, 64 * kGiB); }

bool is_loopback(std::string_view host) {
    if (host == "localhost" || host == "::1") return true;
    // All of 127.0.0.0/8, written out in full.
    return host.starts_with("127.") && std::count(host.begin(), host.end(), '.') == 3 &&
           host.find_first_not_of("0123456789.") == std::string_view::npos;
}

Status slug_or_uuid(const Value& value) {
    const std::string& text = text_of(value);
    if (TenantId::parse(text)) return {};
    const auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    };
    if (!text.empty() && text.size() <= kSlugMax &&
        std::all_of(text.begin(), text.end(), allowed) && text[0] != '-' && text[0] != '_') {
        return {};
    }
    return fail(
        refused("a tenant is named by a UUID or by a slug of at most 63 small letters, digits, _ "
                "and - that "
                "begins with a letter or digit, such as acme-corp"));
}

Status display_name(const Value& value) {
    if (!text_of(value).empty() && text_of(value).size() <= kNameMax) return {};
    return fail(refused("a name has 1 to 200 bytes, such as Acme Corp"));
}

Status host_name(const Value& value) {
    const std::string& text = text_of(value);
    const auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '-' || c == ':';
    };
    if (!text.empty() && text.size() <= kHostMax &&
        std::all_of(text.begin(), text.end(), allowed)) {
        return {};
    }
    return fail(refused("an address or a host name is wanted, without port, such as 127.0.0.1"));
}

Status log_level(const Value& value) {
    if (const Status status = log::check_level(text_of(value)); !status) {
        return fail(refused(std::string(status.error().hint())));
    }
    return {};
}

Status connection_url(const Value& value) {
    if (text_of(value).empty()) return {};
    const auto target = postgres::Target::parse(text_of(value));
    if (target) return {};
    return fail(
        refused(std::string(target.error().message()) + " " + std::string(target.error().hint())));
}

Status schema_name(const Value& value) {
    const Status checked = catalog::check_schema_name(text_of(value));
    if (checked) return {};
    return fail(refused(std::string(checked.error().message())));
}

Status networks(const Value& value) {
    for (const std::string& text : std::get<std::vector<std::string>>(value)) {
        const auto network = net::parse_network(text);
        if (!network) return fail(refused(std::string(network.error().message())));
        if (network->prefix == 0 || text.ends_with("/0")) {
            return fail(refused("\"" + text + "\" is everybody, who could then name any address"));
        }
    }
    return {};
}

// As a browser writes it: what is spelt otherwise would never be found.
Status web_origins(const Value& value) {
    for (const std::string& origin : std::get<std::vector<std::string>>(value)) {
        if (origin == "*") continue;
        std::string_view rest = origin;
        const bool https = rest.starts_with("https://");
        const bool http = rest.starts_with("http://");
        rest.remove_prefix(https ? 8 : http ? 7 : 0);
        const std::string_view default_port = https ? ":443" : ":80";
        const auto allowed = [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
                   c == ':' || c == '[' || c == ']';
        };
        if ((https || http) && !rest.empty() && std::ranges::all_of(rest, allowed) &&
            !rest.ends_with(default_port)) {
            continue;
        }
        return fail(
            refused("\"" + origin +
                    "\" is no origin as browsers write it: scheme and host in small letters, a "
                    "port where it is not the usual one, and nothing behind, such as "
                    "https://app.example.org"));
    }
    return {};
}

Status header_names(const Value& value) {
    for (const std::string& name : std::get<std::vector<std::string>>(value)) {
        // token of RFC 9110 (5.6.2)
        const auto allowed = [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                   std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
        };
        if (!name.empty() && std::ranges::all_of(name, allowed)) continue;
        return fail(refused("\"" + name + "\" is no name of a header"));
    }
    return {};
}

Status absolute_paths(const Value& value) {
    for (const std::string& path : std::get<std::vector<std::string>>(value)) {
        if (!path.starts_with('/') || path == "/" || path.find("/../") != std::string::npos ||
            path.ends_with("/..")) {
            return fail(refused("\"" + path +
                                "\" is not allowed: name folders from / on and without .., such as "
                                "/var/lib/insula/sources (/ itself would allow everything)"));
        }
    }
    return {};
}

Status not_the_published_user(const Value& value) {
    if (text_of(value) != "minioadmin") return {};
    return fail(
        refused("this is a published default credential, which anybody knows; choose another"));
}

Status not_the_published_password(const Value& value) {
    if (!text_of(value).starts_with("minioadmin")) return {};
    return fail(refused(
        "this is a published default credential, which anybody knows; choose another, for instance "
        "with: openssl rand -base64 24"));
}

Status not_md5(const Value& value) {
    if (text_of(value) != "md5") return {};
    return fail(refused("MD5 does not protect against changes made on purpose; use sha256"));
}

std::string_view caution_insecure(const Value& value) {
    if (!std::get<bool>(value)) return {};
    return "other machines may send keys and data that anybody between can read and change";
}

std::string_view caution_tenant(const Value& value) {
    if (text_of(value) == "default_tenant") return {};
    return "requests act for this tenant by default; a node that refuses all other tenants is not "
           "yet "
           "available";
}

std::string_view caution_any_origin(const Value& value) {
    if (!contains(value, "*")) return {};
    return "\"*\" lets scripts of every web site call this server; list the origins that you trust";
}

std::string_view caution_any_header(const Value& value) {
    if (!contains(value, "*")) return {};
    return "\"*\" lets browsers send every header; list the headers that your pages send, such as "
           "Authorization and Content-Type";
}

std::string_view caution_last_write_wins(const Value& value) {
    if (text_of(value) != "last-write-wins") return {};
    return "the last write is decided by hybrid logical clocks, never by wall clocks, which may be "
           "wrong";
}

}  // namespace insula::config::rules
