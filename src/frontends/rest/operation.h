// Operations of administration: functions from a request to an answer, which run on a worker. What
// they have in common (who asks, whether he may, reading the body, answering, logging) is done by
// RestApi::administrate().
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "core/audit/audit_trail.h"
#include "core/tenancy/administration.h"
#include "platform/json/json_value.h"
#include "platform/net/http.h"
#include "stores/tables/table_store.h"

namespace insula::rest {

inline constexpr uint64_t kAdministrationBodyBytesMax = 64u << 10;
inline constexpr size_t kBodyTextBytesMax = 4096;

struct OperationRequest {
    tenancy::Administration& administration;
    tables::TableStore& tables;
    tenancy::Meters& meters;
    audit::AuditTrail& audit;
    const tenancy::Actor& actor;
    const net::RequestHead& head;
    std::span<const std::string> arguments;  // of the path
    std::string_view body;                   // as it was sent; empty where the method has none
    Deadline deadline;
};

struct OperationAnswer {
    int status = 200;
    std::string body;  // JSON
};

using Operation = Result<OperationAnswer> (*)(const OperationRequest& request);

// A body as an object, every key of which has to be known: invalid_argument `unknown_key` names
// the nearest. An empty body is an empty object.
class BodyFields {
  public:
    static Result<BodyFields> read(std::string_view body, std::span<const std::string_view> known);

    // Absent where the body does not have the key; invalid_argument `invalid_request` where it is
    // of another type.
    Result<std::optional<std::string>> text(std::string_view name) const;
    Result<std::optional<std::vector<std::string>>> texts(std::string_view name,
                                                          size_t items_max) const;
    Result<std::optional<bool>> boolean(std::string_view name) const;
    Result<std::optional<uint64_t>> whole_number(std::string_view name, uint64_t max) const;
    // An object of texts: {"aws:SourceIp": "10.0.0.7"}; a key with several values has a list.
    using TextPairs = std::vector<std::pair<std::string, std::string>>;
    Result<TextPairs> text_pairs(std::string_view name, size_t items_max) const;
    // A value as JSON, whatever it is.
    std::optional<std::string> document(std::string_view name) const;
    // Limits by name: {"rows": 1000, "sources": null}. invalid_argument `unknown_key` and
    // `invalid_limit`.
    Result<std::vector<tenancy::LimitChange>> limits(std::string_view name) const;
    // invalid_argument `invalid_request` where it is not there.
    Result<std::string> required_text(std::string_view name) const;

  private:
    explicit BodyFields(json::JsonValue value) : value_(std::move(value)) {}
    const json::JsonMember* find(std::string_view name) const;

    json::JsonValue value_;
};

// The member that the body names by "user" or "service_account"; who asks, where it names nobody.
struct NamedMember {
    tenancy::MemberKind kind = tenancy::MemberKind::user;
    std::string name;
};
Result<NamedMember> read_member(const OperationRequest& request, const BodyFields& fields,
                                std::string_view what);

// An answer of one value, written by `write(writer)`.
template <class Write>
OperationAnswer answer_with(Write write, int status = 200) {
    OperationAnswer answer{.status = status, .body = {}};
    json::JsonWriter writer(answer.body);
    write(writer);
    writer.newline();
    writer.finish();
    return answer;
}
void write_texts(json::JsonWriter& writer, std::string_view name,
                 const std::vector<std::string>& texts);
// An object of those that there are.
void write_limits(json::JsonWriter& writer, std::string_view name, const tenancy::Limits& limits);

Result<OperationAnswer> add_tenant(const OperationRequest& request);
Result<OperationAnswer> list_tenants(const OperationRequest& request);
Result<OperationAnswer> get_tenant(const OperationRequest& request);
Result<OperationAnswer> get_own_tenant(const OperationRequest& request);
Result<OperationAnswer> update_tenant(const OperationRequest& request);
Result<OperationAnswer> suspend_tenant(const OperationRequest& request);
Result<OperationAnswer> resume_tenant(const OperationRequest& request);
Result<OperationAnswer> remove_tenant(const OperationRequest& request);
Result<OperationAnswer> reset_tenant_owner(const OperationRequest& request);
Result<OperationAnswer> add_grant(const OperationRequest& request);
Result<OperationAnswer> list_grants(const OperationRequest& request);
Result<OperationAnswer> remove_grant(const OperationRequest& request);

Result<OperationAnswer> get_tenant_usage(const OperationRequest& request);
Result<OperationAnswer> get_own_usage(const OperationRequest& request);
Result<OperationAnswer> check_tenant_quota(const OperationRequest& request);
Result<OperationAnswer> check_own_quota(const OperationRequest& request);
Result<OperationAnswer> put_plan(const OperationRequest& request);
Result<OperationAnswer> list_plans(const OperationRequest& request);
Result<OperationAnswer> remove_plan(const OperationRequest& request);

Result<OperationAnswer> add_user(const OperationRequest& request);
Result<OperationAnswer> list_users(const OperationRequest& request);
Result<OperationAnswer> get_user(const OperationRequest& request);
Result<OperationAnswer> update_user(const OperationRequest& request);
Result<OperationAnswer> set_password(const OperationRequest& request);
Result<OperationAnswer> remove_user(const OperationRequest& request);
Result<OperationAnswer> add_service_account(const OperationRequest& request);
Result<OperationAnswer> list_service_accounts(const OperationRequest& request);
Result<OperationAnswer> get_service_account(const OperationRequest& request);
Result<OperationAnswer> update_service_account(const OperationRequest& request);
Result<OperationAnswer> remove_service_account(const OperationRequest& request);

Result<OperationAnswer> add_key(const OperationRequest& request);
Result<OperationAnswer> list_keys(const OperationRequest& request);
Result<OperationAnswer> get_key(const OperationRequest& request);
Result<OperationAnswer> rotate_key(const OperationRequest& request);
Result<OperationAnswer> remove_key(const OperationRequest& request);

Result<OperationAnswer> issue_token(const OperationRequest& request);
Result<OperationAnswer> revoke_tokens(const OperationRequest& request);

Result<OperationAnswer> simulate_policy(const OperationRequest& request);
Result<OperationAnswer> put_policy(const OperationRequest& request);
Result<OperationAnswer> list_policies(const OperationRequest& request);
Result<OperationAnswer> get_policy(const OperationRequest& request);
Result<OperationAnswer> remove_policy(const OperationRequest& request);
Result<OperationAnswer> put_role(const OperationRequest& request);
Result<OperationAnswer> list_roles(const OperationRequest& request);
Result<OperationAnswer> remove_role(const OperationRequest& request);

}  // namespace insula::rest
