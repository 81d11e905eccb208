"""Workload identity: tokens of other platforms, in the shapes that those give them, against the client's record."""

import json
import re
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from auth_server import trusted_issuers
from auth_server.trusted_issuers import TrustedIssuer
from tests.auth_server.assertions import OTHER_RSA, P256, RSA, SIGN, ask, by_rsa, hs256, jwk, jwks, sign, signer
from tests.authorizer.jwks_server import JwksServer, document, serving
from tests.simulator import ENVIRON, ISSUER, NOW, SECRET, MemoryClientStore, Simulator, basic, client
from tests.simulator import document as answered

RECIPES = Path(__file__).parents[2] / "docs" / "workload-identity.md"
RECORDS = [
    json.loads(block) for block in re.findall(r"```json\n(.*?)```", RECIPES.read_text(encoding="utf-8"), re.DOTALL)
]
PLATFORMS = ("aws", "github", "kubernetes", "spiffe")

# Headers and claims as each platform writes them.
HEADERS: dict[str, dict[str, Any]] = {
    "aws": {"alg": "RS256", "kid": "k1", "typ": "JWT"},
    "github": {"typ": "JWT", "alg": "RS256", "x5t": "eBZ_cn3sXYAd0ch4THBKHIgOwOE", "kid": "k1"},
    "kubernetes": {"alg": "RS256", "kid": "k1"},
    "spiffe": {"alg": "ES256", "kid": "k1", "typ": "JWT"},
}
CLAIMS: dict[str, dict[str, Any]] = {
    "aws": {
        "iss": "https://abc12345-def4-5678-90ab-cdef12345678.tokens.sts.global.api.aws",
        "aud": ISSUER,
        "sub": "arn:aws:iam::123456789012:role/DataProcessingRole",
        "iat": NOW,
        "exp": NOW + 300,
        "jti": "3c2f1e0a-7b6d-4c5e-8f90-a1b2c3d4e5f6",
        "https://sts.amazonaws.com/": {
            "aws_account": "123456789012",
            "source_region": "us-east-1",
            "org_id": "o-abc1234567",
            "ou_path": "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/",
            "principal_tags": {"environment": "production"},
            "lambda_source_function_arn": "arn:aws:lambda:us-east-1:123456789012:function:process-data",
        },
    },
    "github": {
        "jti": "8b2a6f1c-0d9e-4f3b-9a57-2c1d0e4b7f68",
        "sub": "repo:octo-org@65/octo-repo@74:environment:prod",
        "aud": ISSUER,
        "ref": "refs/heads/main",
        "sha": "5f0c6e1f2a3b4c5d6e7f8091a2b3c4d5e6f70819",
        "repository": "octo-org/octo-repo",
        "repository_owner": "octo-org",
        "repository_owner_id": "65",
        "run_id": "6412345678",
        "run_number": "10",
        "run_attempt": "2",
        "repository_visibility": "private",
        "repository_id": "74",
        "actor_id": "12",
        "actor": "octocat",
        "workflow": "deploy",
        "head_ref": "",
        "base_ref": "",
        "event_name": "workflow_dispatch",
        "ref_protected": "true",
        "ref_type": "branch",
        "workflow_ref": "octo-org/octo-repo/.github/workflows/deploy.yml@refs/heads/main",
        "job_workflow_ref": "octo-org/octo-repo/.github/workflows/deploy.yml@refs/heads/main",
        "runner_environment": "github-hosted",
        "environment": "prod",
        "iss": "https://token.actions.githubusercontent.com",
        "nbf": NOW - 600,
        "exp": NOW + 300,
        "iat": NOW,
    },
    "kubernetes": {
        "aud": [ISSUER],
        "exp": NOW + 86_400,
        "iat": NOW,
        "iss": "https://oidc.eks.us-east-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE",
        "jti": "e51f1fbc-4733-4b85-a59f-ba80c0523874",
        "kubernetes.io": {
            "namespace": "shop",
            "node": {"name": "worker-1", "uid": "517eb86e-b863-451b-bf70-86cb61439a3a"},
            "pod": {"name": "checkout-0", "uid": "0d8b260e-ef0e-45fb-be8e-ff44f97722e8"},
            "serviceaccount": {"name": "checkout", "uid": "e6a8680e-d103-4cce-80ea-03acbbeacf7d"},
        },
        "nbf": NOW,
        "sub": "system:serviceaccount:shop:checkout",
    },
    "spiffe": {
        "aud": [ISSUER],
        "exp": NOW + 300,
        "iat": NOW,
        "iss": "https://oidc-discovery.example.org",
        "sub": "spiffe://example.org/ns/shop/sa/checkout",
    },
}
KEYS: dict[str, dict[str, Any]] = {
    "aws": jwks(jwk(RSA, kid="k1", use="sig", alg="RS256")),
    "github": jwks(jwk(OTHER_RSA, kid="k0", use="sig", alg="RS256"), jwk(RSA, kid="k1", use="sig", alg="RS256")),
    "kubernetes": jwks(jwk(RSA, kid="k1", use="sig", alg="RS256")),
    "spiffe": jwks({"kty": "EC", "use": "x509-svid", "x5c": ["MIIB"]}, jwk(P256, kid="k1", use="jwt-svid")),
}


