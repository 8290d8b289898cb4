#include "server/config/server_config.h"

#include <fmt/format.h>

namespace insula::config {
namespace {

constexpr std::string_view kDefaultSlug = "default_tenant";

uint16_t port(const Config& config, std::string_view name) {
    // Only default ports move; a port that was asked for is taken as it is.
    const int64_t offset = config.at(name).given() ? 0 : config.integer("server.port_offset");
    return static_cast<uint16_t>(config.integer(name) + offset);
}

size_t count(const Config& config, std::string_view name) {
    return static_cast<size_t>(config.integer(name));
}

void set_tenant(const Config& config, ServerConfig& server) {
    const std::string& id = config.text("tenant.id");
    if (const Result<TenantId> uuid = TenantId::parse(id)) {
        server.tenant_id = *uuid;
        server.tenant_slug = kDefaultSlug;
    } else {
        server.tenant_slug = id;
    }
    server.tenant_name = config.text("tenant.name");
}

net::ClientCertificates client_certificates(const std::string& word) {
    if (word == "require") return net::ClientCertificates::require;
    return word == "request" ? net::ClientCertificates::request : net::ClientCertificates::none;
}

void set_tls(const Config& config, ServerConfig& server) {
    server.host = config.text("server.host");
    server.insecure = config.boolean("server.insecure");
    server.tls_reload_interval = config.duration("server.tls.reload_interval");
    server.tls_handshake_timeout = config.duration("server.tls.handshake_timeout");
    server.tls_handshakes_max = count(config, "server.tls.handshakes_max");
    if (!config.boolean("server.tls.enabled")) return;
    server.tls = net::TlsServerOptions{
        .cert_file = config.text("server.tls.cert_file"),
        .key_file = config.text("server.tls.key_file"),
        .oldest = config.text("security.tls_min_version") == "1.2" ? net::TlsVersion::v1_2
                                                                   : net::TlsVersion::v1_3,
        .client_certificates = client_certificates(config.text("server.tls.client_certificates")),
        .client_ca_file = config.text("server.tls.client_ca_file")};
}

void set_proxies(const Config& config, ServerConfig& server) {
    for (const std::string& text : config.list("server.trusted_proxies")) {
        // Checked when it was loaded.
        if (const auto network = net::parse_network(text)) {
            server.trusted_proxies.push_back(*network);
        }
    }
    if (config.text("server.forwarded_header") == "forwarded") {
        server.forwarded_header = net::ForwardedHeader::forwarded;
    }
}

void set_requests(const Config& config, ServerConfig& server) {
    server.connections_max = count(config, "server.connections_max");
    server.connections_per_address_max = count(config, "server.connections_per_address_max");
    server.transfer_rate_min = config.bytes("server.transfer_rate_min");
    server.body_bytes_max = config.bytes("server.body_bytes_max");
    server.request_memory_bytes = config.bytes("server.request_memory");
    server.answer_memory_bytes = config.bytes("server.answer_memory");
    server.root_key = config.text("encryption.root_key");
    server.root_key_file = config.text("encryption.root_key_file");
    server.regions = config.list("server.regions");
    server.rate_limiting = config.boolean("security.rate_limiting.enabled");
    server.default_requests_per_second =
        static_cast<uint64_t>(config.integer("security.rate_limiting.default_limit"));
    server.request_timeout = config.duration("server.request_timeout");
    server.header_timeout = config.duration("server.header_timeout");
    server.stall_timeout = config.duration("server.stall_timeout");
    server.idle_timeout = config.duration("server.idle_timeout");
    server.stop_timeout = config.duration("server.stop_timeout");
    server.io_threads = count(config, "server.io_threads");
    server.worker_threads = count(config, "server.worker_threads");
}

void set_tables(const Config& config, ServerConfig& server) {
    server.auto_create_sources = config.boolean("tables.auto_create_sources");
    server.searches_max = count(config, "tables.max_concurrent_searches");
    server.memtable_bytes = config.bytes("tables.memtable_bytes");
    server.memtable_source_bytes = config.bytes("tables.memtable_source_bytes");
    server.flush_source_bytes = config.bytes("tables.flush_source_bytes");
    server.flush_memory_bytes = static_cast<uint64_t>(static_cast<double>(server.memtable_bytes) *
                                                      config.ratio("tables.flush_memory_ratio"));
    server.journal_segment_bytes = config.bytes("journal.segment_bytes");
    server.journal_flush_bytes = config.bytes("journal.flush_bytes");
    server.journal_retention = config.duration("journal.retention");
    server.journal_retention_bytes = config.bytes("journal.retention_bytes");
    server.scrub_bytes_per_second = config.bytes("scrub.bytes_per_second");
    server.scrub_interval = config.duration("scrub.interval");
    server.engine_memory_bytes = config.bytes("engine.memory");
    server.engine_instance_bytes = config.bytes("engine.instance_memory");
    server.engine_threads = count(config, "engine.threads");
    server.engine_spill_bytes = config.bytes("engine.spill_bytes");
    server.engine_idle_close = config.duration("engine.idle_close");
}

// As it may stand in a part of a URL (RFC 3986).
std::string percent_encoded(std::string_view text) {
    std::string encoded;
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
        if (plain) {
            encoded.push_back(c);
        } else {
            encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
        }
    }
    return encoded;
}

std::string catalog_url(const Config& config) {
    if (!config.text("catalog.url").empty()) return config.text("catalog.url");
    if (config.text("database.type") != "postgresql") return "";
    const std::string& host = config.text("database.host");
    std::string url =
        fmt::format("postgresql://{}:{}/{}?application_name=insula",
                    host.find(':') == std::string::npos ? host : "[" + host + "]",
                    config.integer("database.port"), percent_encoded(config.text("database.name")));
    for (const std::string_view part : {"user", "password"}) {
        const std::string& value = config.text(fmt::format("database.{}", part));
        if (!value.empty()) url += fmt::format("&{}={}", part, percent_encoded(value));
    }
    return url;
}

void set_catalog(const Config& config, ServerConfig& server) {
    server.catalog_url = catalog_url(config);
    server.catalog_schema = config.text("catalog.schema");
    server.catalog_connections = count(config, "database.max_connections");
    server.catalog_connect_timeout = config.duration("database.connection_timeout");
    server.catalog_command_timeout = config.duration("catalog.command_timeout");
    server.catalog_start_timeout = config.duration("catalog.start_timeout");
}

}  // namespace

