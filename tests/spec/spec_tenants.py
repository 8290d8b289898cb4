"""A server with tenants: who administers it, and clients that act as somebody."""
import dataclasses
import json

import spec_server


@dataclasses.dataclass
class Answer:
    status: int
    headers: dict
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        """Of an error; None for any other answer."""
        return self.json.get("error", {}).get("code") if self.status >= 400 else None


class Client:
    """Requests with one credential; None: without any."""

    def __init__(self, server, key, tenant=None):
        self.server = server
        self.key = key
        self.tenant = tenant

    def ask(self, method, target, document=None, headers=None):
        sent = {"Authorization": f"Bearer {self.key}"} if self.key is not None else {}
        if self.tenant is not None:
            sent["X-Tenant-Id"] = self.tenant
        body = None
        if document is not None:
            sent["Content-Type"] = "application/json"
            body = json.dumps(document).encode()
        return Answer(*self.server.request(method, target, sent | (headers or {}), body))

    def get(self, target):
        return self.ask("GET", target)

    def post(self, target, document=None):
        return self.ask("POST", target, document)

    def put(self, target, document):
        return self.ask("PUT", target, document)

    def patch(self, target, document):
        return self.ask("PATCH", target, document)

    def delete(self, target):
        return self.ask("DELETE", target)

    def done(self, method, target, document=None):
        """The answer's document, where the request has to succeed."""
        answer = self.ask(method, target, document)
        assert answer.status in (200, 201), (method, target, answer)
        return answer.json

    def acting_in(self, tenant):
        return Client(self.server, self.key, tenant)


class Platform:
    """A running server without --dev, and its administrator."""

    def __init__(self, arguments=(), environment=None):
        self.server = spec_server.Server(arguments, environment=environment)
        self.server.start()
        self.administrator = Client(self.server, self.server.administrator_key())

    def client(self, key):
        return Client(self.server, key)

    def add_tenant(self, slug, **fields):
        """Returns a client that acts as its owner."""
        added = self.administrator.done("POST", "/v1/tenants", {"slug": slug} | fields)
        return self.client(added["owner"]["secret"])

    def token_of(self, client, **fields):
        """A client with a token that `client` has issued to itself."""
        issued = client.done("POST", "/v1/tokens", fields)
        made = self.client(issued["token"])
        made.token_id = issued["id"]
        return made

    def add_user(self, owner, name, **fields):
        """Returns a client that acts as the user."""
        owner.done("POST", "/v1/users", {"name": name} | fields)
        return self.client(owner.done("POST", "/v1/keys", {"user": name})["secret"])

    def close(self):
        self.server.close()
