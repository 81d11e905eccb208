"""Client authentication with a private key (RFC 7523): what is accepted, and each thing that is not."""

import json
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import boto3
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from auth_server import jwt_assertion
from auth_server.aws.state_table import DynamoDBStateStore
from auth_server.errors import InvalidClientError
from infra.cloudformation import Stack
from tests.auth_server.assertions import (
    ED25519,
    JWT_BEARER,
    OTHER_RSA,
    P256,
    RSA,
    SIGN,
    ask,
    b64,
    by_rsa,
    claims,
    hs256,
    jwk,
    jwks,
    sign,
    signer,
)
from tests.simulator import ENVIRON, ISSUER, NOW, SECRET, MemoryClientStore, Simulator, basic, client, document

TOKEN_ENDPOINT = f"{ISSUER}/oauth/token"


@pytest.fixture
def server() -> Simulator:
    """Give a server that knows `demo`, which has a key and no secret."""
    return Simulator(clients=MemoryClientStore(signer()))


def refused(server: Simulator, response: dict[str, Any], reason: str, output: str) -> None:
    """Check that it was refused with the one text, for this reason, and that nothing is remembered of it."""
    assert (response["statusCode"], document(response)) == (
        401,
        {"error": "invalid_client", "error_description": "Client authentication failed."},
    )
    assert reason in json.loads(output.splitlines()[-1])["reason"]
    assert server.state.used == {}


@pytest.mark.spec("RFC 7523", "2.2")
@pytest.mark.parametrize("named", ["demo", None])
def test_an_assertion_authenticates_its_client(server: Simulator, named: str | None) -> None:
    """A client authenticates with a JWT bearer assertion; the client_id parameter may be left out (RFC 7521 4.2)."""
    response = ask(server, sign(claims()), client_id=named)
    assert server.claims(response)["client_id"] == "demo"


@pytest.mark.spec("RFC 7518", "3")
@pytest.mark.parametrize(("alg", "key"), [("RS256", RSA), ("PS256", RSA), ("ES256", P256), ("EdDSA", ED25519)])
def test_each_algorithm_verifies_with_its_kind_of_key(alg: str, key: Any) -> None:
    """RS256, PS256, ES256 and EdDSA are accepted, with the key that the client registered for them."""
    server = Simulator(clients=MemoryClientStore(signer(jwks=jwks(jwk(key, kid="k1")))))
    assert ask(server, sign(claims(), {"alg": alg, "kid": "k1"}, SIGN[alg]))["statusCode"] == 200


GOOD: dict[str, Callable[[], str]] = {
    "the issuer as aud": lambda: sign(claims(aud=ISSUER)),
    "the token endpoint as aud": lambda: sign(claims(aud=TOKEN_ENDPOINT)),
    "an array with ours in it": lambda: sign(claims(aud=["https://other.example", TOKEN_ENDPOINT])),
    "typ JWT": lambda: sign(claims(), {"alg": "RS256", "kid": "k1", "typ": "JWT"}),
    "no kid": lambda: sign(claims(), {"alg": "RS256"}),
    "no iat": lambda: sign(claims(iat=None)),
    "a clock that is slow by a minute": lambda: sign(claims(iat=NOW - 359, exp=NOW - 59)),
    "a clock that is fast by a minute": lambda: sign(claims(iat=NOW + 60, nbf=NOW + 60, exp=NOW + 360)),
    "an hour": lambda: sign(claims(exp=NOW + 3600)),
    "times with fractions": lambda: sign(claims(iat=NOW - 0.5, exp=NOW + 0.5)),
    "claims that nobody asked for": lambda: sign(claims(scope="admin", client_id="other")),
}


@pytest.mark.spec("RFC 7523", "3")
@pytest.mark.parametrize("assertion", GOOD.values(), ids=GOOD.keys())
def test_what_may_differ_is_accepted(server: Simulator, assertion: Callable[[], str]) -> None:
    """Each of these is as good as the usual assertion, and gives no more than it."""
    granted = server.claims(ask(server, assertion()))
    assert (granted["sub"], granted["scope"]) == ("demo", "products:read products:write")


