"""Nothing fails open: whatever is absent or corrupt, in settings, keys, feed, token or event, no request is allowed.

Each row changes one thing in a world in which a token is allowed. Whoever adds a setting, a document or a claim adds
its rows here.
"""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from authorizer.access_token import AccessToken
from authorizer.errors import AuthorizerError, SettingsError
from authorizer.event import Kind
from authorizer.settings import SETTINGS
from tests.auth_server.certificates import certificate, thumbprint
from tests.authorizer import feeds
from tests.authorizer.authorizer_events import event_of, with_certificate
from tests.authorizer.cold_start import cold_start
from tests.authorizer.deciding import ORIGIN, URLS, jkt, proof_for
from tests.authorizer.feeds import FEED_PATH, JWKS_PATH, IssuerServer, issuing
from tests.authorizer.issuer import (
    AUDIENCE,
    FOREIGN_KEY,
    KEY,
    claims,
    encode,
    encode_json,
    header,
    jwk,
    jwks,
    sign,
    without_none,
)
from tests.authorizer.jwks_server import document

X = "https://x.example"
PEM = certificate()


@dataclass
class World:
    """An issuer with keys and a feed, an authorizer's environment, and what a caller sends. Change one thing."""

    issuer: IssuerServer
    environ: dict[str, str | None] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=header)
    claims: dict[str, Any] = field(default_factory=dict)
    key: Any = KEY
    text: Callable[[str], str] = str
    event: dict[str, Any] = field(default_factory=dict)
    kind: Kind = Kind.REST_TOKEN
    scheme: str = "Bearer"
    headers: Callable[[str], dict[str, str]] = lambda _: {}
    now: int = field(default_factory=lambda: int(time.time()))

    def publish(self, content: Any = None, **changed: Any) -> None:
        """Publish a good feed with something else for what is named."""
        good: dict[str, Any] = {"iss": self.issuer.url, "iat": self.now - 100, "exp": self.now + 800}
        content = {"revoked": {}, "not_before": {}} if content is None else content
        self.issuer.publish(feeds.feed(content, **good | changed))

    def outcome(self) -> str:
        """Start the Lambda and call it: `settings`, `error`, `unauthorized`, or the policy's effect."""
        base = {"ISSUER": self.issuer.url, "AUDIENCE": AUDIENCE, "JWKS_TIMEOUT_SECONDS": "5"}
        try:
            handler = cold_start(without_none(base | self.environ))
        except SettingsError:
            return "settings"
        token_claims = without_none(claims(self.now, **{"iss": self.issuer.url} | self.claims))
        token = self.text(sign(without_none(self.header), token_claims, self.key))
        asked = event_of(self.kind, f"{self.scheme} {token}", self.headers(token))
        try:
            result = handler.lambda_handler(without_none(asked | self.event), None)
        except AuthorizerError:
            return "error"
        except Exception as error:  # noqa: BLE001 - the gateway reads this one by its text
            return str(error).lower()
        if "isAuthorized" in result:
            return "Allow" if result["isAuthorized"] else "Deny"
        (statement,) = result["policyDocument"]["Statement"]
        return str(statement["Effect"])


@pytest.fixture
def world() -> Iterator[World]:
    """Yield a world in which the token is allowed."""
    with issuing() as issuer:
        good = World(issuer)
        good.publish()
        yield good


Change = Callable[[World], object]


def setting(name: str, value: str | None) -> Change:
    """Set a variable; None takes it away."""
    return lambda world: world.environ.update({name: value})


def elsewhere(name: str) -> Change:
    """Point a variable to an address where nothing is."""
    return lambda world: world.environ.update({name: f"{world.issuer.url}/nothing"})


def issuers(**members: Any) -> Change:
    """Name the issuer by ISSUERS, with some members of its entry changed."""

    def change(world: World) -> None:
        entry = without_none({"issuer": world.issuer.url, "audiences": [AUDIENCE]} | members)
        world.environ |= {"ISSUER": None, "AUDIENCE": None, "ISSUERS": json.dumps([entry])}

    return change


def keys(body: bytes, status: int = 200) -> Change:
    """Publish another document in the place of the key set."""
    return lambda world: world.issuer.answers.update({JWKS_PATH: document(body, status)})


def feed(content: Any = None, **changed: Any) -> Change:
    """Publish a feed with one thing changed."""
    return lambda world: world.publish(content, **changed)


def feed_document(body: bytes, status: int = 200) -> Change:
    """Publish another document in the place of the feed."""
    return lambda world: world.issuer.answers.update({FEED_PATH: document(body, status)})


