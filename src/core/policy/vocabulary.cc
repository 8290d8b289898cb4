#include "core/policy/vocabulary.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/nearest.h"
#include "core/policy/ascii_case.h"

namespace insula::policy {

namespace {

using namespace std::string_view_literals;

constexpr std::array kTablesVerbs{
    "Write"sv,       "Search"sv,       "Aggregate"sv,      "CreateSource"sv,
    "ListSources"sv, "DeleteSource"sv, "GetSourceStats"sv, "GetTenantStats"sv,
};

// What is administered within a tenant.
constexpr std::array kTenantVerbs{
    "GetTenant"sv,
    "UpdateTenant"sv,
    "RemoveTenant"sv,
    "TransferOwnership"sv,
    "CreateUser"sv,
    "ListUsers"sv,
    "GetUser"sv,
    "UpdateUser"sv,
    "DeleteUser"sv,
    "SetPassword"sv,
    "CreateServiceAccount"sv,
    "ListServiceAccounts"sv,
    "GetServiceAccount"sv,
    "UpdateServiceAccount"sv,
    "DeleteServiceAccount"sv,
    "CreateKey"sv,
    "ListKeys"sv,
    "GetKey"sv,
    "RotateKey"sv,
    "RevokeKey"sv,
    "IssueToken"sv,
    "RevokeToken"sv,
    "PutRole"sv,
    "ListRoles"sv,
    "GetRole"sv,
    "DeleteRole"sv,
    "AssignRole"sv,
    "UnassignRole"sv,
    "PutPolicy"sv,
    "ListPolicies"sv,
    "GetPolicy"sv,
    "DeletePolicy"sv,
    "AttachPolicy"sv,
    "DetachPolicy"sv,
    "SimulatePolicy"sv,
    "GetQuota"sv,
    "CheckQuota"sv,
    "GetUsage"sv,
    "GetCosts"sv,
    "GetMetrics"sv,
    "SearchAudit"sv,
    "ExportAudit"sv,
    "VerifyAudit"sv,
    "GetCors"sv,
    "PutCors"sv,
    "RotateEncryptionKey"sv,
    "GrantPlatformAccess"sv,
    "ListPlatformAccess"sv,
    "RevokePlatformAccess"sv,
};

// What is administered beside and above tenants; no role of a tenant has it.
constexpr std::array kNodeVerbs{
    "GetHealth"sv,           "GetMetrics"sv,       "GetHeapProfile"sv, "GetLogLevel"sv,
    "SetLogLevel"sv,         "CreateTenant"sv,     "ListTenants"sv,    "GetTenant"sv,
    "UpdateTenant"sv,        "SetQuota"sv,         "SuspendTenant"sv,  "ResumeTenant"sv,
    "RenameTenant"sv,        "RemoveTenant"sv,     "GetUsage"sv,       "SearchAudit"sv,
    "ExportAudit"sv,         "VerifyAudit"sv,      "RotateRootKey"sv,  "ReloadCertificates"sv,
    "RequestTenantAccess"sv, "ResetTenantOwner"sv, "CheckQuota"sv,     "PutPlan"sv,
    "ListPlans"sv,           "DeletePlan"sv,
};

constexpr std::array kServices{
    Service{"tables", "insula", kTablesVerbs}, Service{"s3", "aws", {}},
    Service{"graphs", "insula", {}},           Service{"relational", "insula", {}},
    Service{"tenant", "insula", kTenantVerbs}, Service{"node", "insula", kNodeVerbs},
};
static_assert(kServices.size() <= kServicesMax);

// Those of AWS that no request here has are known all the same, so that policies from there can be
// read; a condition on them finds the key missing.
constexpr std::array kKeys{
    KeyInfo{"aws:CurrentTime", Key::current_time},
    KeyInfo{"aws:EpochTime", Key::epoch_time},
    KeyInfo{"aws:SecureTransport", Key::secure_transport},
    KeyInfo{"aws:SourceIp", Key::source_ip},
    KeyInfo{"aws:UserAgent", Key::user_agent},
    KeyInfo{"aws:Referer", Key::referer},
    KeyInfo{"aws:username", Key::username},
    KeyInfo{"aws:userid", Key::userid},
    KeyInfo{"aws:PrincipalType", Key::principal_type},
    KeyInfo{"aws:PrincipalArn", Key::principal_arn},
    KeyInfo{"aws:PrincipalTag/", Key::principal_tag},
    KeyInfo{"aws:RequestTag/", Key::request_tag},
    KeyInfo{"aws:ResourceTag/", Key::resource_tag},
    KeyInfo{"aws:TagKeys", Key::tag_keys, true},
    KeyInfo{"aws:TokenIssueTime", Key::token_issue_time},
    KeyInfo{"aws:MultiFactorAuthPresent", Key::multi_factor_auth_present},
    KeyInfo{"aws:MultiFactorAuthAge", Key::multi_factor_auth_age},
    KeyInfo{"aws:SourceArn", Key::source_arn},
    KeyInfo{"aws:SourceAccount", Key::source_account},
    KeyInfo{"aws:SourceVpc", Key::source_vpc},
    KeyInfo{"aws:SourceVpce", Key::source_vpce},
    KeyInfo{"aws:VpcSourceIp", Key::vpc_source_ip},
    KeyInfo{"aws:RequestedRegion", Key::requested_region},
    KeyInfo{"aws:PrincipalAccount", Key::principal_account},
    KeyInfo{"aws:PrincipalOrgID", Key::principal_org_id},
    KeyInfo{"aws:ViaAWSService", Key::via_aws_service},
    KeyInfo{"aws:CalledVia", Key::called_via, true},
    KeyInfo{"insula:TenantId", Key::tenant_id},
    KeyInfo{"insula:TenantSlug", Key::tenant_slug},
    KeyInfo{"insula:RequestId", Key::request_id},
    KeyInfo{"insula:CredentialKind", Key::credential_kind},
    KeyInfo{"s3:prefix", Key::prefix},
    KeyInfo{"s3:delimiter", Key::delimiter},
    KeyInfo{"s3:max-keys", Key::max_keys},
    KeyInfo{"s3:VersionId", Key::version_id},
    KeyInfo{"s3:authType", Key::authentication_type},
    KeyInfo{"s3:signatureAge", Key::signature_age},
    KeyInfo{"s3:signatureversion", Key::signature_version},
    KeyInfo{"s3:LocationConstraint", Key::location_constraint},
    KeyInfo{"s3:x-amz-acl", Key::acl},
    KeyInfo{"s3:x-amz-copy-source", Key::copy_source},
    KeyInfo{"s3:x-amz-storage-class", Key::storage_class},
    KeyInfo{"s3:x-amz-content-sha256", Key::content_sha256},
    KeyInfo{"s3:x-amz-server-side-encryption", Key::server_side_encryption},
    KeyInfo{"s3:object-lock-mode", Key::object_lock_mode},
    KeyInfo{"s3:object-lock-retain-until-date", Key::object_lock_retain_until},
    KeyInfo{"s3:object-lock-remaining-retention-days", Key::object_lock_remaining_days},
    KeyInfo{"s3:object-lock-legal-hold", Key::object_lock_legal_hold},
    KeyInfo{"s3:ExistingObjectTag/", Key::existing_object_tag},
    KeyInfo{"s3:RequestObjectTag/", Key::request_object_tag},
    KeyInfo{"s3:RequestObjectTagKeys", Key::request_object_tag_keys, true},
};

constexpr bool keys_follow_the_enumeration() {
    for (size_t i = 0; i < kKeys.size(); ++i) {
        if (static_cast<size_t>(kKeys[i].key) != i) return false;
    }
    return kKeys.size() == kKeyCount;
}
static_assert(keys_follow_the_enumeration());

}  // namespace

std::span<const Service> services() { return kServices; }

std::optional<size_t> find_service(std::string_view name) {
    for (size_t i = 0; i < kServices.size(); ++i) {
        if (equal_ignoring_case(kServices[i].name, name)) return i;
    }
    return std::nullopt;
}

bool is_action(std::string_view action) {
    const size_t colon = action.find(':');
    if (colon == std::string_view::npos) return false;
    const auto service = find_service(action.substr(0, colon));
    if (!service) return false;
    const std::string_view verb = action.substr(colon + 1);
    const auto verbs = kServices[*service].verbs;
    return verbs.empty() ? !verb.empty() : std::ranges::any_of(verbs, [&](std::string_view known) {
        return equal_ignoring_case(known, verb);
    });
}

std::span<const KeyInfo> condition_keys() { return kKeys; }

const KeyInfo& key_info(Key key) { return kKeys[static_cast<size_t>(key)]; }

std::optional<KeyName> find_key(std::string_view name) {
    for (const KeyInfo& info : kKeys) {
        if (!info.family()) {
            if (equal_ignoring_case(info.name, name)) return KeyName{.key = info.key, .tag = {}};
        } else if (name.size() > info.name.size() &&
                   name.size() <= info.name.size() + kTagBytesMax &&
                   equal_ignoring_case(info.name, name.substr(0, info.name.size()))) {
            return KeyName{.key = info.key, .tag = lowered(name.substr(info.name.size()))};
        }
    }
    return std::nullopt;
}

std::string key_hint(std::string_view name) {
    const std::string_view service = name.substr(0, name.find(':') + 1);
    std::vector<std::string_view> all;
    std::vector<std::string_view> same;
    for (const KeyInfo& info : kKeys) {
        all.push_back(info.name);
        const std::string_view start = info.name.substr(0, service.size());
        if (!service.empty() && equal_ignoring_case(start, service)) same.push_back(info.name);
    }
    std::string nearest = did_you_mean(name, all);
    if (!nearest.empty()) return nearest;
    if (same.empty()) return "Keys begin with \"aws:\", \"s3:\" or \"insula:\".";
    return "Keys: " + joined(same) + ".";
}

}  // namespace insula::policy