def _unsigned() -> str:
    return sign(claims(), {"alg": "none"}, lambda _: b"")


def _public_pem() -> bytes:
    return RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _with_own_key(**header: Any) -> str:
    return sign(claims(), {"alg": "RS256", "kid": "k1", **header}, by_rsa(OTHER_RSA))


BAD: dict[str, tuple[Callable[[], str], str]] = {
    "unsigned": (_unsigned, "algorithm"),
    "unsigned, in capitals": (lambda: sign(claims(), {"alg": "NONE", "kid": "k1"}, lambda _: b""), "algorithm"),
    "HS256 by the public key": (
        lambda: sign(claims(), {"alg": "HS256", "kid": "k1"}, hs256(_public_pem())),
        "algorithm",
    ),
    "HS256 by the modulus": (
        lambda: sign(claims(), {"alg": "HS256", "kid": "k1"}, hs256(jwk(RSA)["n"].encode())),
        "algorithm",
    ),
    "no algorithm": (lambda: sign(claims(), {"kid": "k1"}), "algorithm"),
    "an algorithm that is no string": (lambda: sign(claims(), {"alg": ["RS256"], "kid": "k1"}), "algorithm"),
    "another algorithm than the key's kind": (
        lambda: sign(claims(), {"alg": "ES256", "kid": "k1"}),
        "no registered key",
    ),
    "ES256 where the key is RSA": (
        lambda: sign(claims(), {"alg": "ES256", "kid": "k1"}, SIGN["ES256"]),
        "no registered key",
    ),
    "another's key": (lambda: sign(claims(), by=by_rsa(OTHER_RSA)), "signature"),
    "its own key in the header": (lambda: _with_own_key(jwk=jwk(OTHER_RSA, kid="k1")), "signature"),
    "a URL of keys in the header": (
        lambda: _with_own_key(jku="https://evil.example", x5u="https://evil.example"),
        "signature",
    ),
    "a signature that is changed": (lambda: sign(claims(), by=lambda m: SIGN["RS256"](m)[:-1] + b"\0"), "signature"),
    "no signature": (lambda: sign(claims(), by=lambda _: b""), "signature"),
    "another kid": (lambda: sign(claims(), {"alg": "RS256", "kid": "k2"}), "kid"),
    "a kid that is no string": (lambda: sign(claims(), {"alg": "RS256", "kid": 1}), "kid"),
    "another type": (lambda: sign(claims(), {"alg": "RS256", "kid": "k1", "typ": "at+jwt"}), "typ"),
    "a type that is no string": (lambda: sign(claims(), {"alg": "RS256", "kid": "k1", "typ": None}), "typ"),
    "crit": (lambda: sign(claims(), {"alg": "RS256", "kid": "k1", "crit": ["exp"], "exp": 1}), "critical"),
    "b64": (lambda: sign(claims(), {"alg": "RS256", "kid": "k1", "b64": False}), "critical"),
    "another's aud": (lambda: sign(claims(aud="https://other.example")), "audience"),
    "no aud": (lambda: sign(claims(aud=None)), "no aud"),
    "an empty aud": (lambda: sign(claims(aud=[])), "aud is malformed"),
    "an aud that starts like ours": (lambda: sign(claims(aud=ISSUER + "/")), "audience"),
    "another's iss": (lambda: sign(claims(iss="other")), "iss and sub"),
    "another's sub": (lambda: sign(claims(sub="other")), "unknown client"),
    "no iss": (lambda: sign(claims(iss=None)), "no iss"),
    "no sub": (lambda: sign(claims(sub=None)), "unknown client"),
    "expired": (lambda: sign(claims(iat=NOW - 360, exp=NOW - 60)), "expired"),
    "no exp": (lambda: sign(claims(exp=None)), "no exp"),
    "an exp that is no number": (lambda: sign(claims(exp="never")), "exp is malformed"),
    "an exp that is true": (lambda: sign(claims(exp=True)), "exp is malformed"),
    "a life of over an hour": (lambda: sign(claims(exp=NOW + 3601)), "longer"),
    "a life of over an hour from an old iat": (lambda: sign(claims(iat=NOW - 3600, exp=NOW + 1)), "longer"),
    "a far expiry without iat": (lambda: sign(claims(iat=None, exp=NOW + 3601)), "longer"),
    "the year 9999": (lambda: sign(claims(exp=253_402_300_799)), "longer"),
    "an iat in the future": (lambda: sign(claims(iat=NOW + 61, exp=NOW + 300)), "future"),
    "an nbf in the future": (lambda: sign(claims(nbf=NOW + 61)), "not valid yet"),
    "no jti": (lambda: sign(claims(jti=None)), "no jti"),
    "an empty jti": (lambda: sign(claims(jti="")), "jti is malformed"),
    "a jti that is no string": (lambda: sign(claims(jti=7)), "jti is malformed"),
    "half a surrogate pair": (lambda: sign(claims(jti="\ud800")), "jti is malformed"),
    "a claim twice": (
        lambda: sign(json.dumps(claims()).replace("{", '{"jti":"other",', 1).encode()),
        "strict JSON",
    ),
    "NaN": (lambda: sign(json.dumps(claims(exp=float("nan"))).encode()), "strict JSON"),
    "an array": (lambda: sign(b"[]"), "strict JSON"),
    "padded base64": (lambda: sign(claims()).replace(".", "=.", 1), "strict JSON"),
    "not a JWT": (lambda: "assertion", "one JWT"),
    "four segments": (lambda: sign(claims()) + ".x", "one JWT"),
    "over 8 KB": (lambda: sign(claims(padding="x" * 8192)), "one JWT"),
}


