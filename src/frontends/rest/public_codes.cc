#include "frontends/rest/public_codes.h"

#include <algorithm>
#include <array>

namespace insula::rest {

namespace {

using namespace std::string_view_literals;

constexpr std::array kPublicCodes{
    "attachment_changed"sv,
    "attachment_not_found"sv,
    "attachment_too_large"sv,
    "attachment_unreadable"sv,
    "body_too_large"sv,
    "cancelled"sv,
    "catalog_closed"sv,
    "catalog_outcome_unknown"sv,
    "catalog_unavailable"sv,
    "client_gone"sv,
    "client_stalled"sv,
    "connection_not_available"sv,
    "damaged_data"sv,
    "data_path_not_allowed"sv,
    "deadline_exceeded"sv,
    "disk_full"sv,
    "document_too_large"sv,
    "duplicate_alias"sv,
    "duplicate_header"sv,
    "duplicate_key"sv,
    "duplicate_parameter"sv,
    "empty_body"sv,
    "exceeds_memory"sv,
    "file_too_large"sv,
    "headers_too_large"sv,
    "host_not_allowed"sv,
    "idempotency_conflict"sv,
    "internal"sv,
    "invalid_bucket"sv,
    "invalid_column"sv,
    "invalid_idempotency_key"sv,
    "invalid_log_level"sv,
    "invalid_pattern"sv,
    "invalid_request"sv,
    "invalid_source_id"sv,
    "invalid_utf8"sv,
    "journal_closed"sv,
    "journal_fenced"sv,
    "kind_conflict"sv,
    "kind_mismatch"sv,
    "malformed_body"sv,
    "malformed_csv"sv,
    "malformed_http"sv,
    "malformed_json"sv,
    "malformed_parquet"sv,
    "malformed_target"sv,
    "malformed_tenant_id"sv,
    "memory_exhausted"sv,
    "method_not_allowed"sv,
    "metrics_disabled"sv,
    "missing_source_id"sv,
    "no_heap_profile"sv,
    "node_fenced"sv,
    "not_an_object"sv,
    "number_out_of_range"sv,
    "origin_not_allowed"sv,
    "page_too_deep"sv,
    "query_memory"sv,
    "query_spill"sv,
    "record_too_large"sv,
    "request_timeout"sv,
    "result_out_of_range"sv,
    "result_too_large"sv,
    "schema_contention"sv,
    "source_exists"sv,
    "source_limit_reached"sv,
    "source_not_found"sv,
    "source_read_only"sv,
    "source_removal_in_doubt"sv,
    "source_removed"sv,
    "starting"sv,
    "stopping"sv,
    "target_too_long"sv,
    "temporary_space_exhausted"sv,
    "tenant_not_allowed"sv,
    "tenant_recovering"sv,
    "timestamp_out_of_range"sv,
    "too_deep"sv,
    "too_many_active_tenants"sv,
    "too_many_columns"sv,
    "too_many_connections"sv,
    "too_many_filters"sv,
    "too_many_headers"sv,
    "too_many_open_files"sv,
    "too_many_parameters"sv,
    "too_many_requests"sv,
    "too_many_sources"sv,
    "too_many_streams"sv,
    "unauthenticated"sv,
    "unknown_aggregation"sv,
    "unknown_column"sv,
    "unknown_compression"sv,
    "unknown_expectation"sv,
    "unknown_key"sv,
    "unknown_operator"sv,
    "unknown_parameter"sv,
    "unknown_route"sv,
    "unknown_type"sv,
    "unsupported_content_type"sv,
    "unsupported_encoding"sv,
    "unsupported_transfer_encoding"sv,
    "write_outcome_unknown"sv,
};
static_assert(std::ranges::is_sorted(kPublicCodes));

}  // namespace

std::span<const std::string_view> public_codes() { return kPublicCodes; }

Error public_error(const Error& error) {
    if (std::ranges::binary_search(kPublicCodes, error.reason())) return error;
    return internal_error(error.describe());
}

}  // namespace insula::rest
