"""The cross-tenant matrix: every operation that is declared, with credentials that may not carry it out, on what
is the tenant's own, another tenant's, and nobody's. Generated from /openapi.json: an operation that is not in TARGETS
fails, so that none can be forgotten.

What must hold: whoever may not do it is told so before anything is looked up, and another tenant's thing answers as one
that is not there, but for the request id and the name that was sent.
"""
import base64
import collections
import datetime
import json
import re
import time

import pytest
from spec_tenants import Client, Platform

CASES_MIN = 5000
KEY_SECONDS = 2
EXPIRY_SECONDS_MAX = 5
OPEN = {"/health", "/openapi.json", "/docs", "/v1/login"}
ABSENT_TENANT = "0f0e0d0c-0b0a-4908-8706-050403020100"

# What an operation acts on: the kind of thing its path or body names, and a body that would do.
SEARCH = {"sources": ["{name}"]}
ROW = {"source_id": "{name}", "records": [{"fields": {"n": 1}}]}
COUNT = {"sources": ["{name}"], "aggregations": [{"type": "count", "alias": "n"}]}
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "tables:Write", "Resource": "*"}]}
TARGETS = {
    "GET /health/details": ("", None), "GET /metrics": ("", None), "GET /debug/pprof/heap": ("", None),
    "GET /admin/log-level": ("", None), "PUT /admin/log-level": ("", {"level": "info"}),
    "POST /data/write": ("source", ROW), "POST /data/search": ("source", SEARCH),
    "POST /data/search/stream": ("source", SEARCH), "POST /data/aggregate": ("source", COUNT),
    "POST /sources/add": ("source", {"source_id": "{name}"}), "GET /sources": ("", None),
    "DELETE /sources/{id}": ("source", None), "GET /sources/{id}/stats": ("source", None),
    "GET /tenant/stats": ("", None),
    "POST /v1/tenants": ("tenant", {"slug": "{name}"}), "GET /v1/tenants": ("", None),
    "GET /v1/tenants/{tenant}": ("tenant", None), "PATCH /v1/tenants/{tenant}": ("tenant", {"name": "x"}),
    "DELETE /v1/tenants/{tenant}": ("tenant", None), "POST /v1/tenants/{tenant}/suspend": ("tenant", None),
    "POST /v1/tenants/{tenant}/resume": ("tenant", None), "POST /v1/tenants/{tenant}/reset-owner": ("tenant", None),
    "POST /v1/tenants/{tenant}/grants": ("tenant", {"role": "owner", "reason": "x"}), "GET /v1/tenant": ("", None),
    "GET /v1/tenants/{tenant}/usage": ("tenant", None), "GET /v1/tenant/usage": ("", None),
    "POST /v1/tenants/{tenant}/check-quota": ("tenant", {"rows": 1}), "POST /v1/tenant/check-quota": ("", {"rows": 1}),
    "GET /v1/plans": ("", None), "PUT /v1/plans/{name}": ("plan", {}), "DELETE /v1/plans/{name}": ("plan", None),
    "GET /v1/grants": ("", None), "DELETE /v1/grants/{id}": ("grant", None),
    "POST /v1/users": ("user", {"name": "{name}"}), "GET /v1/users": ("", None),
    "GET /v1/users/{name}": ("user", None), "PATCH /v1/users/{name}": ("user", {"display_name": "x"}),
    "DELETE /v1/users/{name}": ("user", None),
    "PUT /v1/users/{name}/password": ("user", {"password": "long enough"}),
    "POST /v1/service-accounts": ("service_account", {"name": "{name}"}), "GET /v1/service-accounts": ("", None),
    "GET /v1/service-accounts/{name}": ("service_account", None),
    "PATCH /v1/service-accounts/{name}": ("service_account", {"display_name": "x"}),
    "DELETE /v1/service-accounts/{name}": ("service_account", None),
    "POST /v1/keys": ("user", {"user": "{name}"}), "GET /v1/keys": ("", None), "GET /v1/keys/{id}": ("key", None),
    "POST /v1/keys/{id}/rotate": ("key", None), "DELETE /v1/keys/{id}": ("key", None),
    "POST /v1/tokens": ("user", {"user": "{name}"}), "POST /v1/tokens/revoke": ("user", {"user": "{name}"}),
    "POST /v1/policies/simulate": ("user", {"user": "{name}", "action": "tables:Write", "resource": "source/a"}),
    "PUT /v1/policies/{name}": ("policy", POLICY), "GET /v1/policies": ("", None),
    "GET /v1/policies/{name}": ("policy", None), "DELETE /v1/policies/{name}": ("policy", None),
    "PUT /v1/roles/{name}": ("role", {"policies": []}), "GET /v1/roles": ("", None),
    "DELETE /v1/roles/{name}": ("role", None),
    "GET /v1/audit": ("", None), "GET /v1/audit/export": ("", None), "GET /v1/audit/checkpoint": ("", None),
    "GET /v1/audit/proof": ("", None),
    "GET /v1/platform/audit": ("", None), "GET /v1/platform/audit/export": ("", None),
    "GET /v1/platform/audit/checkpoint": ("", None), "GET /v1/platform/audit/proof": ("", None)}