def token(platform: str, header: Mapping[str, Any] | None = None, **changes: Any) -> str:
    """Give a platform's token, with what the test changes about its claims; None leaves one out."""
    said = {name: value for name, value in {**CLAIMS[platform], **changes}.items() if value is not None}
    alg = HEADERS[platform]["alg"]
    return sign(said, {**HEADERS[platform], **(header or {})}, SIGN[alg])


def record(platform: str, **changes: Any) -> TrustedIssuer:
    """Give the record of the recipe, with the platform's keys at hand."""
    return trusted_issuers.from_document(
        {**RECORDS[PLATFORMS.index(platform)], "jwks": KEYS[platform], "single_use": False, **changes}
    )


def knowing(*trusted: TrustedIssuer, issuer: str = ISSUER, **changes: Any) -> Simulator:
    """Give a server that knows the client `deployer`, which these issuers may vouch for."""
    usual: dict[str, Any] = {"auth_methods": ("federated_jwt",), "secrets": (), "trusted_issuers": trusted}
    deployer = client(client_id="deployer", **{**usual, **changes})
    return Simulator(clients=MemoryClientStore(deployer), environ={**ENVIRON, "ISSUER": issuer})


def present(server: Simulator, assertion: str, client_id: str | None = "deployer") -> dict[str, Any]:
    """Ask for a token with another issuer's."""
    return ask(server, assertion, client_id=client_id)


def refused(server: Simulator, response: dict[str, Any], reason: str, output: str) -> None:
    """Check that it was refused with the one text, for this reason, and that nothing is remembered of it."""
    assert (response["statusCode"], answered(response)) == (
        401,
        {"error": "invalid_client", "error_description": "Client authentication failed."},
    )
    assert reason in json.loads(output.splitlines()[-1])["reason"]
    assert server.state.used == {}


