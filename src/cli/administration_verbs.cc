#include "cli/administration_verbs.h"

#include <array>

namespace insula::cli {

namespace {

using enum net::Method;
using enum OptionKind;

constexpr std::array kAddTenant{
    VerbOption{"--name", "name", text, "a name for people"},
    VerbOption{"--id", "id", text, "its id, a UUID; made by the server otherwise"},
    VerbOption{"--owner", "owner", text, "the user that is added as its owner (owner)"},
    VerbOption{"--plan", "plan", text, "the plan whose limits it has"},
    VerbOption{"--limit", "limits", limits, "a limit of its own; may be repeated"}};
constexpr std::array kUpdateTenant{
    VerbOption{"--slug", "slug", text, "another short name"},
    VerbOption{"--name", "name", text, "a name for people"},
    VerbOption{"--plan", "plan", text, "the plan whose limits it has; empty: none"},
    VerbOption{"--limit", "limits", limits, "a limit of its own, or NAME=none; may be repeated"}};
constexpr std::array kQuota{VerbOption{"--bytes", "bytes", number, "bytes more"},
                            VerbOption{"--rows", "rows", number, "rows more"},
                            VerbOption{"--sources", "sources", number, "sources more"}};
constexpr std::array kPlanOptions{
    VerbOption{"--description", "description", text, "a text for people"},
    VerbOption{"--limit", "limits", limits, "may be repeated"}};
constexpr std::array kPlanVerbs{
    Verb{"put", "add", "Add or replace a plan", put, "/v1/plans/{}", "NAME", "", kPlanOptions, "",
         "  insula plan put gold --limit requests_per_second=5000 --limit storage_bytes=1TiB"},
    Verb{"list", "", "List plans", get, "/v1/plans", "", "", {}, "plans", "  insula plan list"},
    Verb{"remove",
         "delete",
         "Remove a plan that no tenant is on",
         delete_,
         "/v1/plans/{}",
         "NAME",
         "",
         {},
         "",
         "  insula plan remove gold"}};
constexpr std::array kTenantVerbs{
    Verb{"add", "create", "Add a tenant, and show its owner's key once", post, "/v1/tenants",
         "SLUG", "slug", kAddTenant, "",
         "  insula tenant add acme-corp --name 'Acme Corp'\n"
         "  insula tenant add acme-corp --output json | jq -r .owner.secret"},
    Verb{"list",
         "",
         "List tenants",
         get,
         "/v1/tenants",
         "",
         "",
         {},
         "tenants",
         "  insula tenant list"},
    Verb{"show",
         "",
         "Show a tenant",
         get,
         "/v1/tenants/{}",
         "TENANT",
         "",
         {},
         "",
         "  insula tenant show acme-corp"},
    Verb{"update", "rename", "Change a tenant's names, plan and limits", patch, "/v1/tenants/{}",
         "TENANT", "", kUpdateTenant, "",
         "  insula tenant update acme-corp --name 'Acme Inc.'\n"
         "  insula tenant update acme-corp --plan gold --limit rows=1000000"},
    Verb{"usage",
         "metrics",
         "Show what a tenant uses and may use",
         get,
         "/v1/tenants/{}/usage",
         "TENANT",
         "",
         {},
         "",
         "  insula tenant usage acme-corp"},
    Verb{"check-quota", "", "Ask whether a tenant could store so much more", post,
         "/v1/tenants/{}/check-quota", "TENANT", "", kQuota, "",
         "  insula tenant check-quota acme-corp --bytes 1000000000"},
    Verb{"suspend",
         "",
         "Let nobody act for a tenant; its data is kept",
         post,
         "/v1/tenants/{}/suspend",
         "TENANT",
         "",
         {},
         "",
         "  insula tenant suspend acme-corp"},
    Verb{"resume",
         "",
         "End a tenant's suspension",
         post,
         "/v1/tenants/{}/resume",
         "TENANT",
         "",
         {},
         "",
         "  insula tenant resume acme-corp"},
    Verb{"reset-owner",
         "",
         "Make another key for the user `owner`, in the place of those it has",
         post,
         "/v1/tenants/{}/reset-owner",
         "TENANT",
         "",
         {},
         "",
         "  insula tenant reset-owner acme-corp"},
    Verb{"remove",
         "delete",
         "Remove a tenant, its members, keys and data, for good",
         delete_,
         "/v1/tenants/{}",
         "TENANT",
         "",
         {},
         "",
         "  insula tenant remove acme-corp"}};

constexpr std::array kMember{
    VerbOption{"--role", "roles", texts, "owner, admin, writer, reader, auditor, or the tenant's"},
    VerbOption{"--policy", "policies", texts, "a policy of the tenant"},
    VerbOption{"--display-name", "display_name", text, "a name for people"},
    VerbOption{"--email", "email", text, "an e-mail address"},
    VerbOption{"--disabled", "disabled", flag, "its keys open nothing"}};
constexpr std::array kPassword{VerbOption{"--password-file", "password", secret,
                                          "a file that holds it; - reads it from standard input",
                                          true}};
constexpr std::array kUserVerbs{
    Verb{"set-password", "", "Set a user's password, with which people log in", put,
         "/v1/users/{}/password", "NAME", "", kPassword, "",
         "  insula user set-password ann --password-file - < password.txt"},
    Verb{"add", "create", "Add a user", post, "/v1/users", "NAME", "name", kMember, "",
         "  insula user add ann --role writer\n  insula key add --user ann"},
    Verb{"list", "", "List users", get, "/v1/users", "", "", {}, "users", "  insula user list"},
    Verb{"show",
         "",
         "Show a user",
         get,
         "/v1/users/{}",
         "NAME",
         "",
         {},
         "",
         "  insula user show ann"},
    Verb{"update", "", "Change a user; roles and policies replace those it has", patch,
         "/v1/users/{}", "NAME", "", kMember, "", "  insula user update ann --role reader"},
    Verb{"remove",
         "delete",
         "Remove a user and its keys",
         delete_,
         "/v1/users/{}",
         "NAME",
         "",
         {},
         "",
         "  insula user remove ann"}};
constexpr std::array kServiceAccountVerbs{
    Verb{"add", "create", "Add a service account", post, "/v1/service-accounts", "NAME", "name",
         kMember, "", "  insula service-account add loader --role writer"},
    Verb{"list",
         "",
         "List service accounts",
         get,
         "/v1/service-accounts",
         "",
         "",
         {},
         "service_accounts",
         "  insula service-account list"},
    Verb{"show",
         "",
         "Show a service account",
         get,
         "/v1/service-accounts/{}",
         "NAME",
         "",
         {},
         "",
         "  insula service-account show loader"},
    Verb{"update", "", "Change a service account; roles and policies replace those it has", patch,
         "/v1/service-accounts/{}", "NAME", "", kMember, "",
         "  insula service-account update loader --disabled"},
    Verb{"remove",
         "delete",
         "Remove a service account and its keys",
         delete_,
         "/v1/service-accounts/{}",
         "NAME",
         "",
         {},
         "",
         "  insula service-account remove loader"}};

constexpr std::array kAddKey{
    VerbOption{"--user", "user", text, "whose it is; without one, yours"},
    VerbOption{"--service-account", "service_account", text, "whose it is"},
    VerbOption{"--label", "label", text, "what it is for"},
    VerbOption{"--expires-at", "expires_at", text, "2027-01-31T00:00:00Z; without, never"}};
constexpr std::array kRotateKey{
    VerbOption{"--overlap-seconds", "overlap_seconds", number, "how long the old one goes on (0)"}};
constexpr std::array kKeyVerbs{
    Verb{"add", "create", "Make a key, and show it once", post, "/v1/keys", "", "", kAddKey, "",
         "  insula key add --user ann --label laptop\n"
         "  insula key add --service-account loader --output json | jq -r .secret"},
    Verb{"list",
         "",
         "List keys, without what is secret",
         get,
         "/v1/keys",
         "",
         "",
         {},
         "keys",
         "  insula key list"},
    Verb{"show",
         "",
         "Show a key, without what is secret",
         get,
         "/v1/keys/{}",
         "ID",
         "",
         {},
         "",
         "  insula key show key_0123456789ab"},
    Verb{"rotate", "", "Make another key in the place of one, and show it once", post,
         "/v1/keys/{}/rotate", "ID", "", kRotateKey, "",
         "  insula key rotate key_0123456789ab --overlap-seconds 3600"},
    Verb{"remove",
         "delete",
         "End a key",
         delete_,
         "/v1/keys/{}",
         "ID",
         "",
         {},
         "",
         "  insula key remove key_0123456789ab"}};

constexpr std::array kRole{VerbOption{"--policy", "policies", texts, "a policy of the tenant"},
                           VerbOption{"--description", "description", text, "what it is for"}};
constexpr std::array kRoleVerbs{
    Verb{"add", "update", "Add a role, or replace one", put, "/v1/roles/{}", "NAME", "", kRole, "",
         "  insula role add clerk --policy orders"},
    Verb{"list",
         "",
         "List roles, built-in ones too",
         get,
         "/v1/roles",
         "",
         "",
         {},
         "roles",
         "  insula role list"},
    Verb{"remove",
         "delete",
         "Remove a role",
         delete_,
         "/v1/roles/{}",
         "NAME",
         "",
         {},
         "",
         "  insula role remove clerk"}};

constexpr std::array kPolicy{VerbOption{"--file", "", document,
                                        "the policy, in the AWS IAM JSON language; - reads it "
                                        "from standard input",
                                        true}};
constexpr std::array kSimulate{
    VerbOption{"--action", "action", text, "as in tables:Write", true},
    VerbOption{"--resource", "resource", text, "as in source/orders", true},
    VerbOption{"--user", "user", text, "who asks (the caller)"},
    VerbOption{"--service-account", "service_account", text, "who asks"},
    VerbOption{"--context", "context", pairs, "a condition key's value; may be repeated"},
    VerbOption{"--policy-file", "policy", file, "a policy that is not stored, to try it"}};
constexpr std::array kPolicyVerbs{
    Verb{"simulate", "", "Show what would become of a request, and which statement decides", post,
         "/v1/policies/simulate", "", "", kSimulate, "",
         "  insula policy simulate --user ann --action tables:Write --resource source/orders\n"
         "  insula policy simulate --action tables:Search --resource source/orders \\\n"
         "      --context aws:SourceIp=10.0.0.7 --policy-file orders.json"},
    Verb{"add", "update", "Add a policy, or replace one", put, "/v1/policies/{}", "NAME", "",
         kPolicy, "", "  insula policy add orders --file orders.json"},
    Verb{"list",
         "",
         "List policies",
         get,
         "/v1/policies",
         "",
         "",
         {},
         "policies",
         "  insula policy list"},
    Verb{"show",
         "",
         "Show a policy",
         get,
         "/v1/policies/{}",
         "NAME",
         "",
         {},
         "",
         "  insula policy show orders --output json"},
    Verb{"remove",
         "delete",
         "Remove a policy; members and roles lose it",
         delete_,
         "/v1/policies/{}",
         "NAME",
         "",
         {},
         "",
         "  insula policy remove orders"}};

constexpr std::array kGrant{
    VerbOption{"--role", "role", text, "what the administrator may do: a built-in role", true},
    VerbOption{"--reason", "reason", text, "why; the tenant reads it", true},
    VerbOption{"--expires-in-seconds", "expires_in_seconds", number, "at most a day (3600)"}};
constexpr std::array kGrantVerbs{
    Verb{"add", "create", "Let yourself act in a tenant, as an administrator of the platform", post,
         "/v1/tenants/{}/grants", "TENANT", "", kGrant, "",
         "  insula grant add acme-corp --role reader --reason 'support case 7'\n"
         "  insula search orders --tenant acme-corp"},
    Verb{"list",
         "",
         "List who was let into the tenant",
         get,
         "/v1/grants",
         "",
         "",
         {},
         "grants",
         "  insula grant list"},
    Verb{"remove",
         "delete",
         "End a grant",
         delete_,
         "/v1/grants/{}",
         "ID",
         "",
         {},
         "",
         "  insula grant remove grant_0123456789ab"}};

constexpr std::array kIssue{
    VerbOption{"--user", "user", text, "whose token it is (the caller's)"},
    VerbOption{"--service-account", "service_account", text, "whose token it is"},
    VerbOption{"--scope", "scopes", texts, "read, write, admin, audit: it may do no more"},
    VerbOption{"--expires-in-seconds", "expires_in_seconds", number, "at most a day (3600)"}};
constexpr std::array kRevoke{
    VerbOption{"--id", "id", text, "one token"},
    VerbOption{"--user", "user", text, "all that were issued to a user"},
    VerbOption{"--service-account", "service_account", text, "all of a service account"},
    VerbOption{"--all", "all", flag, "all of the tenant"}};
constexpr std::array kLogin{
    VerbOption{"--user", "user", text, "who logs in", true},
    VerbOption{"--password-file", "password", secret,
               "a file that holds the password; - reads it from standard input", true},
    VerbOption{"--expires-in-seconds", "expires_in_seconds", number, "at most a day (3600)"}};
constexpr std::array kTokenVerbs{
    Verb{"login", "", "Get a token for a password", post, "/v1/login", "TENANT", "tenant", kLogin,
         "",
         "  export INSULA_API_KEY=$(insula token login acme-corp --user ann --password-file - \\\n"
         "      --output json < password.txt | jq -r .token)"},
    Verb{"issue", "add", "Issue a token, and show it once", post, "/v1/tokens", "", "", kIssue, "",
         "  insula token issue --scope read --expires-in-seconds 600\n"
         "  insula token issue --service-account loader --output json | jq -r .token"},
    Verb{"revoke", "remove", "End tokens before their time", post, "/v1/tokens/revoke", "", "",
         kRevoke, "", "  insula token revoke --user ann\n  insula token revoke --all"}};

constexpr std::array kNouns{
    Noun{"plan", "Limits that several tenants have", kPlanVerbs,
         "  insula plan put gold --limit requests_per_second=5000\n"
         "  insula tenant update acme-corp --plan gold"},
    Noun{"tenant", "Add, list, change and remove tenants", kTenantVerbs,
         "  insula tenant add acme-corp\n  insula tenant list"},
    Noun{"user", "Add, list, change and remove a tenant's users", kUserVerbs,
         "  insula user add ann --role writer\n  insula user list"},
    Noun{"service-account", "Add, list, change and remove accounts of programs",
         kServiceAccountVerbs, "  insula service-account add loader --role writer"},
    Noun{"key", "Make, list, rotate and end keys", kKeyVerbs,
         "  insula key add --user ann --label laptop\n  insula key reset --data-dir data"},
    Noun{"token", "Issue and revoke tokens", kTokenVerbs, "  insula token issue --scope read"},
    Noun{"role", "Add, list and remove a tenant's own roles", kRoleVerbs,
         "  insula role add clerk --policy orders\n  insula role list"},
    Noun{"policy", "Add, list, show, try and remove a tenant's policies", kPolicyVerbs,
         "  insula policy add orders --file orders.json"},
    Noun{"grant", "Let administrators of the platform into a tenant", kGrantVerbs,
         "  insula grant add acme-corp --role reader --reason 'support case 7'"}};

}  // namespace

std::span<const Noun> administration_nouns() { return kNouns; }

}  // namespace insula::cli