# These make what they name, and so succeed for a name that is another tenant's as for one that nobody has.
MAKES = {"POST /data/write", "POST /sources/add", "POST /v1/users", "POST /v1/service-accounts",
         "PUT /v1/policies/{name}", "PUT /v1/roles/{name}"}

# What a tenant has, all of it.
LISTS = ("/sources", "/sources/source_b/stats", "/v1/users", "/v1/service-accounts", "/v1/keys", "/v1/policies",
         "/v1/roles", "/v1/grants", "/v1/tenant")


def forged(token):
    """The token of another member, with the signature of this one."""
    header, claims, signature = token.split(".")
    text = base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)).replace(b'"user/owner"', b'"user/reader"')
    return ".".join((header, base64.urlsafe_b64encode(text).decode().rstrip("="), signature))


Thing = collections.namedtuple("Thing", "own foreign absent")


class World:
    """Two tenants with one thing of each kind, a suspended one, and credentials of all sorts."""

    def __init__(self):
        self.platform = Platform()
        self.owner = self.platform.add_tenant("tenant-a")
        self.other = self.platform.add_tenant("tenant-b")
        self.things = {"": Thing("", "", ""), "tenant": Thing("tenant-a", "tenant-b", "tenant-zz"),
                       "plan": Thing("plan_a", "plan_b", "plan_z")}
        self._fill()
        self.refused = self._credentials()

    def _fill(self):
        for client, letter in ((self.owner, "a"), (self.other, "b")):
            client.done("POST", "/data/write", {"source_id": f"source_{letter}", "records": [{"fields": {"n": 1}}]})
            client.done("POST", "/v1/users", {"name": f"user_{letter}"})
            client.done("POST", "/v1/service-accounts", {"name": f"account_{letter}"})
            client.done("PUT", f"/v1/policies/policy_{letter}", POLICY)
            client.done("PUT", f"/v1/roles/role_{letter}", {"policies": []})
        for kind, name in (("source", "source"), ("user", "user"), ("service_account", "account"),
                           ("policy", "policy"), ("role", "role")):
            self.things[kind] = Thing(f"{name}_a", f"{name}_b", f"{name}_z")
        keys = [client.done("POST", "/v1/keys", {"user": f"user_{letter}"})["key"]["id"]
                for client, letter in ((self.owner, "a"), (self.other, "b"))]
        self.things["key"] = Thing(*keys, "key_000000000000")
        grants = [self.platform.administrator.done("POST", f"/v1/tenants/{tenant}/grants",
                                                   {"role": "auditor", "reason": "a test"})["id"]
                  for tenant in ("tenant-a", "tenant-b")]
        self.things["grant"] = Thing(*grants, "grant_000000000000")

    def _credentials(self):
        """(name, client, the code that every operation answers with)."""
        platform, owner = self.platform, self.owner
        revoked, disabled, gone = (platform.add_user(owner, name, roles=["owner"])
                                   for name in ("revoked", "disabled", "gone"))
        expired = self._expiring("expired")
        suspended, removed = platform.add_tenant("suspended"), platform.add_tenant("removed")
        revoked_token = platform.token_of(owner)
        tokens = {"gone": platform.token_of(gone), "disabled": platform.token_of(disabled),
                  "suspended": platform.token_of(suspended), "removed": platform.token_of(removed),
                  "expired": platform.token_of(owner, expires_in_seconds=1)}
        without = platform.add_user(owner, "without")
        # Each was good once, so that whatever is remembered of it is.
        for client in (revoked, disabled, gone, expired, suspended, removed, revoked_token, *tokens.values()):
            client.done("GET", "/v1/tenant")
        for key in owner.get("/v1/keys").json["keys"]:
            if key.get("user") == "revoked":
                owner.done("DELETE", f"/v1/keys/{key['id']}")
        owner.done("PATCH", "/v1/users/disabled", {"disabled": True})
        owner.done("DELETE", "/v1/users/gone")
        platform.administrator.done("POST", "/v1/tenants/suspended/suspend")
        platform.administrator.done("DELETE", "/v1/tenants/removed")
        owner.done("POST", "/v1/tokens/revoke", {"id": revoked_token.token_id})
        self._await_expiry(expired)
        self._await_expiry(tokens["expired"])
        return [
            ("nobody", platform.client(None), "unauthenticated"), ("empty", platform.client(""), "unauthenticated"),
            ("malformed", platform.client("not a key"), "unauthenticated"),
            ("unknown", platform.client("insula_" + "x" * 43), "unauthenticated"),
            ("cut", platform.client(owner.key[:-1]), "unauthenticated"),
            ("revoked", revoked, "unauthenticated"), ("expired", expired, "unauthenticated"),
            ("disabled", disabled, "unauthenticated"),
            ("gone", gone, "unauthenticated"), ("of a removed tenant", removed, "unauthenticated"),
            ("revoked token", revoked_token, "unauthenticated"),
            ("expired token", tokens["expired"], "unauthenticated"),
            ("token of a disabled member", tokens["disabled"], "unauthenticated"),
            ("token of nobody", tokens["gone"], "unauthenticated"),
            ("token of a removed tenant", tokens["removed"], "unauthenticated"),
            ("forged token", platform.client(forged(revoked_token.key)), "unauthenticated"),
            ("token of a suspended tenant", tokens["suspended"], "tenant_suspended"),
            ("token without rights", platform.token_of(owner, user="without", scopes=["admin"]), "not_permitted"),
            ("of a suspended tenant", suspended, "tenant_suspended"), ("without rights", without, "not_permitted")]

    def _expiring(self, name):
        """A client with an owner's key that is good for a moment."""
        self.owner.done("POST", "/v1/users", {"name": name, "roles": ["owner"]})
        at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=KEY_SECONDS)
        made = self.owner.done("POST", "/v1/keys", {"user": name, "expires_at": at.isoformat()})
        return self.platform.client(made["secret"])

    def _await_expiry(self, client):
        give_up = time.monotonic() + KEY_SECONDS + EXPIRY_SECONDS_MAX
        while client.get("/v1/tenant").status == 200:
            assert time.monotonic() < give_up, "an expired key still opens the tenant"
            time.sleep(0.02)  # between two looks; the deadline above ends it

    def close(self):
        self.platform.close()


