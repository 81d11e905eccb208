"""The HTTP exchanges of the documentation, replayed: each request is sent, and its answer is that of the page."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, Protocol

import pytest

from auth_server.clients import (
    CLIENT_CREDENTIALS,
    TOKEN_EXCHANGE,
    Client,
    ClientSecret,
    TlsSubject,
    digest_secret,
)
from auth_server.people.throttle import FAILURES_OF_NAME_AT_ADDRESS
from auth_server.throttle import FAILURES_OF_CLIENT_AT_ADDRESS
from tests.auth_server.assertions import P256, SIGN, jwk, jwks, sign, signer
from tests.auth_server.certificates import SUBJECT_DN, certificate, context
from tests.auth_server.client_requests import token_of
from tests.auth_server.people.simulator import PeopleSimulator
from tests.auth_server.test_federated_jwt import knowing, record
from tests.auth_server.test_federated_jwt import token as platform_token
from tests.auth_server.test_registration_endpoint import REGISTRAR, initial_token
from tests.auth_server.vending.simulator import configured, pool_claims
from tests.authorizer.proofs import proof
from tests.simulator import ENVIRON, NOW, SECRET, MemoryClientStore, Response, Simulator, client, event

DOCS = Path(__file__).parents[2] / "docs"
ORDERS, BILLING = "https://orders.example.com", "https://billing.example.com"
# The start line, headers, and after an empty line the body, which holds none, if there is one before the answer. Some
# pages indent, some fence.
MESSAGE = re.compile(
    r"^((?:[A-Z]+ /\S* HTTP/1\.1|HTTP/1\.1 \d{3} [\w ]+)\n(?:[\w-]+: .+\n)*)(?:\n((?:(?!```|HTTP/).+\n)+))?",
    re.MULTILINE,
)
TOKEN = re.compile(r"eyJ[\w.-]+")  # a request shows one at most: a token, an assertion or a proof, cut short
REPLAYED_ELSEWHERE = {
    "challenges.md",  # test_challenges.py: what API Gateway says, and no server of ours
    "message-board.md",  # test_message_board.py: the sample API
}
VARYING = {"jti", "ETag"}  # made up by the server, or over what is: they keep their length


@dataclass(frozen=True)
class Message:
    """A request or a response as a page shows it."""

    start: str
    headers: Mapping[str, str]
    body: str | None


class Server(Protocol):
    """One of the functions, with what it needs around it."""

    def send(self, event: dict[str, Any], /) -> Response:
        """Send an event, give the Lambda's answer."""
        ...


@dataclass(frozen=True)
class Scene:
    """The server that a page takes for granted, and what its request shows cut short."""

    server: Server
    token: str = ""
    request_context: Mapping[str, Any] | None = None


def messages(page: str) -> list[Message]:
    """Give a page's messages; the lines of a form are one."""
    text = re.sub(r"^ {4}", "", (DOCS / page).read_text(encoding="utf-8"), flags=re.MULTILINE)
    return [_message(head, body) for head, body in MESSAGE.findall(text)]


def _message(head: str, body: str) -> Message:
    start, *lines = head.splitlines()
    return Message(start, dict(line.split(": ", 1) for line in lines), "".join(body.splitlines()) or None)


def decoded(page: str) -> list[dict[str, Any]]:
    """Give header and claims of the JWT that a page shows decoded."""
    found = re.search(r'^ *(\{"(?:alg|typ)".*\})\n *(\{.*\})$', (DOCS / page).read_text(encoding="utf-8"), re.MULTILINE)
    assert found, page
    return [json.loads(part) for part in found.groups()]


def known(client_id: str, **changes: Any) -> Client:
    """Give a client with the secret that the pages' Authorization headers hold."""
    kept = (ClientSecret(digest_secret("secret"), NOW), ClientSecret(digest_secret(SECRET), NOW))
    return client(client_id=client_id, **{"secrets": kept, "scopes": ("products:read",), **changes})


def server(*clients: Client) -> Simulator:
    """Give a server that knows these clients."""
    return Simulator(clients=MemoryClientStore(*clients))


REPORTING = known("reporting", scopes=("orders:read",), audiences=(ORDERS,))


def introspection() -> Scene:
    """Have an API ask about a token that is for it."""
    simulator = server(REPORTING, known("orders-api", resource_identifiers=(ORDERS,)))
    return Scene(simulator, token_of(simulator, "reporting"))


def revocation() -> Scene:
    """Have a client revoke its own token."""
    simulator = server(REPORTING)
    return Scene(simulator, token_of(simulator, "reporting"))


def feed() -> Scene:
    """Have one token revoked, and everything that one client was issued."""
    simulator = server()
    simulator.state.revoke_token("kQ9vX2mPq9sTw4zB7cE1fA", client_id="demo", expires_at=NOW + 3_900)
    simulator.state.revoke_client("reporting", not_before=NOW + 2, until=NOW + 90_000)
    return Scene(simulator)


