"""Each built function runs under Lambda's own runtime client, on events as API Gateway sends them."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import jwt
import pytest

from authorizer.event import Kind
from tests.artifact.deployed import Deployed
from tests.artifact.issuer import Issuer, status_404
from tests.artifact.runtime_api import RunningFunction
from tests.authorizer.authorizer_events import event_of
from tests.authorizer.deciding import ORIGIN, URLS, proof_for
from tests.authorizer.proofs import proof
from tests.infra.deployed import API_URL, CLIENT_ID, SECRET, basic, deploy, document, recorded, with_header

TOKEN_EVENTS = ("rest_token_endpoint", "http_api_token_endpoint", "function_url_token_endpoint")
# The issuer is a function here, of one process, and asks the AWS endpoint for the feed: a busy machine takes its time.
PATIENT = {"JWKS_TIMEOUT_SECONDS": "10"}
STAGE_ARN = "arn:aws:execute-api:us-east-1:123456789012:f6g7h8i9j0/prod"


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    """Return an address for the issuer."""
    return Issuer()


@pytest.fixture(scope="module")
def stack(deployed: Deployed, issuer: Issuer) -> Deployed:
    """Return the stack whose issuer has that address."""
    return replace(deployed, stack=deploy(deployed.endpoint, issuer.url))


@pytest.fixture(scope="module")
def token_function(stack: Deployed, issuer: Issuer) -> Iterator[RunningFunction]:
    """Run the token function, which also answers at the issuer's address."""

    def answer(path: str) -> dict[str, Any]:
        if path not in ("/.well-known/jwks.json", "/oauth/revocations"):
            return status_404(path)
        result: dict[str, Any] = running.invoke(recorded("rest_jwks", resource=path, path=path)).document
        return result

    with stack.function("TokenFunction") as running, issuer.answered_by(answer):
        assert running.start.error is None, running.log
        yield running


@pytest.fixture(scope="module")
def authorizer(stack: Deployed, token_function: RunningFunction) -> Iterator[RunningFunction]:
    """Run the authorizer, which fetches its keys, and the feed of what is revoked, from the issuer."""
    assert token_function.start.error is None
    with stack.function("AuthorizerFunction", **PATIENT) as function:
        assert function.start.error is None, function.log
        yield function


@pytest.fixture(scope="module")
def challenge(stack: Deployed) -> Iterator[RunningFunction]:
    """Run the challenge function."""
    with stack.function("ChallengeFunction") as function:
        assert function.start.error is None, function.log
        yield function


@pytest.fixture(scope="module")
def resource(stack: Deployed) -> Iterator[RunningFunction]:
    """Run the sample API."""
    with stack.function("ResourceFunction") as function:
        assert function.start.error is None, function.log
        yield function


def test_the_registration_function_refuses_strangers(stack: Deployed) -> None:
    """The function that registers clients starts, and registers nobody without an initial access token."""
    event = {**recorded("rest_token_endpoint"), "resource": "/oauth/register", "path": "/oauth/register", "body": "{}"}
    headers = {"Content-Type": ["application/json"]}
    with stack.function("RegistrationFunction") as function:
        assert function.start.error is None, function.log
        answer = function.invoke({**event, "multiValueHeaders": headers, "isBase64Encoded": False}).document
    assert (answer["statusCode"], document(answer)["error"]) == (401, "invalid_token")


def test_the_rotation_announces_a_key_that_is_published(stack: Deployed) -> None:
    """The function that rotates has all that it calls AWS with, and a token function publishes what it announced."""
    with stack.function("RotationFunction") as rotation:
        assert rotation.start.error is None, rotation.log
        (step,) = rotation.invoke({"action": "rotate"}).document["steps"]
        assert rotation.invoke({"source": "aws.events"}).document == {"steps": []}
    with stack.function("TokenFunction") as token:
        keys = document(token.invoke(recorded("rest_jwks")).document)["keys"]
    assert step["kid"] in {key["kid"] for key in keys}