def feed_member(name: str, value: Any) -> Change:
    """Change a member of the feed's document after it was signed; None takes it away."""

    def change(world: World) -> None:
        good: dict[str, Any] = {"iss": world.issuer.url, "iat": world.now - 100, "exp": world.now + 800}
        members = json.loads(feeds.feed({"revoked": {"bad": 1}, "not_before": {}}, **good))
        world.issuer.publish(json.dumps(without_none(members | {name: value})).encode())

    return change


def token_header(name: str, value: Any) -> Change:
    """Change a member of the token's header; None takes it away."""
    return lambda world: world.header.update({name: value})


def claim(name: str, value: Any) -> Change:
    """Change a claim; None takes it away."""
    return lambda world: world.claims.update({name: value})


def claim_in(name: str, seconds: int) -> Change:
    """Set a claim to a time so many seconds from now."""
    return lambda world: world.claims.update({name: world.now + seconds})


def attribute(name: str, value: Any) -> Change:
    """Sign with another key, or spoil the token's text."""
    return lambda world: setattr(world, name, value)


def routes(any_of: Any = (("products:read",),), route: str = "GET /products/{id}", **more: str) -> Change:
    """Set a map of one route, and further settings."""
    group = {"any_of": any_of, "routes": [route], "allow": ["GET/products/*"], "deny": []}
    scope_map = {"latchkey_routes": 1, "groups": [group], "closed": {"routes": [], "deny": []}}
    return lambda world: world.environ.update({"ROUTES": json.dumps(scope_map), **more})


def call(kind: Kind, *changes: Change) -> Change:
    """Ask as another kind of API, with these changes."""

    def change(world: World) -> None:
        world.kind = kind
        for each in changes:
            each(world)

    return change


def proven(url: str | None = None, *, origin: str | None = ORIGIN, **members: Any) -> Change:
    """Have a token that is bound to a key, and send it with a proof, of which one thing is changed."""

    def change(world: World) -> None:
        world.environ |= {"API_ORIGIN": origin}
        world.claims |= {"cnf": {"jkt": jkt()}}
        said = {"iat": world.now} | members
        world.scheme = "DPoP"
        world.headers = lambda text: {"DPoP": proof_for(text, url or URLS[world.kind], **said)}

    return change


def certified(shown: str) -> Change:
    """Have a token that is bound to a certificate, and show this one."""

    def change(world: World) -> None:
        world.claims |= {"cnf": {"x5t#S256": thumbprint(PEM)}}
        shown_by = with_certificate(world.kind, event_of(world.kind, None), shown)
        world.event |= {"requestContext": shown_by["requestContext"]}

    return change


def event(name: str, value: Any) -> Change:
    """Change a member of the event; None takes it away."""
    return lambda world: world.event.update({name: value})


def without_payload(text: str) -> str:
    """Take the claims away."""
    return "{0}..{2}".format(*text.split("."))


def with_claims_of_another(text: str) -> str:
    """Put other claims under the signature."""
    parts = text.split(".")
    return ".".join((parts[0], encode_json(claims(time.time(), sub="admin")), parts[2]))


KEYED = event("identitySource", ["GET /products/{id}"])

OPEN: dict[str, Change] = {
    "as it is": lambda _: None,
    "ISSUERS, the same": issuers(),
    "JWKS, the same": setting("JWKS", jwks().decode()),
    "REVOCATIONS_URI off": setting("REVOCATIONS_URI", "off"),
    "a feed that revokes another": feed({"revoked": {"another": 1}, "not_before": {"another": 1}}),
    "a key more": keys(jwks(jwk(), jwk(FOREIGN_KEY, "key-2"))),
    "a claim more": claim("more", "x"),
    "a header more": token_header("jku", X),
    "ROUTES that permit it": routes(),
    "ROUTES for a call": call(Kind.REST_REQUEST, routes(POLICY_FOR="call")),
    "ROUTES for a simple yes": call(Kind.HTTP_2, routes(HTTP_API_RESPONSE="simple"), KEYED),
    **{f"{kind}, a proof": call(kind, proven()) for kind in URLS},
    **{f"{kind}, a certificate": call(kind, certified(PEM)) for kind in URLS},
    "a token that names a usage plan": claim("usage_identifier_key", "k" * 20),
}

