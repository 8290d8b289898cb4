"""Tenants and who may do what in them, through the REST interface of the real server."""
import json
import re
import subprocess

import pytest
import spec_server
from spec_tenants import Platform

POLICY = {"Version": "2012-10-17",
          "Statement": [{"Effect": "Allow", "Action": ["tables:Search", "tables:ListSources"],
                         "Resource": "source/public*"}]}


@pytest.fixture(scope="module")
def platform():
    running = Platform()
    try:
        yield running
    finally:
        running.close()


@pytest.fixture(scope="module")
def acme(platform):
    return platform.add_tenant("acme-corp", name="Acme Corp")


@pytest.fixture(scope="module")
def globex(platform):
    return platform.add_tenant("globex")


def write(client, source, *documents):
    return client.post("/data/write", {"source_id": source, "records": [{"fields": one} for one in documents]})


def search(client, *sources):
    return client.post("/data/search", {"sources": list(sources)} if sources else {})


def rows(answer):
    return sorted(json.dumps(record["fields"], sort_keys=True) for record in answer.json["records"])


def test_two_tenants_with_the_same_source_see_only_their_own_rows(platform, acme, globex):
    assert write(acme, "orders", {"of": "acme"}).status == 200
    assert write(globex, "orders", {"of": "globex"}, {"of": "globex too"}).status == 200
    assert rows(search(acme, "orders")) == ['{"of": "acme"}']
    assert rows(search(acme)) == ['{"of": "acme"}']
    assert len(rows(search(globex, "orders"))) == 2
    assert [source["source_id"] for source in acme.get("/sources").json["sources"]] == ["orders"]
    assert acme.get("/sources/orders/stats").json["rows"] == 1
    assert globex.get("/tenant/stats").json["rows"] == 2
    write(globex, "only_globex", {"n": 1})
    foreign, absent = search(acme, "only_globex"), search(acme, "never_was")
    assert (foreign.status, foreign.code) == (absent.status, absent.code) == (404, "source_not_found")
    assert b"globex" not in acme.get("/sources").body
    assert acme.delete("/sources/only_globex").status == 404
    platform.server.stop()
    platform.server.start_once()
    assert rows(search(acme, "orders")) == ['{"of": "acme"}']


def test_a_tenant_is_named_by_its_key_alone(acme, globex):
    for named in ("globex", "no-such-tenant", globex.get("/v1/tenant").json["id"]):
        answer = search(acme.acting_in(named), "orders")
        assert (answer.status, answer.code) == (403, "tenant_not_allowed")
    assert search(acme.acting_in("acme-corp"), "orders").status == 200


def test_roles_say_what_a_member_may_do(platform, acme):
    reader = platform.add_user(acme, "rita", roles=["reader"])
    writer = platform.add_user(acme, "will", roles=["writer"])
    auditor = platform.add_user(acme, "aud", roles=["auditor"])
    nobody = platform.add_user(acme, "nora")
    assert search(reader, "orders").status == 200
    assert write(reader, "orders", {"n": 1}).code == "not_permitted"
    assert write(writer, "orders", {"of": "acme"}).status == 200
    assert writer.post("/v1/users", {"name": "x"}).code == "not_permitted"
    for client in (auditor, nobody):
        for answer in (search(client, "orders"), search(client, "never_was"), search(client), client.get("/sources"),
                       client.get("/tenant/stats"), write(client, "orders", {"n": 1})):
            assert (answer.status, answer.code) == (403, "not_permitted")


def test_a_policy_opens_what_it_names_and_all_means_all_of_that(platform, acme):
    write(acme, "public_prices", {"n": 1})
    acme.done("PUT", "/v1/policies/public", POLICY)
    acme.done("PUT", "/v1/roles/guest", {"policies": ["public"]})
    guest = platform.add_user(acme, "gus", roles=["guest"])
    assert rows(search(guest)) == ['{"n": 1}']
    assert [source["source_id"] for source in guest.get("/sources").json["sources"]] == ["public_prices"]
    assert search(guest, "orders").code == search(guest, "never_was").code == "not_permitted"
    assert search(guest, "public_never_was").code == "source_not_found"
    acme.done("PUT", "/v1/policies/public",
              POLICY | {"Statement": [POLICY["Statement"][0] | {"Resource": "source/none"}]})
    assert search(guest).code == "not_permitted", "from the next request on"
    acme.done("DELETE", "/v1/policies/public")
    assert search(guest).code == "not_permitted"