def test_somebody_who_signs_up_gets_tokens(stack: Deployed, token_function: RunningFunction) -> None:
    """The functions for people and for vending start; a log-in's token is renewed, and the issuer's keys verify it."""
    person = json.dumps({"username": "alice", "password": "a teapot full of rain"})
    asked = with_header(
        recorded("rest_token_endpoint", body=person, isBase64Encoded=False), "Content-Type", "application/json"
    )
    with stack.function("PeopleFunction") as people, stack.function("VendingFunction") as vending:
        assert (people.start.error, vending.start.error) == (None, None), (people.log, vending.log)
        signed_up = people.invoke({**asked, "resource": "/signup", "path": "/signup"}).document
        assert signed_up["statusCode"] == 201
        token = document(people.invoke({**asked, "resource": "/login", "path": "/login"}).document)["token"]
        event = recorded("rest_metadata", resource="/tokens", path="/tokens")
        vended = document(vending.invoke(with_header(event, "Authorization", f"Bearer {token}")).document)
    keys = jwt.PyJWKSet.from_dict(document(token_function.invoke(recorded("rest_jwks")).document))
    key = keys[jwt.get_unverified_header(vended["token"])["kid"]]
    claims = jwt.decode(vended["token"], key, algorithms=["RS256"], audience=API_URL)
    assert (claims["sub"], claims["identity_provider"]) == ("person:alice", "login")


@pytest.mark.parametrize("name", TOKEN_EVENTS)
def test_a_token_is_issued_and_its_key_is_published(token_function: RunningFunction, issuer: Issuer, name: str) -> None:
    """The token function issues a token for each kind of event, and the key set that it serves verifies it."""
    answer = token_function.invoke(recorded(name)).document
    assert answer["statusCode"] == 200
    token = document(answer)["access_token"]
    keys = jwt.PyJWKSet.from_dict(document(token_function.invoke(recorded("rest_jwks")).document))
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(token, key, algorithms=["RS256"], audience=API_URL, issuer=issuer.url)
    assert (claims["client_id"], claims["scope"]) == (CLIENT_ID, "products:read")


def test_the_metadata_names_the_issuer_of_the_template(token_function: RunningFunction, issuer: Issuer) -> None:
    """The metadata of the artifact names the issuer and the scopes that the template gives it."""
    metadata = document(token_function.invoke(recorded("rest_metadata")).document)
    assert metadata["token_endpoint"] == f"{issuer.url}/oauth/token"
    assert metadata["scopes_supported"] == ["products:read", "products:write", "messages:write"]


def test_the_authorizer_allows_a_token_of_the_token_function(
    token_function: RunningFunction, authorizer: RunningFunction
) -> None:
    """The authorizer allows a token that the token function issued what its scopes permit, and says what they are."""
    token = document(token_function.invoke(recorded("rest_token_endpoint")).document)["access_token"]
    outcome = authorizer.invoke(recorded("token_authorizer", authorizationToken=f"Bearer {token}"))
    assert outcome.error is None
    assert outcome.document["principalId"] == CLIENT_ID
    assert outcome.document["policyDocument"]["Statement"] == [
        {
            "Action": "execute-api:Invoke",
            "Effect": "Allow",
            "Resource": [f"{STAGE_ARN}/GET/products", f"{STAGE_ARN}/GET/products/*"],
        }
    ]
    assert outcome.document["context"]["permissions"] == "products:read"


@pytest.mark.parametrize("kind", Kind)
def test_the_authorizer_answers_every_kind_of_api(
    token_function: RunningFunction, authorizer: RunningFunction, kind: Kind
) -> None:
    """The one artifact serves REST, HTTP and WebSocket APIs, told apart by the events that they send."""
    token = document(token_function.invoke(recorded("rest_token_endpoint")).document)["access_token"]
    outcome = authorizer.invoke(event_of(kind, f"Bearer {token}"))
    assert (outcome.error, outcome.document["principalId"]) == (None, CLIENT_ID)
    (statement,) = outcome.document["policyDocument"]["Statement"]
    # The map of the sample API has no $connect.
    assert statement["Effect"] == ("Deny" if kind is Kind.WEBSOCKET else "Allow")
    assert authorizer.invoke(event_of(kind, "Bearer a.b.c")).error == ("Exception", "Unauthorized")


@pytest.mark.spec("RFC 9449", "7.1")
def test_the_authorizer_verifies_proofs(stack: Deployed, token_function: RunningFunction, issuer: Issuer) -> None:
    """A token that the token function bound to a key is good with a proof for the call, once, and not without."""
    now = int(time.time())
    asked = proof(claims={"htu": f"{issuer.url}/oauth/token", "iat": now, "jti": "1"})
    bound = token_function.invoke(with_header(recorded("rest_token_endpoint"), "DPoP", asked)).document
    token = document(bound)["access_token"]
    shown = proof_for(token, URLS[Kind.REST_REQUEST], iat=now)
    with stack.function("AuthorizerFunction", API_ORIGIN=ORIGIN, **PATIENT) as function:
        proven = event_of(Kind.REST_REQUEST, f"DPoP {token}", {"DPoP": shown})
        assert function.invoke(proven).document["principalId"] == CLIENT_ID
        for refused in (proven, event_of(Kind.REST_REQUEST, f"Bearer {token}")):
            assert function.invoke(refused).error == ("Exception", "Unauthorized")


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer not-a-token", "Basic ZGVtbzpzZWNyZXQ="])
def test_the_authorizer_raises_unauthorized(authorizer: RunningFunction, authorization: str) -> None:
    """The authorizer reports the error `Unauthorized` to Lambda, the one word that API Gateway turns into 401."""
    outcome = authorizer.invoke(recorded("token_authorizer", authorizationToken=authorization))
    assert outcome.error == ("Exception", "Unauthorized")


