"""DPoP at the token endpoint (RFC 9449 5). Every refused request is a good one but for one thing."""

import base64
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

import boto3
import jwt
import pytest

from auth_server.app import App
from auth_server.audit import AuditLog
from auth_server.aws.state_table import DynamoDBStateStore
from auth_server.clients import Client
from auth_server.key_ring import KeyRing
from auth_server.last_use import LastUse
from auth_server.quota import Quota
from auth_server.remote_keys import RemoteKeys
from auth_server.routes import ROUTES
from auth_server.services import Services
from auth_server.settings import Settings
from auth_server.throttle import Throttle
from auth_server.token_reuse import TokenReuse
from auth_server.wire import response_to_event
from authorizer import public_key
from tests.authorizer.proofs import EC_KEY, ES256, SIGNERS, Signer, proof
from tests.simulator import (
    ENVIRON,
    ISSUER,
    NOW,
    SECRET,
    LocalKeySource,
    MemoryClientStore,
    Simulator,
    basic,
    client,
    document,
    event,
)

GOOD = {"grant_type": "client_credentials", "client_id": "demo", "client_secret": SECRET}
JKT = public_key.thumbprint(ES256.jwk)


def server(**changes: Any) -> Simulator:
    """Give a server that knows one client, `demo`, with these changes."""
    return Simulator(clients=MemoryClientStore(client(**changes)))


def ask(simulator: Simulator, sent: Any, **parameters: Any) -> dict[str, Any]:
    """Ask for a token with this DPoP header; a list is sent as so many headers, None as none."""
    return simulator.post({**GOOD, **parameters}, headers={"DPoP": sent})


def refused(simulator: Simulator, response: dict[str, Any]) -> str:
    """Check that this is the refusal of a proof, and that nothing was written; give its description."""
    assert (response["statusCode"], document(response)["error"]) == (400, "invalid_dpop_proof")
    assert response["headers"]["Cache-Control"] == "no-store"
    assert not simulator.state.used
    return str(document(response)["error_description"])


@pytest.mark.spec("RFC 9449", "5")
@pytest.mark.parametrize("signer", SIGNERS.values(), ids=SIGNERS.keys())
def test_a_proof_binds_the_token_to_its_key(signer: Signer) -> None:
    """The token has the key's thumbprint in `cnf`, and the answer says token_type DPoP."""
    simulator = server()
    response = ask(simulator, proof(signer))
    assert document(response)["token_type"] == "DPoP"
    assert simulator.claims(response)["cnf"] == {"jkt": public_key.thumbprint(signer.jwk)}


@pytest.mark.spec("RFC 9449", "5")
def test_without_a_proof_the_token_is_a_bearer_token() -> None:
    """Nothing changes for a client that knows nothing of DPoP."""
    simulator = server()
    response = ask(simulator, None)
    assert document(response)["token_type"] == "Bearer"
    assert "cnf" not in simulator.claims(response)
    assert not simulator.state.used


@pytest.mark.spec("RFC 9449", "5.2")
def test_a_client_of_bound_tokens_needs_a_proof() -> None:
    """Where dpop_bound_access_tokens is true, a request without a proof is refused."""
    simulator = server(dpop_bound_access_tokens=True)
    refused(simulator, ask(simulator, None))
    assert document(ask(simulator, proof()))["token_type"] == "DPoP"


@pytest.mark.spec("RFC 9449", "4.3")
@pytest.mark.parametrize(
    "sent",
    [
        [proof(), proof(claims={"jti": "other"})],
        [proof(), proof()],
        [proof(), ""],
        f"{proof()},{proof()}",
        f"{proof()}, {proof(claims={'jti': 'other'})}",
    ],
)
def test_there_is_one_dpop_header(sent: Any) -> None:
    """There is not more than one DPoP HTTP request header field; HTTP APIs join two with a comma."""
    simulator = server()
    refused(simulator, ask(simulator, sent))


REFUSED: dict[str, tuple[str, str]] = {
    "another URL": (proof(claims={"htu": f"{ISSUER}/oauth/introspect"}), "(htu)"),
    "another server": (proof(claims={"htu": "https://evil.example/oauth/token"}), "(htu)"),
    "another method": (proof(claims={"htm": "GET"}), "(htm)"),
    "stale": (proof(claims={"iat": NOW - 61}), "(iat)"),
    "from the future": (proof(claims={"iat": NOW + 61}), "(iat)"),
    "another typ": (proof(header={"typ": "JWT"}), "(typ)"),
    "alg none": (proof(header={"alg": "none"}), "(alg)"),
    "alg HS256": (proof(header={"alg": "HS256"}), "(alg)"),
    "a private key": (proof(header={"jwk": {**ES256.jwk, "d": "AQAB"}}), "(jwk)"),
    "no key": (proof(header={"jwk": None}), "(jwk)"),
    "a bad signature": (proof()[:-8] + "AAAAAAAA", "signed"),
    "no jti": (proof(claims={"jti": None}), "jti"),
    "malformed": ("e30.e30", "JWT"),
    "empty": ("", "JWT"),
    "long": (proof(claims={"padding": "x" * 8_192}), "longer"),
}