ServerConfig make_server_config(const Config& config) {
    ServerConfig server;
    server.data_dir = config.text("server.data_dir");
    server.dev = config.boolean("server.dev");
    server.fail_points = config.list("server.fail_points");
    set_tls(config, server);
    server.cors_enabled = config.boolean("security.cors.enabled");
    server.allowed_origins = config.list("security.allowed_origins");
    server.cors_allow_headers = config.list("security.cors.allow_headers");
    set_proxies(config, server);
    server.rest_port = port(config, "server.rest_port");
    server.gateway_port = port(config, "server.port");
    server.allowed_data_roots = config.list("server.allowed_data_roots");
    if (config.at("server.disk_reserve").given()) {
        server.disk_reserve_bytes = config.bytes("server.disk_reserve");
    }
    set_tenant(config, server);
    set_requests(config, server);
    set_tables(config, server);
    set_catalog(config, server);
    server.log_level = config.text("monitoring.log_level");
    server.access_log = config.boolean("monitoring.access_log");
    server.audit_reads = config.boolean("monitoring.detailed_audit");
    server.audit_changes = config.boolean("multitenancy.audit_all_operations");
    server.log_output = {.file = config.text("monitoring.log_file"),
                         .file_bytes = config.bytes("monitoring.log_file_bytes"),
                         .files_max = count(config, "monitoring.log_files")};
    server.metrics_enabled = config.boolean("monitoring.metrics_enabled");
    return server;
}

}  // namespace insula::config