@pytest.mark.spec("RFC 6749", "5.2")
@pytest.mark.parametrize("authorization", [basic(CLIENT_ID, "wrong"), basic("nobody", SECRET), "Bearer x", "Basic ?"])
def test_the_gate_refuses_bad_credentials(challenge: RunningFunction, authorization: str) -> None:
    """The challenge function reports `Unauthorized` for bad credentials in the header: the 401 is the gateway's."""
    event = with_header(recorded("request_authorizer_token_endpoint"), "Authorization", authorization)
    outcome = challenge.invoke(event)
    assert outcome.error == ("Exception", "Unauthorized")


@pytest.mark.parametrize("authorization", [basic(CLIENT_ID, SECRET), None])
def test_the_gate_admits_the_rest(challenge: RunningFunction, authorization: str | None) -> None:
    """The challenge function admits good credentials, and a request without any, which has them in its body."""
    event = with_header(recorded("request_authorizer_token_endpoint"), "Authorization", authorization)
    outcome = challenge.invoke(event)
    assert outcome.error is None
    (statement,) = outcome.document["policyDocument"]["Statement"]
    assert (statement["Effect"], statement["Resource"]) == ("Allow", event["methodArn"])


def test_the_sample_api_keeps_and_shows_a_product(resource: RunningFunction) -> None:
    """The sample API adds a product, shows it by its id, and lists it, for REST and HTTP API events."""
    created = document(resource.invoke(recorded("rest_create_product")).document)
    shown = resource.invoke(recorded("rest_show_product", path=f"/products/{created['id']}")).document
    assert (shown["statusCode"], document(shown)) == (200, created)
    for name in ("rest_list_products", "http_api_list_products"):
        listed = resource.invoke(recorded(name)).document
        assert created in document(listed)["products"]


def test_the_sample_api_refuses_a_token_without_the_scope(resource: RunningFunction) -> None:
    """The sample API refuses with 403 what the authorizer's context does not permit."""
    event = recorded("rest_create_product")
    event["requestContext"]["authorizer"]["permissions"] = "products:read"
    answer = resource.invoke(event).document
    assert (answer["statusCode"], document(answer)["error"]) == (403, "insufficient_scope")


def test_the_sample_api_describes_itself(resource: RunningFunction, issuer: Issuer) -> None:
    """The metadata of the sample API names the resource and the issuer that the template gives it."""
    metadata = document(resource.invoke(recorded("rest_resource_metadata")).document)
    assert (metadata["resource"], metadata["authorization_servers"]) == (API_URL, [issuer.url])


@pytest.mark.parametrize(
    ("logical_id", "variable"),
    [
        ("TokenFunction", "ISSUER"),
        ("ChallengeFunction", "LOG_LEVEL"),
        ("AuthorizerFunction", "AUDIENCE"),
        ("ResourceFunction", "RESOURCE"),
        ("RotationFunction", "ROTATE_EVERY_SECONDS"),
        ("VendingFunction", "VENDING_MODE"),
        ("PeopleFunction", "GROUP_SCOPES"),
    ],
)
def test_a_bad_setting_stops_the_start(deployed: Deployed, logical_id: str, variable: str) -> None:
    """A setting that will not do ends the start with an error to Lambda that names it, and no event is ever taken."""
    with deployed.function(logical_id, **{variable: "\x01"}) as function:
        kind, message = function.start.error or ("", "")
        assert kind == "SettingsError"
        assert variable in message


def test_nothing_secret_is_logged(stack: Deployed) -> None:
    """No secret, credential or token stands in what a function writes."""
    with stack.function("TokenFunction", LOG_LEVEL="DEBUG") as function:
        token = document(function.invoke(recorded("rest_token_endpoint")).document)["access_token"]
        function.invoke(with_header(recorded("rest_token_endpoint"), "Authorization", basic(CLIENT_ID, "wrong-secret")))
    log = "".join(function.log)
    assert json.loads(function.log[-1])["event"] == "token"
    for secret in (SECRET, "wrong-secret", basic(CLIENT_ID, SECRET), token, token.rpartition(".")[2]):
        assert secret not in log