@pytest.mark.spec("RFC 9449", "5")
@pytest.mark.parametrize(("sent", "about"), REFUSED.values(), ids=REFUSED.keys())
def test_a_bad_proof_is_refused(sent: str, about: str) -> None:
    """An invalid proof is invalid_dpop_proof, even where none is needed, and leaves nothing in the state store."""
    simulator = server()
    assert about in refused(simulator, ask(simulator, sent))


@pytest.mark.spec("RFC 9449", "4.3")
def test_the_url_is_the_issuers_and_not_the_hosts() -> None:
    """`htu` is held against the configured issuer, whatever Host says."""
    simulator = server()
    headers = {"DPoP": proof(claims={"htu": "https://evil.example/oauth/token"}), "Host": "evil.example"}
    refused(simulator, simulator.post(GOOD, headers=headers))


@pytest.mark.spec("RFC 9449", "11.1")
def test_a_proof_is_used_once() -> None:
    """A second request with the same proof is refused for as long as the proof could be valid."""
    simulator = server()
    assert ask(simulator, proof())["statusCode"] == 200
    for later in (0, 1, 60):
        simulator.now = NOW + later
        response = ask(simulator, proof())
        assert (response["statusCode"], document(response)["error"]) == (400, "invalid_dpop_proof")
        assert "used before" in document(response)["error_description"]
    simulator.now = NOW + 61
    assert "(iat)" in document(ask(simulator, proof()))["error_description"]


@pytest.mark.spec("RFC 9449", "11.1")
def test_a_proof_from_a_fast_clock_is_used_once_all_the_same() -> None:
    """What is remembered lasts until the proof has aged out, counted from its own time."""
    simulator = server()
    early = proof(claims={"iat": NOW + 60})
    assert ask(simulator, early)["statusCode"] == 200
    simulator.now = NOW + 120
    assert "used before" in document(ask(simulator, early))["error_description"]


@pytest.mark.spec("RFC 9449", "11.1")
def test_names_of_proofs_are_their_keys_own() -> None:
    """The same `jti` of another key is another proof: nobody can use up a name of somebody else's."""
    simulator = server()
    for signer in (SIGNERS["ES256"], SIGNERS["EdDSA"], SIGNERS["RS256"]):
        assert ask(simulator, proof(signer))["statusCode"] == 200
    assert ask(simulator, proof(claims={"jti": "another"}))["statusCode"] == 200


def test_a_long_or_odd_name_is_remembered_as_its_digest() -> None:
    """A `jti` may be any text; what is kept of it is 64 characters."""
    simulator = server()
    for jti in ("x" * 5_000, "\0", "\ud800", "鍵"):
        assert ask(simulator, proof(claims={"jti": jti}))["statusCode"] == 200
    assert {(kind, len(name)) for kind, name in simulator.state.used} == {(f"dpop {JKT}", 64)}


ELSEWHERE_BAD: dict[str, tuple[dict[str, Any], int, str]] = {
    "wrong secret": ({"client_secret": SECRET + "x"}, 401, "invalid_client"),
    "unknown client": ({"client_id": "nobody"}, 401, "invalid_client"),
    "unsupported grant": ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    "another's scope": ({"scope": "admin"}, 400, "invalid_scope"),
    "another's resource": ({"resource": "https://other.example"}, 400, "invalid_target"),
}


@pytest.mark.parametrize(("changes", "status", "error"), ELSEWHERE_BAD.values(), ids=ELSEWHERE_BAD.keys())
def test_a_request_refused_for_another_reason_uses_no_proof(changes: dict[str, Any], status: int, error: str) -> None:
    """Everything else is checked first: the same proof is good for the request put right."""
    simulator = server()
    response = ask(simulator, proof(), **changes)
    assert (response["statusCode"], document(response)["error"]) == (status, error)
    assert not simulator.state.used
    assert ask(simulator, proof())["statusCode"] == 200


def test_a_token_that_would_be_too_long_uses_no_proof() -> None:
    """That a token cannot be signed is found out before the proof is used up."""
    simulator = server(scopes=("s" * 3_000,))
    response = ask(simulator, proof())
    assert (response["statusCode"], document(response)["error"]) == (400, "invalid_scope")
    assert not simulator.state.used


def test_a_key_that_cannot_be_had_uses_no_proof() -> None:
    """Where the signing key cannot be fetched, the client may send the same proof again."""
    simulator = server()
    simulator.keys.failing = True
    assert ask(simulator, proof())["statusCode"] == 503
    assert not simulator.state.used


def test_a_state_store_that_does_not_answer_is_503() -> None:
    """No token is issued on a proof that might have been used before."""
    simulator = server()
    simulator.state.failing = True
    response = ask(simulator, proof())
    assert (response["statusCode"], document(response)["error"]) == (503, "temporarily_unavailable")
    simulator.state.failing = False
    assert ask(simulator, proof())["statusCode"] == 200