POSSESSIONS: dict[str, tuple[Change, str]] = {
    "no proof": (call(Kind.HTTP_2, proven(), attribute("headers", lambda _: {})), "unauthorized"),
    "a proof beside a bearer token": (call(Kind.HTTP_2, proven(), attribute("scheme", "Bearer")), "unauthorized"),
    "a proof and no API_ORIGIN": (call(Kind.HTTP_2, proven(origin=None)), "unauthorized"),
    "a proof and another API_ORIGIN": (call(Kind.HTTP_2, proven(origin=X)), "unauthorized"),
    "a proof for a token that is not bound": (call(Kind.HTTP_2, proven(), claim("cnf", None)), "unauthorized"),
    "a proof of another key": (call(Kind.HTTP_2, proven(), claim("cnf", {"jkt": "x"})), "unauthorized"),
    "a proof for another URL": (call(Kind.HTTP_2, proven(f"{ORIGIN}/other")), "unauthorized"),
    "an old proof": (call(Kind.HTTP_2, proven(iat=1_790_000_000 - 600)), "unauthorized"),
    **{
        f"a proof without {name}": (call(Kind.HTTP_2, proven(**{name: None})), "unauthorized")
        for name in ("htm", "htu", "iat", "jti", "ath")
    },
    "a proof to a TOKEN authorizer": (lambda world: world.claims.update(cnf={"jkt": jkt()}), "unauthorized"),
    "no certificate": (call(Kind.HTTP_2, certified(PEM), attribute("event", {})), "unauthorized"),
    "another certificate": (call(Kind.HTTP_2, certified(certificate())), "unauthorized"),
    "a certificate cut short": (call(Kind.HTTP_2, certified(PEM[:-40])), "unauthorized"),
    "a simple yes to a proof": (
        call(Kind.HTTP_2, proven(), setting("HTTP_API_RESPONSE", "simple"), KEYED),
        "error",
    ),
}

REQUIRED = ("iss", "sub", "client_id", "aud", "iat", "exp", "jti")
NO_TEXT: tuple[Any, ...] = ("", 7, True, {"a": "b"}, "a\nb")
NO_TIME: tuple[Any, ...] = ("1790000000", True, -1, {}, [], 10**12)