@pytest.mark.spec("RFC 7523", "3")
@pytest.mark.parametrize(("assertion", "reason"), BAD.values(), ids=BAD.keys())
def test_a_bad_assertion_is_refused_and_changes_nothing(
    server: Simulator, capsys: pytest.CaptureFixture[str], assertion: Callable[[], str], reason: str
) -> None:
    """One text for every cause, the reason in the audit line, and the state store as it was."""
    refused(server, ask(server, assertion()), reason, capsys.readouterr().out)
    assert ask(server, sign(claims()))["statusCode"] == 200


PARAMETERS: dict[str, tuple[dict[str, str | None], str]] = {
    "no type": ({"client_assertion_type": None}, "client_assertion_type"),
    "another type": (
        {"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"},
        "client_assertion_type",
    ),
    "no assertion": ({"client_assertion": None}, "no client_assertion"),
    "another client_id": ({"client_id": "other"}, "unknown client"),
}


@pytest.mark.spec("RFC 7521", "4.2")
@pytest.mark.parametrize(("parameters", "reason"), PARAMETERS.values(), ids=PARAMETERS.keys())
def test_the_parameters_must_be_those_of_the_standard(
    server: Simulator, capsys: pytest.CaptureFixture[str], parameters: dict[str, str | None], reason: str
) -> None:
    """The type is jwt-bearer's, the assertion is there, and a client_id, where there is one, names the same client."""
    refused(server, ask(server, sign(claims()), **parameters), reason, capsys.readouterr().out)


@pytest.mark.spec("RFC 7521", "4.2")
def test_a_client_id_names_the_client_of_the_assertion(capsys: pytest.CaptureFixture[str]) -> None:
    """An assertion of one client does not authenticate another, were both of them registered with the same key."""
    server = Simulator(clients=MemoryClientStore(signer(), signer(client_id="other")))
    refused(server, ask(server, sign(claims()), client_id="other"), "iss and sub", capsys.readouterr().out)


