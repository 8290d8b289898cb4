// Operations on the audit log. `/v1/audit…` shows a tenant's part of it to the tenant,
// `/v1/platform/audit…` the platform's to its administrators. Entries of others count in the tree,
// so that what is shown can be verified, and show nothing but their hashes.
#pragma once

#include "frontends/rest/operation.h"

namespace insula::rest {

inline constexpr uint64_t kAuditPageMax = 1'000;
inline constexpr uint64_t kAuditPageDefault = 100;
// Of the log, for one page; a page that ends there says where to go on.
inline constexpr uint64_t kAuditExaminedMax = 100'000;
inline constexpr size_t kAuditPageBytes = 4u << 20;

Result<OperationAnswer> search_audit(const OperationRequest& request);
Result<OperationAnswer> export_audit(const OperationRequest& request);
Result<OperationAnswer> get_audit_checkpoint(const OperationRequest& request);
Result<OperationAnswer> prove_audit_entry(const OperationRequest& request);
Result<OperationAnswer> search_platform_audit(const OperationRequest& request);
Result<OperationAnswer> export_platform_audit(const OperationRequest& request);
Result<OperationAnswer> prove_platform_audit_entry(const OperationRequest& request);

}  // namespace insula::rest