CLOSED: dict[str, tuple[Change, str]] = {
    # Settings: absent, another's, pointing nowhere. What cannot be read is tried for every one of them below.
    "no ISSUER": (setting("ISSUER", None), "settings"),
    "another ISSUER": (lambda world: world.environ.update(ISSUER=X, JWKS_URI=world.issuer.server.uri), "unauthorized"),
    "no AUDIENCE": (setting("AUDIENCE", None), "settings"),
    "another AUDIENCE": (setting("AUDIENCE", X), "unauthorized"),
    "JWKS_URI of nothing": (elsewhere("JWKS_URI"), "error"),
    "JWKS of another": (setting("JWKS", jwks(jwk(FOREIGN_KEY)).decode()), "unauthorized"),
    "JWKS of other names": (setting("JWKS", jwks(jwk(kid="key-2")).decode()), "unauthorized"),
    "JWKS without keys": (setting("JWKS", '{"keys": []}'), "settings"),
    "REVOCATIONS_URI of nothing": (elsewhere("REVOCATIONS_URI"), "error"),
    "REVOCATIONS_URI misspelt": (setting("REVOCATIONS_URI", "Off"), "settings"),
    "ISSUERS beside ISSUER": (setting("ISSUERS", f'[{{"issuer": "{X}", "audiences": ["a"]}}]'), "settings"),
    "ISSUERS empty": (setting("ISSUERS", "[]"), "settings"),
    "ISSUERS without issuer": (issuers(issuer=None), "settings"),
    "ISSUERS without audiences": (issuers(audiences=None), "settings"),
    "ISSUERS with another audience": (issuers(audiences=[X]), "unauthorized"),
    "ISSUERS with another's keys": (issuers(jwks=json.loads(jwks(jwk(FOREIGN_KEY)))), "unauthorized"),
    "ISSUERS misspelt": (issuers(revocation_uri="off"), "settings"),
    "ROUTES of nothing": (setting("ROUTES", "{}"), "settings"),
    "ROUTES beside ROUTES_FILE": (routes(ROUTES_FILE="/dev/null"), "settings"),
    "ROUTES_FILE of nothing": (setting("ROUTES_FILE", "/nothing/routes.json"), "settings"),
    "ROUTES that permit another scope": (routes(any_of=[["other"]]), "Deny"),
    "ROUTES that permit with another scope besides": (routes(any_of=[["products:read", "other"]]), "Deny"),
    "ROUTES of another route": (call(Kind.REST_REQUEST, routes(route="GET /", POLICY_FOR="call")), "Deny"),
    "POLICY_FOR=call and a TOKEN event": (setting("POLICY_FOR", "call"), "error"),
    "a call without its route": (call(Kind.REST_REQUEST, routes(POLICY_FOR="call"), event("resource", None)), "Deny"),
    "a simple yes kept for every route": (call(Kind.HTTP_2, routes(HTTP_API_RESPONSE="simple")), "error"),
    "a WebSocket without its scope": (call(Kind.WEBSOCKET, routes()), "Deny"),
    # Proofs and certificates.
    **POSSESSIONS,
    # The key set.
    "no key set": (keys(b"", 404), "error"),
    "a key set that fails": (keys(jwks(), 500), "error"),
    "an empty key set": (keys(b""), "error"),
    "a key set of no keys": (keys(b'{"keys": []}'), "error"),
    "a key set cut short": (keys(jwks()[:-5]), "error"),
    "another key of the name": (keys(jwks(jwk(FOREIGN_KEY))), "unauthorized"),
    "the key under another name": (keys(jwks(jwk(kid="key-2"))), "unauthorized"),
    "two keys of the name": (keys(jwks(jwk(), jwk(FOREIGN_KEY))), "error"),
    "the key for encryption": (keys(jwks(jwk(use="enc"))), "error"),
    "the key for another algorithm": (keys(jwks(jwk(alg="PS256"))), "error"),
    "the key without its modulus": (keys(jwks(without_none(jwk() | {"n": None}))), "error"),
    "the key with its private part": (keys(jwks(jwk(d="AQAB"))), "error"),
    # The feed of revocations.
    "no feed": (feed_document(b"", 404), "error"),
    "a feed that fails": (feed_document(b"", 503), "error"),
    "a feed that did not change": (feed_document(b"", 304), "error"),
    "an empty feed": (feed_document(b""), "error"),
    "a feed of nothing": (feed_document(b"{}"), "error"),
    "a feed without content": (feed_member("content", None), "error"),
    "a feed with other content": (feed_member("content", '{"revoked":{},"not_before":{}}'), "error"),
    "a feed without signature": (feed_member("signature", None), "error"),
    "a feed with a signature of nothing": (feed_member("signature", "e30.e30."), "error"),
    "a feed of another key": (feed(key=FOREIGN_KEY), "error"),
    "a feed of an unknown key": (feed(token_header=feeds.header(kid="x")), "error"),
    "a feed of no algorithm": (feed(token_header=feeds.header(alg="none")), "error"),
    "a feed of another type": (feed(token_header=feeds.header(typ="at+jwt")), "error"),
    "a feed with an extension": (feed(token_header=feeds.header(crit=["exp"])), "error"),
    "a feed of another issuer": (feed(iss=X), "error"),
    "a feed that expired": (feed(exp=1_000_000_000), "error"),
    "a feed of the future": (feed(iat=9_000_000_000, exp=9_000_000_900), "error"),
    **{f"a feed without {name}": (feed(**{name: None}), "error") for name in ("iss", "iat", "exp", "sha256")},
    "a feed without revoked": (feed({"not_before": {}}), "error"),
    "a feed without not_before": (feed({"revoked": {}}), "error"),
    "a feed with something more": (feed({"revoked": {}, "not_before": {}, "more": {}}), "error"),
    "a feed that is a list": (feed({"revoked": ["3f9a1c"], "not_before": {}}), "error"),
    "a feed that revokes the token": (feed({"revoked": {"3f9a1c": 9e9}, "not_before": {}}), "unauthorized"),
    "a feed that revokes the client's": (feed({"revoked": {}, "not_before": {"client-1": 9e9}}), "unauthorized"),
    # The token's header and signature.
    **{f"a token without {name}": (token_header(name, None), "unauthorized") for name in ("alg", "typ", "kid")},
    **{f"alg {alg}": (token_header("alg", alg), "unauthorized") for alg in ("none", "HS256", "PS256", "rs256", 7)},
    **{f"typ {typ}": (token_header("typ", typ), "unauthorized") for typ in ("JWT", "dpop+jwt", "at+jwt ", 7)},
    **{f"kid {kid}": (token_header("kid", kid), "unauthorized") for kid in ("", "key-2", 7)},
    "crit": (token_header("crit", ["exp"]), "unauthorized"),
    "b64": (token_header("b64", False), "unauthorized"),  # noqa: FBT003 - the member's value
    "another key": (attribute("key", FOREIGN_KEY), "unauthorized"),
    "no signature": (attribute("text", lambda text: text.rpartition(".")[0] + "."), "unauthorized"),
    "a signature cut short": (attribute("text", lambda text: text[:-4]), "unauthorized"),
    "no payload": (attribute("text", without_payload), "unauthorized"),
    "another payload": (attribute("text", with_claims_of_another), "unauthorized"),
    "no header": (attribute("text", lambda text: "." + text.partition(".")[2]), "unauthorized"),
    "a header of nothing": (attribute("text", lambda text: encode(b"{}") + text[text.index(".") :]), "unauthorized"),
    # The token's claims.
    **{f"no {name}": (claim(name, None), "unauthorized") for name in REQUIRED},
    **{
        f"{name} {value!r}": (claim(name, value), "unauthorized")
        for name in ("iss", "sub", "client_id", "aud", "jti")
        for value in NO_TEXT
    },
    **{
        f"{name} {value!r}": (claim(name, value), "unauthorized") for name in ("iat", "exp", "nbf") for value in NO_TIME
    },
    **{f"scope {value!r}": (claim("scope", value), "unauthorized") for value in (7, ["a"], "a  b", "\u00e9", '"')},
    "a usage plan's key that is none": (claim("usage_identifier_key", "short"), "unauthorized"),
    **{f"cnf {value!r}": (claim("cnf", value), "unauthorized") for value in ({}, "x", {"jkt": "x"}, {"x5t#S256": "x"})},
    "another issuer's": (claim("iss", X), "unauthorized"),
    "for another audience": (claim("aud", X), "unauthorized"),
    "for no audience": (claim("aud", []), "unauthorized"),
    "expired": (claim_in("exp", -61), "unauthorized"),
    "not valid yet": (claim_in("nbf", 120), "unauthorized"),
    "issued in the future": (claim_in("iat", 120), "unauthorized"),
    # The event.
    "no token": (event("authorizationToken", None), "unauthorized"),
    "an empty token": (event("authorizationToken", ""), "unauthorized"),
    "no bearer": (event("authorizationToken", "Basic ZGVtbzpk"), "unauthorized"),
    "no ARN": (event("methodArn", None), "error"),
    "an ARN of everything": (event("methodArn", "*"), "error"),
    "no type": (event("type", None), "error"),
}


