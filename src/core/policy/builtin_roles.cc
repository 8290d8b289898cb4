#include "core/policy/builtin_roles.h"

#include <algorithm>
#include <array>

namespace insula::policy {

namespace {

// No role of a tenant has an action of `node`: those are the platform's.
constexpr std::array kRoles{
    BuiltinRole{"owner", "everything in the tenant", R"({
  "Version": "2012-10-17",
  "Id": "owner",
  "Statement": [
    {
      "Sid": "Everything",
      "Effect": "Allow",
      "Action": ["tables:*", "s3:*", "graphs:*", "relational:*", "tenant:*"],
      "Resource": "*"
    }
  ]
})"},
    BuiltinRole{"admin", "everything but to give the tenant away or to remove it", R"({
  "Version": "2012-10-17",
  "Id": "admin",
  "Statement": [
    {
      "Sid": "EverythingButTheTenantItself",
      "Effect": "Allow",
      "NotAction": ["tenant:TransferOwnership", "tenant:RemoveTenant", "node:*"],
      "Resource": "*"
    }
  ]
})"},
    BuiltinRole{"writer", "reads and writes data", R"({
  "Version": "2012-10-17",
  "Id": "writer",
  "Statement": [
    {
      "Sid": "ReadTables",
      "Effect": "Allow",
      "Action": ["tables:Search", "tables:Aggregate", "tables:Get*", "tables:List*"],
      "Resource": "*"
    },
    {
      "Sid": "WriteTables",
      "Effect": "Allow",
      "Action": ["tables:Write", "tables:CreateSource"],
      "Resource": "source/*"
    },
    {
      "Sid": "ReadObjects",
      "Effect": "Allow",
      "Action": ["s3:GetObject*", "s3:GetBucketLocation", "s3:ListAllMyBuckets", "s3:ListBucket*",
                 "s3:ListMultipartUploadParts"],
      "Resource": "*"
    },
    {
      "Sid": "WriteObjects",
      "Effect": "Allow",
      "Action": ["s3:PutObject", "s3:PutObjectTagging", "s3:DeleteObject",
                 "s3:DeleteObjectTagging", "s3:AbortMultipartUpload"],
      "Resource": "arn:aws:s3:::*"
    },
    {
      "Sid": "GraphsAndRows",
      "Effect": "Allow",
      "Action": ["graphs:Get*", "graphs:List*", "graphs:Search*", "graphs:Traverse*",
                 "graphs:Write*", "relational:Get*", "relational:List*", "relational:Select*",
                 "relational:Insert*", "relational:Update*", "relational:Delete*"],
      "Resource": "*"
    },
    {
      "Sid": "Limits",
      "Effect": "Allow",
      "Action": ["tenant:GetQuota", "tenant:CheckQuota"],
      "Resource": "*"
    }
  ]
})"},
    BuiltinRole{"reader", "reads data and statistics", R"({
  "Version": "2012-10-17",
  "Id": "reader",
  "Statement": [
    {
      "Sid": "ReadTables",
      "Effect": "Allow",
      "Action": ["tables:Search", "tables:Aggregate", "tables:Get*", "tables:List*"],
      "Resource": "*"
    },
    {
      "Sid": "ReadObjects",
      "Effect": "Allow",
      "Action": ["s3:GetObject*", "s3:GetBucketLocation", "s3:ListAllMyBuckets", "s3:ListBucket*",
                 "s3:ListMultipartUploadParts"],
      "Resource": "*"
    },
    {
      "Sid": "GraphsAndRows",
      "Effect": "Allow",
      "Action": ["graphs:Get*", "graphs:List*", "graphs:Search*", "graphs:Traverse*",
                 "relational:Get*", "relational:List*", "relational:Select*"],
      "Resource": "*"
    },
    {
      "Sid": "Limits",
      "Effect": "Allow",
      "Action": ["tenant:GetQuota", "tenant:CheckQuota"],
      "Resource": "*"
    }
  ]
})"},
    BuiltinRole{"auditor", "searches, exports and verifies the audit log, and sees usage; no data",
                R"({
  "Version": "2012-10-17",
  "Id": "auditor",
  "Statement": [
    {
      "Sid": "Audit",
      "Effect": "Allow",
      "Action": ["tenant:SearchAudit", "tenant:ExportAudit", "tenant:VerifyAudit"],
      "Resource": "*"
    },
    {
      "Sid": "Usage",
      "Effect": "Allow",
      "Action": ["tenant:GetUsage", "tenant:GetCosts", "tenant:GetQuota"],
      "Resource": "*"
    }
  ]
})"},
};

}  // namespace

std::span<const BuiltinRole> builtin_roles() { return kRoles; }

const BuiltinRole* find_builtin_role(std::string_view name) {
    const auto* found = std::ranges::find(kRoles, name, &BuiltinRole::name);
    return found == kRoles.end() ? nullptr : found;
}

Result<Policy> parse_role(const BuiltinRole& role) {
    return Policy::parse(role.text, PolicyKind::identity);
}

}  // namespace insula::policy
