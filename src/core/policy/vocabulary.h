// The words of the policy language: services with their actions, and condition keys. One table
// each, in vocabulary.cc: a new service, action or key is one line there. Pure functions over
// constants, thread-safe.
//
// Words are never taken back: a stored policy that names one must be readable by later versions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace insula::policy {

// A part of the action namespace "service:Verb", and of the resources
// "arn:<partition>:<service>:::<path>".
struct Service {
    std::string_view name;       // "tables"
    std::string_view partition;  // "insula"; "aws" where other systems' ARNs must work unchanged
    // "Write", …; empty for a service that takes any verb, as those of AWS and those whose
    // operations are not there yet.
    std::span<const std::string_view> verbs;
};

inline constexpr size_t kServicesMax = 32;  // resource patterns hold a bit for each

std::span<const Service> services();
// Its place in services(), whatever the case of its letters.
std::optional<size_t> find_service(std::string_view name);
// "tables:Write" is one; "tables:Wrote" is not; "s3:AnyThing" is, as s3 takes any verb.
bool is_action(std::string_view action);

// Every condition key that a policy may name. In the order of the table in vocabulary.cc.
enum class Key : uint8_t {
    current_time,
    epoch_time,
    secure_transport,
    source_ip,
    user_agent,
    referer,
    username,
    userid,
    principal_type,
    principal_arn,
    principal_tag,  // a family: aws:PrincipalTag/<name>
    request_tag,
    resource_tag,
    tag_keys,
    token_issue_time,
    multi_factor_auth_present,
    multi_factor_auth_age,
    source_arn,
    source_account,
    source_vpc,
    source_vpce,
    vpc_source_ip,
    requested_region,
    principal_account,
    principal_org_id,
    via_aws_service,
    called_via,
    tenant_id,
    tenant_slug,
    request_id,
    credential_kind,
    prefix,
    delimiter,
    max_keys,
    version_id,
    authentication_type,
    signature_age,
    signature_version,
    location_constraint,
    acl,
    copy_source,
    storage_class,
    content_sha256,
    server_side_encryption,
    object_lock_mode,
    object_lock_retain_until,
    object_lock_remaining_days,
    object_lock_legal_hold,
    existing_object_tag,
    request_object_tag,
    request_object_tag_keys,
};

struct KeyInfo {
    std::string_view name;  // "aws:SourceIp"; a family's ends with '/'
    Key key;
    bool multivalued = false;  // needs ForAllValues: or ForAnyValue:
    bool family() const { return name.ends_with('/'); }
};

std::span<const KeyInfo> condition_keys();
inline constexpr size_t kKeyCount = static_cast<size_t>(Key::request_object_tag_keys) + 1;
const KeyInfo& key_info(Key key);

// A key as a policy names it. Key names have no case, as with AWS.
struct KeyName {
    Key key{};
    std::string tag;  // of a family, what follows the '/', in lower case; else empty
    bool operator==(const KeyName&) const = default;
};
inline constexpr size_t kTagBytesMax = 512;  // of a tag's name: AWS's 128 characters

// Nothing for an unknown one, and for a family without a tag or with too long a one.
std::optional<KeyName> find_key(std::string_view name);
// For who named an unknown one: "Did you mean \"aws:SourceIp\"?", or all of the same service.
std::string key_hint(std::string_view name);

}  // namespace insula::policy