@pytest.mark.parametrize("change", OPEN.values(), ids=OPEN.keys())
def test_a_good_request_is_allowed(world: World, change: Change) -> None:
    """The world as it is, and changed in ways that have to make no difference: the control of all that follows."""
    change(world)
    assert world.outcome() == "Allow"


@pytest.mark.parametrize(("change", "outcome"), CLOSED.values(), ids=CLOSED.keys())
def test_one_thing_absent_or_corrupt_and_nothing_is_allowed(world: World, change: Change, outcome: str) -> None:
    """No start, 401, or an error that is no answer: never a policy that allows."""
    change(world)
    assert world.outcome() == outcome


@pytest.mark.parametrize(("change", "outcome"), CLOSED.values(), ids=CLOSED.keys())
def test_nor_where_invalid_tokens_are_denied(world: World, change: Change, outcome: str) -> None:
    """INVALID_TOKEN_RESULT=deny turns some of the 401 into an explicit Deny, and nothing into an Allow."""
    world.environ["INVALID_TOKEN_RESULT"] = "deny"
    change(world)
    assert world.outcome() in ({"unauthorized", "Deny"} if outcome == "unauthorized" else {outcome})


@pytest.mark.parametrize("value", ["\x01", "\udc80", " "], ids=ascii)
@pytest.mark.parametrize("name", [row.name for row in SETTINGS])
def test_no_setting_is_passed_over(world: World, name: str, value: str) -> None:
    """Whatever cannot be read stops the start, for every setting that there is."""
    setting(name, value)(world)
    assert world.outcome() == "settings"


_OPTIONAL = {"nbf", "scope", "kid", "cnf", "actors", "usage_identifier_key", "identity_provider"}


def test_every_claim_that_a_token_must_have_is_in_the_table() -> None:
    """What the authorizer's token has no default for is required, and its absence is tried."""
    required = {name for name in AccessToken.__dataclass_fields__ if f"no {name}" in CLOSED}
    assert required == set(AccessToken.__dataclass_fields__) - _OPTIONAL


@pytest.mark.parametrize("path", [JWKS_PATH, FEED_PATH])
def test_an_issuer_that_never_answers_is_waited_for_and_not_passed_over(world: World, path: str) -> None:
    """A document that does not come within the time-out is one that there is not."""
    world.environ["JWKS_TIMEOUT_SECONDS"] = "1"

    def silent(_: BaseHTTPRequestHandler) -> None:
        world.issuer.server.released.wait(5)

    world.issuer.answers[path] = silent
    assert world.outcome() == "error"