@pytest.mark.spec("RFC 7523", "3")
@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_recipe_works_as_it_stands(platform: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The record of each recipe takes a token of that platform's shape, again and again until it expires."""
    server = knowing(record(platform))
    for _ in range(2):
        assert server.claims(present(server, token(platform)))["sub"] == "deployer"
    assert server.state.used == {}
    assert json.loads(capsys.readouterr().out.splitlines()[0])["auth_method"] == "federated_jwt"


WRONG: dict[str, tuple[str, dict[str, Any], str]] = {
    "another role": ("aws", {"sub": "arn:aws:iam::123456789012:role/DataProcessingRole2"}, "subject"),
    "another account's issuer": ("aws", {"iss": "https://other.tokens.sts.global.api.aws"}, "issuer"),
    "another account": ("aws", {"https://sts.amazonaws.com/": {"aws_account": "210987654321"}}, "claim"),
    "no account": ("aws", {"https://sts.amazonaws.com/": {}}, "claim"),
    "an account in another place": ("aws", {"https://sts.amazonaws.com/": "123456789012"}, "claim"),
    "another branch's subject": ("github", {"sub": "repo:octo-org@65/octo-repo@74:pull_request"}, "subject"),
    "a subject in other letters": ("github", {"sub": "repo:Octo-Org@65/octo-repo@74:environment:prod"}, "subject"),
    "another repository of that name": ("github", {"sub": "repo:octo-org@65/octo-repo@75:environment:prod"}, "subject"),
    "another owner of that name": ("github", {"repository_owner_id": "66"}, "claim"),
    "a number for a string": ("github", {"repository_owner_id": 65}, "claim"),
    "none of the alternatives": ("github", {"event_name": "pull_request_target"}, "claim"),
    "no such claim": ("github", {"event_name": None}, "claim"),
    "another service's audience": ("github", {"aud": "https://github.com/octo-org"}, "audience"),
    "the API server's audience": ("kubernetes", {"aud": ["https://kubernetes.default.svc"]}, "audience"),
    "another namespace": ("kubernetes", {"sub": "system:serviceaccount:evil:checkout"}, "subject"),
    "another namespace in the claim": (
        "kubernetes",
        {"kubernetes.io": {"namespace": "evil", "serviceaccount": {"name": "checkout"}}},
        "claim",
    ),
    "over a day": ("kubernetes", {"exp": NOW + 86_401}, "longer"),
    "expired": ("kubernetes", {"iat": NOW - 600, "nbf": NOW - 600, "exp": NOW - 60}, "expired"),
    "no expiry": ("kubernetes", {"exp": None}, "no exp"),
    "not valid yet": ("kubernetes", {"nbf": NOW + 61}, "not valid yet"),
    "of the future": ("kubernetes", {"iat": NOW + 61}, "future"),
    "another trust domain": ("spiffe", {"sub": "spiffe://example.com/ns/shop/sa/checkout"}, "subject"),
    "another path": ("spiffe", {"sub": "spiffe://example.org/ns/shop/sa-evil/checkout"}, "subject"),
    "no issuer": ("spiffe", {"iss": None}, "issuer"),
    "no subject": ("spiffe", {"sub": None}, "no sub"),
    "no audience": ("spiffe", {"aud": None}, "no aud"),
}


@pytest.mark.spec("RFC 7523", "3")
@pytest.mark.parametrize(("platform", "changes", "reason"), WRONG.values(), ids=WRONG.keys())
def test_a_token_that_differs_in_one_thing_is_refused(
    capsys: pytest.CaptureFixture[str], platform: str, changes: dict[str, Any], reason: str
) -> None:
    """Issuer, subject, audience, each claim and the times are all demanded, and a refusal leaves no trace."""
    server = knowing(record(platform, single_use=True))
    refused(server, present(server, token(platform, **changes)), reason, capsys.readouterr().out)
    assert present(server, token(platform))["statusCode"] == 200


FORGED: dict[str, tuple[str, str]] = {
    "unsigned": (sign(CLAIMS["github"], {"alg": "none", "typ": "JWT"}, lambda _: b""), "algorithm"),
    "by another key": (sign(CLAIMS["github"], HEADERS["github"], by_rsa(OTHER_RSA)), "signature"),
    "HS256 by the public key": (
        sign(CLAIMS["github"], {"alg": "HS256", "kid": "k1"}, hs256(jwk(RSA)["n"].encode())),
        "algorithm",
    ),
    "by a key of its own header": (
        sign(CLAIMS["github"], {**HEADERS["github"], "kid": "k9", "jwk": jwk(OTHER_RSA, kid="k9")}, by_rsa(OTHER_RSA)),
        "no registered key",
    ),
    "an access token": (token("github", {"typ": "at+jwt"}), "typ"),
    "a critical header": (token("github", {"crit": ["x"], "x": 1}), "critical"),
}


@pytest.mark.spec("RFC 8725", "3")
@pytest.mark.parametrize(("assertion", "reason"), FORGED.values(), ids=FORGED.keys())
def test_a_forged_token_is_refused(capsys: pytest.CaptureFixture[str], assertion: str, reason: str) -> None:
    """Only what the registered issuer's keys signed is believed."""
    server = knowing(record("github", single_use=True))
    refused(server, present(server, assertion), reason, capsys.readouterr().out)


@pytest.mark.parametrize("typ", ["JOSE", "jose", None])
def test_types_of_jwt_svids_are_known(typ: str | None) -> None:
    """A JWT-SVID's typ, where it has one, is JWT or JOSE."""
    header = {name: value for name, value in {**HEADERS["spiffe"], "typ": typ}.items() if value is not None}
    assertion = sign(CLAIMS["spiffe"], header, SIGN["ES256"])
    assert present(knowing(record("spiffe")), assertion)["statusCode"] == 200


def test_the_client_has_to_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    """A platform's token says nothing of the client: without a client_id there is no record to look in."""
    server = knowing(record("github"))
    refused(server, present(server, token("github"), client_id=None), "unknown client", capsys.readouterr().out)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"enabled": False}, "disabled"),
        ({"auth_methods": ("private_key_jwt",)}, "not this client's"),
        ({"trusted_issuers": ()}, "none that the client's record trusts"),
    ],
    ids=["disabled", "another method", "no issuers"],
)
def test_the_record_has_to_allow_it(capsys: pytest.CaptureFixture[str], changes: dict[str, Any], reason: str) -> None:
    """A client that does not trust anybody, or may not use this method, is not authenticated by it."""
    server = knowing(**{"trusted_issuers": (record("github", single_use=True),), **changes})
    refused(server, present(server, token("github")), reason, capsys.readouterr().out)