def test_a_key_is_shown_once_and_ends_when_it_is_removed_or_rotated(platform, acme):
    ann = platform.add_user(acme, "ann", roles=["reader"])
    own = ann.key
    listed = acme.get("/v1/keys")
    assert own.encode() not in listed.body
    held = [key for key in listed.json["keys"] if key.get("user") == "ann"]
    assert len(held) == 1 and own.startswith(held[0]["hint"]) and "secret" not in held[0]
    rotated = acme.done("POST", f"/v1/keys/{held[0]['id']}/rotate", {"overlap_seconds": 3600})
    assert search(ann, "orders").status == search(platform.client(rotated["secret"]), "orders").status == 200
    assert "expires_at" in acme.get(f"/v1/keys/{held[0]['id']}").json
    acme.done("DELETE", f"/v1/keys/{held[0]['id']}")
    assert search(ann, "orders").code == "unauthenticated"
    again = acme.done("POST", f"/v1/keys/{rotated['key']['id']}/rotate")
    assert search(platform.client(rotated["secret"]), "orders").code == "unauthenticated", "without an overlap at once"
    assert search(platform.client(again["secret"]), "orders").status == 200
    acme.done("PATCH", "/v1/users/ann", {"disabled": True})
    assert search(platform.client(again["secret"]), "orders").code == "unauthenticated"
    acme.done("PATCH", "/v1/users/ann", {"disabled": False})
    assert search(platform.client(again["secret"]), "orders").status == 200
    acme.done("DELETE", "/v1/users/ann")
    assert search(platform.client(again["secret"]), "orders").code == "unauthenticated"
    assert all(key.get("user") != "ann" for key in acme.get("/v1/keys").json["keys"])


def test_nobody_hands_out_more_than_he_has(platform, acme):
    admin = platform.add_user(acme, "adam", roles=["admin"])
    assert admin.post("/v1/users", {"name": "second-owner", "roles": ["owner"]}).code == "exceeds_own_rights"
    assert admin.patch("/v1/users/adam", {"roles": ["owner"]}).code == "exceeds_own_rights"
    assert admin.post("/v1/keys", {"user": "owner"}).code == "exceeds_own_rights"
    assert admin.delete("/v1/users/owner").code == "exceeds_own_rights"
    owners_key = next(key["id"] for key in acme.get("/v1/keys").json["keys"] if key.get("user") == "owner")
    assert admin.delete(f"/v1/keys/{owners_key}").code == "exceeds_own_rights"
    assert admin.post(f"/v1/keys/{owners_key}/rotate").code == "exceeds_own_rights"
    acme.done("PUT", "/v1/policies/keymaker", {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["tenant:*", "node:*"], "Resource": "*"}]})
    maker = platform.add_user(acme, "mia", policies=["keymaker"])
    assert maker.post("/v1/keys", {"user": "adam"}).code == "exceeds_own_rights"
    assert maker.post("/v1/users", {"name": "x", "roles": ["admin"]}).code == "exceeds_own_rights"
    assert maker.put("/v1/policies/keymaker", POLICY).code == "exceeds_own_rights"
    assert maker.get("/v1/tenants").code == "not_permitted", "no policy of a tenant opens the platform"
    assert maker.post("/v1/keys", {"label": "my own"}).status == 201
    assert acme.delete("/v1/users/owner").code == "last_owner"
    assert acme.patch("/v1/users/owner", {"roles": ["admin"]}).code == "last_owner"
    assert acme.patch("/v1/users/owner", {"disabled": True}).code == "last_owner"