@pytest.fixture(scope="module")
def world():
    made = World()
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def operations(world):
    """(operation, path, method, kind, body, action) of all that is not open."""
    paths = json.loads(world.platform.server.request("GET", "/openapi.json")[2])["paths"]
    found = []
    for path, methods in paths.items():
        for method, declared in methods.items():
            name = f"{method.upper()} {path}"
            if path in OPEN:
                assert declared["security"] == []
                continue
            assert name in TARGETS, f"{name} is in no row of the matrix"
            found.append((name, path, method.upper(), *TARGETS[name], declared["x-insula-action"]))
    assert {one[0] for one in found} == set(TARGETS), "rows without an operation"
    return found


def ask(client, operation, thing):
    _, path, method, _, body, _ = operation
    target = re.sub(r"\{\w+\}", thing, path)
    document = None if body is None else json.loads(json.dumps(body).replace("{name}", thing))
    return client.ask(method, target, document)


def told(answer, thing):
    """What a client learns, but for the request id and the name that it has sent."""
    text = answer.body.decode().replace(thing, "THING") if thing else answer.body.decode()
    headers = {name: value for name, value in answer.headers.items()
               if name not in ("x-request-id", "date", "content-length")}
    return answer.status, headers, re.sub(r'"request_id":"\w+"', "", text)