@pytest.mark.spec("RFC 7523", "3")
def test_a_key_is_its_clients_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever holds the key of another client speaks for that one, and not for this."""
    other = signer(client_id="other", jwks=jwks(jwk(OTHER_RSA, kid="k2")))
    server = Simulator(clients=MemoryClientStore(signer(), other))
    assertion = sign(claims(), {"alg": "RS256", "kid": "k2"}, by_rsa(OTHER_RSA))
    refused(server, ask(server, assertion), "no registered key", capsys.readouterr().out)


@pytest.mark.spec("RFC 6749", "2.3")
@pytest.mark.parametrize("assertion", [sign(claims()), "nonsense"])
def test_another_method_at_once_is_an_invalid_request(server: Simulator, assertion: str) -> None:
    """The client must not use more than one method in a request, were one of them no good."""
    good = {"grant_type": "client_credentials", "client_assertion_type": JWT_BEARER, "client_assertion": assertion}
    for response in (
        server.post({**good, "client_id": "demo", "client_secret": SECRET}),
        server.post(good, headers=basic("demo", SECRET)),
    ):
        assert (response["statusCode"], document(response)["error"]) == (400, "invalid_request")
    assert server.state.used == {}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"enabled": False}, "disabled"),
        ({"auth_methods": ("client_secret_basic",)}, "not this client's"),
        ({"jwks": None}, "no registered keys"),
        ({"jwks": {"keys": []}}, "no usable key"),
    ],
    ids=["disabled", "another method", "no keys", "no usable keys"],
)
def test_the_record_has_to_allow_it(capsys: pytest.CaptureFixture[str], changes: dict[str, Any], reason: str) -> None:
    """A good assertion of a client that may not use it is refused, and not even remembered."""
    server = Simulator(clients=MemoryClientStore(signer(**changes)))
    refused(server, ask(server, sign(claims())), reason, capsys.readouterr().out)


@pytest.mark.spec("RFC 7523", "3")
def test_an_assertion_is_used_once(server: Simulator, capsys: pytest.CaptureFixture[str]) -> None:
    """A jti serves once, until the assertion is refused by its age; another client's jti of that name is another's."""
    assertion = sign(claims())
    assert ask(server, assertion)["statusCode"] == 200
    assert server.state.used == {("assertion demo", jwt_assertion.digest("jti-1")): NOW + 360}
    for now in (NOW, NOW + 359):
        server.now = now
        assert ask(server, assertion)["statusCode"] == 401
        assert "used before" in capsys.readouterr().out
    server.now = NOW + 360
    assert ask(server, assertion)["statusCode"] == 401
    assert "expired" in capsys.readouterr().out
    server.now = NOW
    server.clients.clients["other"] = signer(client_id="other")
    assert ask(server, sign(claims(iss="other", sub="other")))["statusCode"] == 200


def test_a_jti_serves_once_whatever_else_the_assertion_says(server: Simulator) -> None:
    """Signing the same jti anew makes no new assertion."""
    assert ask(server, sign(claims()))["statusCode"] == 200
    assert ask(server, sign(claims(exp=NOW + 301)))["statusCode"] == 401


def test_a_store_that_does_not_answer_is_503(server: Simulator) -> None:
    """Where nobody can tell whether an assertion was used before, no token is issued."""
    server.state.failing = True
    assert ask(server, sign(claims()))["statusCode"] == 503
    server.state.failing = False
    assert ask(server, sign(claims()))["statusCode"] == 200


@pytest.mark.spec("RFC 7523", "3")
def test_of_many_at_once_one_wins(aws_endpoint: str) -> None:
    """An assertion that is presented by many at the same moment authenticates one of them."""
    dynamodb = boto3.client("dynamodb", endpoint_url=aws_endpoint)
    definition = {**Stack().tables()["StateTable"].definition, "TableName": f"state-{uuid.uuid4()}"}
    dynamodb.create_table(**definition)
    server = Simulator(
        clients=MemoryClientStore(signer()),
        state=DynamoDBStateStore(dynamodb, definition["TableName"]),  # type: ignore[arg-type] # the real one, for its conditional write
    )
    assertion, barrier = sign(claims()), Barrier(8)

    def present(_: int) -> int:
        barrier.wait()
        status: int = ask(server, assertion)["statusCode"]
        return status

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(present, range(8))) == [200, *[401] * 7]


def test_the_longest_life_is_a_setting(capsys: pytest.CaptureFixture[str]) -> None:
    """A server may demand assertions of a minute."""
    environ = {**ENVIRON, "ASSERTION_MAX_LIFETIME_SECONDS": "60"}
    server = Simulator(clients=MemoryClientStore(signer()), environ=environ)
    refused(server, ask(server, sign(claims(exp=NOW + 61))), "longer than 60", capsys.readouterr().out)
    assert ask(server, sign(claims(exp=NOW + 60)))["statusCode"] == 200


@pytest.mark.parametrize(("place", "status"), [(9, 200), (10, 401)])
def test_without_a_kid_ten_keys_are_tried(place: int, status: int) -> None:
    """All keys of the right kind are tried, up to a bound; keys of other kinds are none of the ten."""
    foreign = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    keys = [jwk(foreign) for _ in range(place)]
    server = Simulator(clients=MemoryClientStore(signer(jwks=jwks(jwk(P256), *keys, jwk(RSA)))))
    assert ask(server, sign(claims(), {"alg": "RS256"}))["statusCode"] == status


@pytest.mark.spec("RFC 7517", "4")
@pytest.mark.parametrize(
    "members", [{"use": "enc"}, {"alg": "PS256"}, {"key_ops": ["sign"]}, {"key_ops": "verify"}, {"d": "AQAB"}], ids=str
)
def test_a_key_serves_what_it_is_meant_for(members: dict[str, Any]) -> None:
    """A key for encryption, for another algorithm or for another operation verifies nothing, nor does a private one."""
    server = Simulator(clients=MemoryClientStore(signer(jwks=jwks(jwk(RSA, kid="k1", **members), jwk(OTHER_RSA)))))
    assert ask(server, sign(claims()))["statusCode"] == 401


def test_a_secret_does_not_stand_in_for_a_key() -> None:
    """A client of both methods may use either; the other's credentials are its own alone."""
    both = client(auth_methods=("client_secret_basic", "private_key_jwt"), jwks=jwks(jwk(RSA, kid="k1")))
    server = Simulator(clients=MemoryClientStore(both))
    assert server.token()["statusCode"] == 200
    assert ask(server, sign(claims()))["statusCode"] == 200
    assert ask(server, sign(claims(), {"alg": "HS256"}, hs256(SECRET.encode())))["statusCode"] == 401