def test_another_clients_trust_is_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    """What one client trusts says nothing about another."""
    server = knowing(record("github"))
    server.clients.clients["demo"] = client(auth_methods=("federated_jwt",), trusted_issuers=(record("spiffe"),))
    refused(server, present(server, token("github"), client_id="demo"), "issuer", capsys.readouterr().out)


def test_a_subject_of_names_alone_is_taken_where_it_is_registered() -> None:
    """Older repositories write names without ids; the claim beside them says whose they are."""
    subject = "repo:octo-org/octo-repo:environment:prod"
    server = knowing(record("github", subject=subject))
    assert present(server, token("github", sub=subject))["statusCode"] == 200
    assert present(server, token("github", sub=subject, repository_owner_id="66"))["statusCode"] == 401


def test_one_of_several_records_suffices() -> None:
    """Two workloads of one issuer may be the same client."""
    subjects = ("repo:octo-org/octo-repo:ref:refs/heads/main", "repo:octo-org@65/octo-repo@74:environment:prod")
    server = knowing(*(record("github", subject=subject) for subject in subjects), record("spiffe"))
    for platform in ("github", "spiffe"):
        assert present(server, token(platform))["statusCode"] == 200


@pytest.mark.parametrize("platform", ["github", "spiffe"])
def test_a_single_use_token_is_used_once(platform: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the record says so, a token serves once: by its jti, or without one by all that was signed."""
    server = knowing(record(platform, single_use=True))
    assertion = token(platform)
    assert [present(server, assertion)["statusCode"] for _ in range(2)] == [200, 401]
    assert "used before" in capsys.readouterr().out
    assert list(server.state.used.values()) == [NOW + 360]


def test_tokens_that_differ_are_each_used_once() -> None:
    """Without a jti, another token is another use; with one, it is the jti that counts, whatever else is said."""
    server = knowing(record("spiffe", single_use=True), record("github", single_use=True))
    expiries = (NOW + 300, NOW + 301)
    for exp in expiries:
        assert present(server, token("spiffe", exp=exp))["statusCode"] == 200
    statuses = [present(server, token("github", exp=exp))["statusCode"] for exp in expiries]
    assert statuses == [200, 401]


def test_another_signature_makes_no_other_token() -> None:
    """Of ES256 anybody can make a second good signature out of the first; it is still the same token."""
    server = knowing(record("spiffe", single_use=True))
    said, alg = CLAIMS["spiffe"], HEADERS["spiffe"]
    assert [present(server, sign(said, alg, SIGN["ES256"]))["statusCode"] for _ in range(2)] == [200, 401]


def test_a_disabled_replay_store_refuses() -> None:
    """Where nobody can tell whether a single-use token was used, no token is issued."""
    server = knowing(record("github", single_use=True))
    server.state.failing = True
    assert present(server, token("github"))["statusCode"] == 503


def test_the_longest_life_is_a_setting() -> None:
    """A server may demand tokens of minutes, or allow those of a week."""
    for seconds, status in ((86_399, 401), (604_800, 200)):
        environ = {**ENVIRON, "FEDERATED_MAX_LIFETIME_SECONDS": str(seconds)}
        server = Simulator(clients=knowing(record("kubernetes")).clients, environ=environ)
        assert present(server, token("kubernetes"))["statusCode"] == status


def test_an_assertion_of_its_own_is_not_a_platforms(capsys: pytest.CaptureFixture[str]) -> None:
    """A client that signs for itself and one that a platform vouches for are told apart by the issuer."""
    both = signer(auth_methods=("private_key_jwt", "federated_jwt"), trusted_issuers=(record("github"),))
    server = Simulator(clients=MemoryClientStore(both))
    own = sign({"iss": "demo", "sub": "demo", "aud": ISSUER, "exp": NOW + 60, "jti": "a"})
    for assertion in (own, token("github")):
        assert present(server, assertion, client_id="demo")["statusCode"] == 200
    methods = [json.loads(line)["auth_method"] for line in capsys.readouterr().out.splitlines()]
    assert methods == ["private_key_jwt", "federated_jwt"]


@pytest.mark.spec("RFC 6749", "2.3")
def test_another_method_at_once_is_an_invalid_request() -> None:
    """A platform's token with a secret beside it is refused."""
    server = knowing(record("github"))
    parameters = {"grant_type": "client_credentials", "client_id": "deployer", "client_assertion": token("github")}
    jwt_bearer = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    body = {**parameters, "client_assertion_type": jwt_bearer}
    for response in (
        server.post({**body, "client_secret": SECRET}),
        server.post(body, headers=basic("deployer", SECRET)),
    ):
        assert (response["statusCode"], answered(response)["error"]) == (400, "invalid_request")


# Where the keys are found through the issuer.


class Platform:
    """An issuer on loopback: its metadata, and its keys."""

    def __init__(self, server: JwksServer) -> None:
        self.server = server
        self.issuer = server.uri.removesuffix("/.well-known/jwks.json")
        self.metadata: dict[str, Any] = {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/keys"}
        server.answer = self.answer

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Answer as an issuer does."""
        found = {"/.well-known/openid-configuration": self.metadata, "/keys": KEYS["github"]}.get(request.path)
        document(json.dumps(found).encode(), 404 if found is None else 200)(request)

    def token(self) -> str:
        """Give a token that this issuer signed."""
        return token("github", iss=self.issuer, aud=self.issuer)

    def trusted(self, **changes: Any) -> TrustedIssuer:
        """Give a record of this issuer, without its keys."""
        return record("github", issuer=self.issuer, audience=self.issuer, jwks=None, **changes)


@pytest.fixture
def platform() -> Iterator[Platform]:
    """Give a running issuer."""
    with serving(document(b"")) as server:
        yield Platform(server)


def test_keys_are_found_through_the_issuers_metadata(platform: Platform) -> None:
    """Without keys or their URL in the record, the issuer's own metadata leads to them, once for many requests."""
    server = knowing(platform.trusted(), issuer="http://127.0.0.1:8080")
    for _ in range(3):
        assert present(server, platform.token())["statusCode"] == 200
    assert platform.server.paths == ["/.well-known/openid-configuration", "/keys"]


def test_a_jwks_uri_takes_the_place_of_metadata(platform: Platform) -> None:
    """With the URL of the keys in the record, nothing else is asked."""
    server = knowing(platform.trusted(jwks_uri=f"{platform.issuer}/keys"), issuer="http://127.0.0.1:8080")
    assert present(server, platform.token())["statusCode"] == 200
    assert platform.server.paths == ["/keys"]


METADATA: dict[str, tuple[dict[str, Any], str]] = {
    "another issuer": ({"issuer": "https://other.example"}, "another issuer's"),
    "an issuer with a slash": ({"issuer": None}, "another issuer's"),
    "no jwks_uri": ({"jwks_uri": None}, "no jwks_uri"),
    "a private jwks_uri": ({"jwks_uri": "http://169.254.169.254/keys"}, "not a URL"),
    "a file": ({"jwks_uri": "file:///etc/passwd"}, "not a URL"),
}


@pytest.mark.parametrize(("changes", "reason"), METADATA.values(), ids=METADATA.keys())
def test_metadata_that_is_not_the_issuers_is_refused(
    platform: Platform, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], reason: str
) -> None:
    """The metadata has to name the very issuer, and a URL that may be fetched."""
    platform.metadata |= changes
    server = knowing(platform.trusted(single_use=True), issuer="http://127.0.0.1:8080")
    refused(server, present(server, platform.token()), reason, capsys.readouterr().out)


def test_only_registered_issuers_are_asked(platform: Platform) -> None:
    """What a token says about its issuer causes no request, and neither does a client_id that nobody has."""
    server = knowing(record("github"), issuer="http://127.0.0.1:8080")
    for client_id in ("deployer", "nobody"):
        assert present(server, platform.token(), client_id=client_id)["statusCode"] == 401
    assert platform.server.paths == []


def test_an_issuer_that_is_down_fails_its_clients_alone(platform: Platform) -> None:
    """It is 401 and no outage of this server."""
    server = knowing(platform.trusted(), issuer="http://127.0.0.1:8080")
    platform.metadata.clear()
    assert present(server, platform.token())["statusCode"] == 401