def test_an_administrator_reads_a_tenant_with_a_grant_that_the_tenant_sees_and_can_take_away(platform, acme):
    administrator = platform.administrator
    assert search(administrator, "orders").code == "tenant_required"
    assert search(administrator.acting_in("acme-corp"), "orders").code == "tenant_not_allowed"
    assert administrator.post("/v1/tenants/acme-corp/grants", {"role": "reader"}).code == "invalid_request"
    grant = administrator.done("POST", "/v1/tenants/acme-corp/grants",
                               {"role": "reader", "reason": "support case 7"})
    inside = administrator.acting_in("acme-corp")
    assert search(inside, "orders").status == 200
    assert write(inside, "orders", {"n": 1}).code == "not_permitted"
    assert inside.get("/v1/users").code == "not_permitted"
    assert search(administrator.acting_in("globex"), "orders").code == "tenant_not_allowed"
    seen = acme.get("/v1/grants").json["grants"]
    assert [(one["id"], one["reason"]) for one in seen] == [(grant["id"], "support case 7")]
    acme.done("DELETE", f"/v1/grants/{grant['id']}")
    assert search(inside, "orders").code == "tenant_not_allowed"


def test_a_suspended_tenant_is_shut_until_it_is_resumed(platform, globex, acme):
    administrator = platform.administrator
    assert administrator.done("POST", "/v1/tenants/globex/suspend")["status"] == "suspended"
    assert search(globex, "orders").code == "tenant_suspended"
    assert globex.get("/v1/tenant").code == "tenant_suspended"
    assert search(acme, "orders").status == 200
    platform.server.stop()
    platform.server.start_once()
    assert search(globex, "orders").code == "tenant_suspended"
    administrator.done("POST", "/v1/tenants/globex/resume")
    assert len(rows(search(globex, "orders"))) == 2


def test_a_tenant_is_renamed_and_keeps_its_keys(platform, globex):
    renamed = platform.administrator.done("PATCH", "/v1/tenants/globex", {"slug": "globex-2", "name": "Globex 2"})
    assert renamed["slug"] == "globex-2"
    assert platform.administrator.get("/v1/tenants/globex").code == "tenant_not_found"
    assert globex.get("/v1/tenant").json["slug"] == "globex-2"
    assert len(rows(search(globex, "orders"))) == 2
    assert platform.administrator.patch("/v1/tenants/globex-2", {"slug": "acme-corp"}).code == "tenant_exists"
    platform.administrator.done("PATCH", "/v1/tenants/globex-2", {"slug": "globex"})


def test_a_removed_tenant_leaves_nothing_and_its_slug_is_free(platform, acme):
    doomed = platform.add_tenant("doomed")
    write(doomed, "orders", {"of": "doomed"})
    user = platform.add_user(doomed, "ann", roles=["owner"])
    removed = platform.administrator.done("DELETE", "/v1/tenants/doomed")
    assert removed["removed"] is True
    for client in (doomed, user):
        assert search(client, "orders").code == "unauthenticated"
    assert platform.administrator.delete("/v1/tenants/doomed").code == "tenant_not_found"
    again = platform.add_tenant("doomed")
    assert rows(search(again)) == []
    assert search(again, "orders").code == "source_not_found"
    platform.server.kill()
    platform.server.start_once()
    assert rows(search(again)) == [], "what the journal holds of it is not replayed into the new one"
    assert search(doomed, "orders").code == "unauthenticated"
    assert search(acme, "orders").status == 200


def test_a_lost_owners_key_is_replaced_by_an_administrator(platform):
    lost = platform.add_tenant("forgetful")
    reset = platform.administrator.done("POST", "/v1/tenants/forgetful/reset-owner")
    assert lost.get("/v1/tenant").code == "unauthenticated"
    assert platform.client(reset["owner"]["secret"]).get("/v1/tenant").json["slug"] == "forgetful"


@pytest.mark.parametrize("fields,code", [
    ({}, "invalid_request"), ({"slug": "no"}, "invalid_slug"), ({"slug": "Upper"}, "invalid_slug"),
    ({"slug": "a/b/c"}, "invalid_slug"), ({"slug": "acme-corp"}, "tenant_exists"), ({"slug": 7}, "invalid_request"),
    ({"slug": "fine", "id": "none"}, "malformed_tenant_id"), ({"slug": "fine", "sulg": 1}, "unknown_key"),
    ({"slug": "fine", "id": "00000000-0000-0000-0000-000000000000"}, "malformed_tenant_id"),
    ({"slug": "fine", "owner": "../x"}, "invalid_name"), ({"slug": "fine", "name": "a\u0007"}, "invalid_text")])