def registration() -> Scene:
    """Give a registrar its token."""
    simulator = server(REGISTRAR)
    return Scene(simulator, initial_token(simulator))


def exchange() -> Scene:
    """Give an API a token of its caller, which has 412 seconds to live."""
    both = {"scopes": ("orders:read", "billing:read"), "audiences": (ORDERS, BILLING)}
    orders = known("orders", grant_types=(TOKEN_EXCHANGE,), resource_identifiers=(ORDERS,), **both)
    simulator = server(known("app", token_lifetime=412, **both), orders)
    return Scene(simulator, token_of(simulator, "app", resource=(ORDERS, BILLING)))


def dpop(**changes: Any) -> Scene:
    """Make the proof that the page shows decoded, with these changes."""
    return Scene(server(known("demo")), proof(claims={**decoded("dpop.md")[1], **changes}))


def private_key(**changes: Any) -> Scene:
    """Sign the assertion that the page shows decoded, with these changes."""
    header, claims = decoded("private-key-jwt.md")
    one = signer(client_id="signer", scopes=("products:read",), jwks=jwks(jwk(P256, kid="k1")))
    return Scene(server(one), sign({**claims, **changes}, header, SIGN["ES256"]))


def mutual_tls() -> Scene:
    """Put a certificate into the event: API Gateway ends the TLS, and no request over HTTP could bring it."""
    subject = TlsSubject("tls_client_auth_subject_dn", SUBJECT_DN)
    demo = known("demo", secrets=(), auth_methods=("tls_client_auth",), tls_subject=subject)
    simulator = Simulator(clients=MemoryClientStore(demo), environ={**ENVIRON, "MTLS": "on"})
    return Scene(simulator, request_context=context(certificate()))


def signed_up(**changes: Any) -> Scene:
    """Have Alice sign up, with these changes to her record, and log in."""
    people = PeopleSimulator()
    people.sign_up()
    token = json.loads(people.log_in()["body"])["token"]
    people.people.people["alice"] = replace(people.people.people["alice"], **changes)
    return Scene(people, token)


def tried() -> Scene:
    """Have somebody try Alice's name as often as that is allowed, some time after a window began."""
    people = PeopleSimulator()
    people.sign_up()
    people.now = NOW // 900 * 900 + 100
    for _ in range(FAILURES_OF_NAME_AT_ADDRESS.most):
        people.log_in(password="eight herons on the jetty")
    return Scene(people)


def guessed(times: int) -> Scene:
    """Have somebody guess so often at a client's secret."""
    simulator = server(known("reporting"))
    simulator.now = NOW // 900 * 900
    for _ in range(times):
        simulator.token("reporting", "a guess")
    return Scene(simulator)


def elsewhere() -> Scene:
    """Have a client with the right secret come from where it may not."""
    kept = (ClientSecret(digest_secret("guess"), NOW),)  # what the page's header holds
    return Scene(server(known("reporting", secrets=kept, allow_from=("192.0.2.0/24", "2001:db8:1::/48"))))


def spent(tokens: int) -> Scene:
    """Have a client with a quota of a thousand get so many tokens, within an hour that has 1,720 s left."""
    kept = (ClientSecret(digest_secret("secret"), NOW),)
    simulator = server(known("reporting", secrets=kept, tokens_per_hour=1_000))
    simulator.now = NOW // 3_600 * 3_600 + 3_600 - 1_720
    for _ in range(tokens):
        simulator.token("reporting", "secret")
    return Scene(simulator)


def asked_before() -> Scene:
    """Have a client ask again after 688 s."""
    kept = (ClientSecret(digest_secret("secret"), NOW),)
    simulator = server(known("reporting", secrets=kept, token_reuse=True))
    simulator.token("reporting", "secret")
    simulator.now += 688
    return Scene(simulator)


def workload() -> Scene:
    """Give a role of AWS the token of its platform."""
    return Scene(knowing(record("aws"), scopes=("products:read",)), platform_token("aws"))


def vending(mode: str = "open", groups: tuple[str, ...] = ()) -> Scene:
    """Attach the vending function, behind a user pool's authorizer where the mode wants one."""
    context = {"identity": {"sourceIp": "203.0.113.7"}, "authorizer": pool_claims("REST", groups=groups)}
    return Scene(configured(mode), request_context=context if mode == "cognito" else None)


def own_exchange() -> Scene:
    """Give an application a token of its own."""
    shop = known("shop", scopes=("products:read", "orders:write"), token_lifetime=600)
    simulator = server(replace(shop, grant_types=(CLIENT_CREDENTIALS, TOKEN_EXCHANGE)))
    return Scene(simulator, token_of(simulator, "shop"))


@dataclass(frozen=True)
class Exchange:
    """A request and a response by page and place on it, and the scene in which the one leads to the other."""

    page: str
    request: int
    response: int
    scene: Callable[[], Scene]
    answers: str | None = None  # the page of the response, where it is another