def test_a_bearer_token_needs_no_state_store() -> None:
    """A request without a proof costs no call of it."""
    simulator = server()
    simulator.state.failing = True
    assert ask(simulator, None)["statusCode"] == 200


def test_the_age_of_a_proof_is_a_setting() -> None:
    """DPOP_MAX_AGE_SECONDS is how far its time may be off."""
    simulator = Simulator(environ={**ENVIRON, "DPOP_MAX_AGE_SECONDS": "5"})
    assert "(iat)" in refused(simulator, ask(simulator, proof(claims={"iat": NOW - 6})))
    assert ask(simulator, proof(claims={"iat": NOW - 5}))["statusCode"] == 200


@pytest.mark.spec("RFC 9449", "5")
def test_a_proof_goes_with_every_way_to_authenticate() -> None:
    """A proof is no client authentication: it stands beside any one method, and replaces none."""
    jwk = {**ES256.jwk, "kid": "k"}
    simulator = server(
        auth_methods=("client_secret_basic", "client_secret_post", "private_key_jwt"), jwks={"keys": [jwk]}
    )
    body = {"grant_type": "client_credentials"}
    assertion = _assertion()
    ways = (
        simulator.post(body, headers={**basic("demo", SECRET), "DPoP": proof(claims={"jti": "1"})}),
        ask(simulator, proof(claims={"jti": "2"})),
        simulator.post({**body, **assertion}, headers={"DPoP": proof(claims={"jti": "3"})}),
    )
    for response in ways:
        assert document(response)["token_type"] == "DPoP"
        assert simulator.claims(response)["cnf"] == {"jkt": JKT}
    alone = simulator.post({**body, "client_id": "demo"}, headers={"DPoP": proof(claims={"jti": "4"})})
    assert (alone["statusCode"], document(alone)["error"]) == (401, "invalid_client")


def _assertion() -> dict[str, str]:
    """Give the parameters of private_key_jwt, signed with the same key as the proofs."""
    claims = {"iss": "demo", "sub": "demo", "aud": ISSUER, "exp": NOW + 60, "iat": NOW, "jti": "a-1"}
    return {
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": jwt.encode(claims, EC_KEY, algorithm="ES256", headers={"kid": "k"}),
    }


def test_a_clients_own_claims_cannot_bind() -> None:
    """`cnf` is the server's own, whatever the client's record says."""
    simulator = server(claims={"cnf": {"jkt": "forged"}})
    assert simulator.claims(ask(simulator, proof()))["cnf"] == {"jkt": JKT}


def test_the_log_holds_no_proof(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither a good nor a refused proof leaves a part of itself in the audit line."""
    simulator = server()
    good, bad = proof(), proof(claims={"htm": "PUT"})
    ask(simulator, good)
    ask(simulator, bad)
    log = capsys.readouterr().out
    assert not [part for text in (good, bad) for part in text.split(".") if part in log]


def test_of_many_who_race_with_one_proof_one_wins(aws_endpoint: str) -> None:
    """The use of a proof is one conditional write of the real store: of many at once, one gets a token."""
    dynamodb = boto3.client("dynamodb", endpoint_url=aws_endpoint)
    dynamodb.create_table(
        TableName="dpop-races",
        KeySchema=[{"AttributeName": "kind", "KeyType": "HASH"}, {"AttributeName": "name", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("kind", "name")],
        BillingMode="PAY_PER_REQUEST",
    )
    app = App(_services(DynamoDBStateStore(dynamodb, "dpop-races"), client()), AuditLog("ERROR"), ROUTES)
    request = event("POST", "/oauth/token", body=urlencode(GOOD), headers={"DPoP": proof()})
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: response_to_event(app.handle(request)), range(8)))
    assert sorted(answer["statusCode"] for answer in answers) == [200] + [400] * 7
    assert {document(answer)["error"] for answer in answers if answer["statusCode"] == 400} == {"invalid_dpop_proof"}


def _services(state: DynamoDBStateStore, known: Client) -> Services:
    return Services(
        settings=Settings.from_environ(ENVIRON),
        clients=MemoryClientStore(known),
        state=state,
        keys=KeyRing(LocalKeySource(), max_age=300, clock=lambda: NOW),
        remote_keys=RemoteKeys(clock=lambda: NOW, loopback=False),
        clock=lambda: NOW,
        throttle=Throttle(state, lambda: NOW),
        last_use=LastUse(state, lambda: NOW),
        quota=Quota(state, lambda: NOW),
        reuse=TokenReuse(state, lambda: NOW, by_default=False),
    )


@pytest.mark.parametrize("value", ["é", base64.b64encode(b"x" * 9_000).decode(), "a.b.c", "\0", "..", "DPoP x"])
def test_any_header_is_answered(value: str) -> None:
    """Whatever is sent as a proof ends in a refusal of it."""
    simulator = server()
    refused(simulator, ask(simulator, value))