def names_of(thing):
    """The header X-Tenant-Id as it may be sent along: nothing, foreign, absent."""
    return (None, "tenant-b", "no-such-tenant", ABSENT_TENANT) if thing is not None else (None,)


def test_credentials_that_open_nothing_open_nothing_anywhere(world, operations):
    cases = 0
    for name, client, code in world.refused:
        for operation in operations:
            for thing in set(world.things[operation[3]]):
                for tenant in names_of(thing):
                    answer = ask(client.acting_in(tenant), operation, thing)
                    expected = code
                    if tenant is not None and code in ("tenant_suspended", "not_permitted"):
                        expected = "tenant_not_allowed"
                    assert answer.code == expected, (name, operation[0], thing, tenant, answer)
                    cases += 1
    assert cases >= CASES_MIN, cases


def test_another_tenants_thing_answers_as_one_that_is_not_there(world, operations):
    members = [("owner", world.owner), ("reader", world.platform.add_user(world.owner, "reader", roles=["reader"])),
               ("writer", world.platform.add_user(world.owner, "writer", roles=["writer"])),
               ("admin", world.platform.add_user(world.owner, "admin", roles=["admin"]))]
    for who, client in members:
        for operation in operations:
            name, _, _, kind, _, action = operation
            if not kind or name in MAKES:
                continue
            things = world.things[kind]
            foreign, absent = (told(ask(client, operation, thing), thing) for thing in things[1:])
            assert foreign == absent, (who, name)
            assert foreign[0] in (403, 404), (who, name, foreign)
            if action.startswith("node:"):
                assert "not_permitted" in foreign[2], (who, name)
            for tenant in (names_of("")[1:]):
                answer = ask(client.acting_in(tenant), operation, things.own)
                assert answer.code == "tenant_not_allowed", (who, name, tenant)


def test_what_makes_a_thing_makes_the_callers_own(world, operations):
    before = [told(world.other.get(target), "") for target in LISTS]
    makers = 0
    for operation in operations:
        if operation[0] not in MAKES:
            continue
        makers += 1
        maker = world.platform.add_tenant(f"maker-{makers}")
        answer = ask(maker, operation, world.things[operation[3]].foreign)
        assert answer.status in (200, 201), (operation[0], answer)
    assert makers == len(MAKES)
    assert [told(world.other.get(target), "") for target in LISTS] == before


def test_an_administrator_without_a_grant_opens_no_tenant(world, operations):
    administrator = Client(world.platform.server, world.platform.server.administrator_key())
    for operation in operations:
        if operation[5].startswith("node:"):
            continue
        for thing in set(world.things[operation[3]]):
            assert ask(administrator, operation, thing).code == "tenant_required", operation[0]
            answers = [told(ask(administrator.acting_in(tenant), operation, thing), tenant)
                       for tenant in ("suspended", "no-such-tenant", ABSENT_TENANT)]
            assert answers[0] == answers[1] == answers[2], operation[0]
            assert "tenant_not_allowed" in answers[0][2], operation[0]


def test_nothing_was_changed_by_what_was_refused(world):
    assert world.other.get("/sources/source_b/stats").json["rows"] == 1
    assert world.owner.get("/sources/source_a/stats").json["rows"] == 1
    for client, letter in ((world.owner, "a"), (world.other, "b")):
        assert client.get(f"/v1/users/user_{letter}").json["display_name"] == ""
        assert client.get(f"/v1/keys/{world.things['key'][letter == 'b']}").status == 200
        assert client.get(f"/v1/policies/policy_{letter}").json["document"] == POLICY
        assert [grant["id"] for grant in client.get("/v1/grants").json["grants"]]