def test_no_assertion_reaches_the_log(server: Simulator, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither an assertion nor a part of it stands in an audit line, whatever became of it."""
    assertion = sign(claims(jti="the-jti-of-the-assertion"))
    for _ in range(2):
        ask(server, assertion)
    ask(server, assertion, client_id=assertion[:40])
    log = capsys.readouterr().out
    assert log.count("\n") == 3
    assert not any(part in log for part in (*assertion.split("."), "the-jti-of-the-assertion", assertion[:40]))


_TEXTS = st.text() | st.tuples(st.binary(), st.binary(), st.binary()).map(lambda parts: ".".join(map(b64, parts)))
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(_TEXTS)
def test_any_text_is_refused_and_nothing_else(text: str) -> None:
    """The parser of assertions answers whatever is no assertion with one exception."""
    with pytest.raises(InvalidClientError):
        jwt_assertion.parse(text)


@given(
    name=st.sampled_from(["iss", "sub", "aud", "exp", "iat", "nbf", "jti"]),
    value=_JSON,
    header=st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "jwk"]), _JSON, max_size=2),
)
def test_no_claim_or_header_ends_in_a_fault(name: str, value: Any, header: dict[str, Any]) -> None:
    """Whatever a claim or header holds, the answer is a token or a refusal, under a signature that is good."""
    server = Simulator(clients=MemoryClientStore(signer()))
    response = ask(server, sign({**claims(), name: value}, {"alg": "RS256", "kid": "k1", **header}))
    assert response["statusCode"] in (200, 401)
    document(response)
