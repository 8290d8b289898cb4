// What the server is made from: the settings of this landing, typed and with everything worked out
// (ports with their offset, sizes for this machine). A plain value.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "platform/net/http_server.h"
#include "platform/runtime/log.h"
#include "server/config/config.h"

namespace insula::config {

struct ServerConfig {
    std::string data_dir;
    bool dev = false;
    std::vector<std::string> fail_points;  // only with `dev`
    std::string host;                      // beyond this machine only with TLS or `insecure`
    uint16_t rest_port = 0;                // 0: any free port
    uint16_t gateway_port = 0;             // the same

    // Proxies in front.
    std::vector<net::Network> trusted_proxies;
    net::ForwardedHeader forwarded_header = net::ForwardedHeader::x_forwarded_for;

    // Pages of which web sites may call.
    bool cors_enabled = false;
    std::vector<std::string> allowed_origins;
    std::vector<std::string> cors_allow_headers;

    // TLS, and who may do without it.
    bool insecure = false;
    std::optional<net::TlsServerOptions> tls;
    std::chrono::nanoseconds tls_reload_interval{};
    std::chrono::nanoseconds tls_handshake_timeout{};
    size_t tls_handshakes_max = 0;

    // The default tenant. Without an id, one is made at the first start.
    std::optional<TenantId> tenant_id;
    std::string tenant_slug;
    std::string tenant_name;

    bool auto_create_sources = true;
    std::vector<std::string> allowed_data_roots;
    std::optional<uint64_t> disk_reserve_bytes;  // unless set: as DiskReserve says

    // Requests.
    size_t connections_max = 0;
    size_t connections_per_address_max = 0;
    uint64_t transfer_rate_min = 0;  // bytes a second
    uint64_t body_bytes_max = 0;
    uint64_t request_memory_bytes = 0;
    uint64_t answer_memory_bytes = 0;
    std::vector<std::string> regions;
    bool rate_limiting = false;
    uint64_t default_requests_per_second = 0;
    std::chrono::nanoseconds request_timeout{};
    std::chrono::nanoseconds header_timeout{};
    std::chrono::nanoseconds stall_timeout{};
    std::chrono::nanoseconds idle_timeout{};
    std::chrono::nanoseconds stop_timeout{};
    size_t io_threads = 0;
    size_t worker_threads = 0;

    // Tables: the bounds nest (flush <= source <= node).
    size_t searches_max = 0;
    uint64_t memtable_bytes = 0;
    uint64_t memtable_source_bytes = 0;
    uint64_t flush_source_bytes = 0;
    uint64_t flush_memory_bytes = 0;  // of memtable_bytes
    uint64_t journal_segment_bytes = 0;
    uint64_t journal_flush_bytes = 0;
    std::chrono::nanoseconds journal_retention{};
    uint64_t journal_retention_bytes = 0;

    // The scrub.
    uint64_t scrub_bytes_per_second = 0;
    std::chrono::nanoseconds scrub_interval{};

    // Engine.
    uint64_t engine_memory_bytes = 0;
    uint64_t engine_instance_bytes = 0;
    size_t engine_threads = 0;
    uint64_t engine_spill_bytes = 0;
    std::chrono::nanoseconds engine_idle_close{};

    // The catalog: on PostgreSQL, or with an empty URL in the data directory.
    std::string catalog_url;  // holds a password
    std::string catalog_schema;
    size_t catalog_connections = 0;
    std::chrono::nanoseconds catalog_connect_timeout{};
    std::chrono::nanoseconds catalog_command_timeout{};
    std::chrono::nanoseconds catalog_start_timeout{};

    // The root key, if it comes with the configuration, and the file that holds it otherwise.
    std::string root_key;  // secret
    std::string root_key_file;

    std::string log_level;
    bool access_log = true;
    bool audit_changes = true;  // of data
    bool audit_reads = false;
    log::OutputOptions log_output;
    bool metrics_enabled = true;
};

ServerConfig make_server_config(const Config& config);

}  // namespace insula::config