def test_a_tenant_that_cannot_be_added_is_refused_with_its_reason(platform, acme, fields, code):
    answer = platform.administrator.post("/v1/tenants", fields)
    assert answer.code == code, answer
    assert platform.administrator.get("/v1/tenants/fine").status == 404


def command_line(client, *arguments, **environment):
    """What `insula` prints with the client's key."""
    return subprocess.run(
        [spec_server.binary(), *arguments], capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL,
        env=spec_server.clean_environment() | {"INSULA_SERVER": f"http://127.0.0.1:{client.server.port}",
                                               "INSULA_API_KEY": client.key} | environment).stdout


def test_the_command_line_shows_a_key_whole_on_the_narrowest_terminal(platform):
    shown = command_line(platform.administrator, "tenant", "add", "narrow", COLUMNS="40")
    secret = re.search(r"^ *owner.secret +(insula_[\w-]{43}) *$", shown, re.MULTILINE)
    assert secret, shown
    assert platform.client(secret.group(1)).get("/v1/tenant").json["slug"] == "narrow"


def test_the_status_shows_what_its_key_may_see(platform, acme):
    about = {who: {line.split(",")[0] for line in command_line(client, "status", "--output", "csv").splitlines()[1:]}
             for who, client in (("owner", acme), ("administrator", platform.administrator))}
    assert about["owner"] == {"connection", "health", "tenant"}
    assert about["administrator"] == {"connection", "health"}
    shown = command_line(acme, "status", "--output", "csv")
    assert "health,status,ok" in shown and "health,version" not in shown and "tenant,tenant,acme-corp" in shown


def test_what_would_become_of_a_request_is_told_with_the_statement_that_decides(platform):
    owner = platform.add_tenant("simulating")
    owner.done("PUT", "/v1/policies/local", {
        "Version": "2012-10-17", "Statement": [
            {"Sid": "Reads", "Effect": "Allow", "Action": "tables:Search", "Resource": "source/orders*",
             "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}]})
    platform.add_user(owner, "sim", policies=["local"])
    asked = {"user": "sim", "action": "tables:Search", "resource": "source/orders",
             "context": {"aws:SourceIp": "10.0.0.7"}}
    allowed = owner.done("POST", "/v1/policies/simulate", asked)
    assert allowed["allowed"] is True
    assert '"Reads"' in allowed["decided_by"]
    assert "local" in allowed["decided_by"]
    foreign = owner.done("POST", "/v1/policies/simulate", asked | {"context": {"aws:SourceIp": "192.0.2.1"}})
    assert foreign["allowed"] is False
    assert "aws:SourceIp" in foreign["statements"][0]
    never = {"Sid": "No", "Effect": "Deny", "Action": "tables:*", "Resource": "*"}
    denied = owner.done("POST", "/v1/policies/simulate",
                        asked | {"policy": {"Version": "2012-10-17", "Statement": [never]}})
    assert denied["allowed"] is False
    assert '"No"' in denied["decided_by"]
    assert len(denied["statements"]) == 2
    assert owner.get("/v1/policies").json["policies"][0]["name"] == "local", "nothing was stored"
    for wrong, code in (({"action": "tables:Wrote"}, "unknown_action"), ({"user": "nobody"}, "member_not_found"),
                        ({"context": {"aws:Nothing": "1"}}, "invalid_context"), ({"policy": {}}, "invalid_policy")):
        assert owner.post("/v1/policies/simulate", asked | wrong).code == code
    platform_action = owner.done("POST", "/v1/policies/simulate",
                                 asked | {"user": "owner", "action": "node:ListTenants", "resource": "tenant/*"})
    assert platform_action["allowed"] is False


def test_the_default_tenant_stays(platform):
    default = next(tenant for tenant in platform.administrator.get("/v1/tenants").json["tenants"]
                   if tenant["slug"] == "default_tenant")
    answer = platform.administrator.delete(f"/v1/tenants/{default['id']}")
    assert (answer.status, answer.code) == (409, "default_tenant_stays")
    assert platform.client(platform.server.owner_key()).get("/sources").status == 200