EXCHANGES = (
    Exchange("introspection.md", 0, 1, introspection),
    Exchange("revocation.md", 0, 1, revocation),
    Exchange("revocation.md", 2, 3, feed),
    Exchange("registration.md", 0, 1, registration),
    Exchange("token-exchange.md", 0, 1, exchange),
    Exchange("token-vending.md", 0, 1, vending),
    Exchange("token-vending.md", 2, 3, partial(vending, "cognito", ("others",))),
    Exchange("token-vending.md", 4, 5, vending),
    Exchange("token-vending.md", 6, 7, own_exchange),
    Exchange("dpop.md", 0, 1, dpop),
    Exchange("dpop.md", 0, 2, partial(dpop, htu="https://elsewhere.example.com/oauth/token")),
    Exchange("private-key-jwt.md", 0, 1, private_key),
    Exchange("private-key-jwt.md", 0, 2, partial(private_key, aud="https://elsewhere.example.com")),
    Exchange("mutual-tls.md", 0, 1, mutual_tls),
    Exchange("workload-identity.md", 0, 1, workload, answers="private-key-jwt.md"),
    Exchange("limits.md", 0, 1, partial(guessed, 0)),
    Exchange("limits.md", 0, 2, partial(guessed, FAILURES_OF_CLIENT_AT_ADDRESS.most)),
    Exchange("limits.md", 0, 3, elsewhere),
    Exchange("limits.md", 4, 5, partial(spent, 5)),
    Exchange("limits.md", 4, 6, partial(spent, 1_000)),
    Exchange("token-reuse.md", 0, 1, asked_before),
    Exchange("sign-in.md", 0, 1, lambda: Scene(PeopleSimulator())),
    Exchange("sign-in.md", 2, 3, signed_up),
    Exchange("sign-in.md", 2, 4, partial(signed_up, enabled=False)),
    Exchange("sign-in.md", 2, 5, tried),
    Exchange("sign-in.md", 6, 7, signed_up),
)


def send(scene: Scene, request: Message) -> Response:
    """Send what a page shows, with a token where it shows one cut short."""
    method, path, _ = request.start.split(" ")
    headers = {name: TOKEN.sub(scene.token, value) for name, value in request.headers.items()}
    body = request.body and TOKEN.sub(scene.token, request.body)
    changes = {"requestContext": scene.request_context} if scene.request_context else {}
    return scene.server.send(event(method, path, body=body, headers=headers, **changes))


def like(told: Any, sent: Any, name: str = "") -> bool:
    """Whether what was sent is what a page tells, but for what differs each time."""
    if isinstance(told, dict) and isinstance(sent, dict):
        return told.keys() == sent.keys() and all(like(told[key], sent[key], key) for key in told)
    if isinstance(told, str) and "..." in told:
        whole = told.partition("...")[0].rpartition("/")[0]  # of a URL that is cut short, the last part differs
        return isinstance(sent, str) and sent.startswith(whole) and len(sent) > len(told)
    if name in VARYING:
        return isinstance(sent, str) and len(sent) == len(told)
    return type(told) is type(sent) and bool(told == sent)


@pytest.mark.parametrize("exchange", EXCHANGES, ids=lambda row: f"{row.page}-{row.request}-{row.response}")
def test_an_exchange_is_as_the_page_shows_it(exchange: Exchange) -> None:
    """Status line, headers and JSON are those of the page, member by member."""
    told = messages(exchange.answers or exchange.page)[exchange.response]
    sent = send(exchange.scene(), messages(exchange.page)[exchange.request])
    status = HTTPStatus(sent["statusCode"])
    assert f"HTTP/1.1 {status.value} {status.phrase}" == told.start, sent
    headers = {name: sent["headers"].get(name) for name in told.headers}
    assert like(dict(told.headers), headers), headers
    assert like(json.loads(told.body or "null"), json.loads(sent["body"] or "null")), sent["body"]


def test_no_message_is_left_out() -> None:
    """Every request and response of the documentation is part of an exchange that is replayed, here or elsewhere."""
    pages = {file.name for file in DOCS.glob("*.md")} - REPLAYED_ELSEWHERE
    shown = {(page, number) for page in pages for number in range(len(messages(page)))}
    requests = {(row.page, row.request) for row in EXCHANGES}
    assert shown == requests | {(row.answers or row.page, row.response) for row in EXCHANGES}


def test_every_start_line_begins_a_message() -> None:
    """A message that is written so that it could not be read would be replayed by nobody."""
    for file in DOCS.glob("*.md"):
        lines = re.findall(r"^ *(?:[A-Z]+ /\S* HTTP/|HTTP/)", file.read_text(encoding="utf-8"), re.MULTILINE)
        assert len(lines) == len(messages(file.name)), file.name
