"""No secret at all: tokens of AWS, of GitHub Actions and of Kubernetes, against our server."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from botocore.stub import Stubber

from tests.auth_server.test_federated_jwt import record
from tests.auth_server.test_federated_jwt import token as platform_token
from tests.token_client import authorization_server as answering
from tests.token_client.authorization_server import Answer, AuthorizationServer, serving
from tests.token_client.credentials.registered import claims, register, token_client
from token_client import (
    AwsRole,
    ConfigurationError,
    CredentialsError,
    FederatedJWT,
    GitHubActions,
    ServerUnavailableError,
    TokenFile,
    TokenRefusedError,
)
from token_client.credentials.protocol import Server

SERVER = Server("https://auth.example.com/oauth/token", "https://auth.example.com")
AUDIENCE = "https://auth.example.com/a?b=c&d"
JWT = "aGVhZA.Ym9keQ.c2ln"
RUNNER_TOKEN = "token-of-the-runner"


def trusted(stack: dict[str, Any], platform: str) -> str:
    """Register `deployer`, which the platform vouches for, and give a token of its that is good now."""
    issuer = stack["issuer"]
    register(stack, "deployer", auth_methods=("federated_jwt",), trusted_issuers=(record(platform, audience=issuer),))
    now = int(time.time())
    times: dict[str, Any] = {"iat": now, "exp": now + 300, "nbf": now if platform != "aws" else None}
    return platform_token(platform, aud=issuer, **times)


class Sts:
    """STS in a session's place, stubbed: moto 5.2 has no GetWebIdentityToken. botocore checks both ways."""

    def __init__(self, region: str | None = "us-east-1") -> None:
        self._client = boto3.client("sts", region_name=region)
        self.stubber = Stubber(self._client)
        self.stubber.activate()

    def client(self, service: str, **_: Any) -> Any:
        """Give the client of STS."""
        assert service == "sts"
        return self._client

    def gives(self, token: str, **asked: Any) -> None:
        """Answer the next request, which has to be this one, with a token."""
        answer = {"WebIdentityToken": token, "Expiration": int(time.time()) + 300}
        self.stubber.add_response("get_web_identity_token", answer, asked)


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[AuthorizationServer]:
    """Run what a job of GitHub Actions asks for its token, with both variables that the runner sets."""
    with serving() as server:
        server.metadata = answering.said({"value": JWT, "count": 1_000})
        monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", f"{server.url}/idtoken/7c1f?api-version=2.0")
        monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", RUNNER_TOKEN)
        yield server


def test_our_server_knows_a_role_of_aws(local_stack: dict[str, Any]) -> None:
    """STS is asked for RS256, which our server takes, and for the audience and lifetime that were said."""
    sts = Sts()
    token, issuer = trusted(local_stack, "aws"), local_stack["issuer"]
    sts.gives(token, Audience=[issuer], SigningAlgorithm="RS256", DurationSeconds=300)
    sts.gives(token, Audience=[issuer], SigningAlgorithm="RS256", DurationSeconds=60)
    for role in (AwsRole(issuer, session=sts), AwsRole(issuer, lifetime_s=60, session=sts)):
        assert claims(local_stack, FederatedJWT("deployer", role))["client_id"] == "deployer"
    sts.stubber.assert_no_pending_responses()


def test_our_server_knows_a_job_of_github(local_stack: dict[str, Any], github: AuthorizationServer) -> None:
    """With what the runner's endpoint gives it."""
    token = trusted(local_stack, "github")
    github.metadata = answering.said({"value": token})
    credentials = FederatedJWT("deployer", GitHubActions(local_stack["issuer"]))
    assert claims(local_stack, credentials)["client_id"] == "deployer"


def test_our_server_knows_a_pod_of_kubernetes(local_stack: dict[str, Any], tmp_path: Path) -> None:
    """The kubelet replaces the file, by another target of a link: the next request has the new token."""
    for name, content in (("old", JWT), ("new", f"{trusted(local_stack, 'kubernetes')}\n")):
        (tmp_path / name).write_text(content, encoding="ascii")
    mounted, turned = tmp_path / "token", tmp_path / "turned"
    mounted.symlink_to(tmp_path / "old")
    credentials = FederatedJWT("deployer", TokenFile(str(mounted)))
    with pytest.raises(TokenRefusedError, match="invalid_client"):
        token_client(local_stack, credentials).token()
    turned.symlink_to(tmp_path / "new")
    turned.replace(mounted)
    assert claims(local_stack, credentials)["client_id"] == "deployer"


def test_our_server_knows_any_other_platform(local_stack: dict[str, Any]) -> None:
    """What gives a token is anything that can be called, as SPIFFE's agent would be asked."""
    token = trusted(local_stack, "spiffe")
    assert claims(local_stack, FederatedJWT("deployer", lambda: token))["client_id"] == "deployer"


@pytest.mark.parametrize(
    "code",
    [
        "OutboundWebIdentityFederationDisabledException",
        "AccessDenied",
        "SessionDurationEscalationException",
        "ExpiredToken",
    ],
)
def test_an_error_of_sts_is_named(code: str) -> None:
    """The operation and the code: what an operator needs to know."""
    sts = Sts()
    sts.stubber.add_client_error("get_web_identity_token", code, "not to be shown")
    with pytest.raises(CredentialsError, match=f"^sts:GetWebIdentityToken: {code}$"):
        AwsRole(AUDIENCE, session=sts)()


def test_the_global_endpoint_of_sts_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no such operation, and botocore takes it where no region is known: that is what the error says."""
    for variable in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(variable)
    with pytest.raises(CredentialsError, match="name a region"):
        AwsRole(AUDIENCE)()
    with pytest.raises(CredentialsError, match="EndpointConnectionError"):  # with one, it is tried
        AwsRole(AUDIENCE, region_name="us-east-1", endpoint_url="http://127.0.0.1:9")()


@pytest.mark.parametrize(
    "make",
    [
        lambda: AwsRole(""),
        lambda: AwsRole(AUDIENCE, lifetime_s=59),
        lambda: AwsRole(AUDIENCE, lifetime_s=3_601),
        lambda: GitHubActions(""),
        lambda: FederatedJWT("", lambda: JWT),
    ],
)
def test_what_cannot_work_is_refused_at_once(make: Callable[[], object]) -> None:
    """Where it is made, not at the first token."""
    with pytest.raises(ConfigurationError):
        make()


def test_github_is_asked_as_its_own_toolkit_does(github: AuthorizationServer) -> None:
    """The audience beside the query that is there, and the runner's token as a bearer token."""
    assert GitHubActions(AUDIENCE)() == JWT
    (asked,) = github.asked
    assert parse_qs(urlsplit(asked.path).query) == {"api-version": ["2.0"], "audience": [AUDIENCE]}
    assert asked.headers["Authorization"] == f"Bearer {RUNNER_TOKEN}"


@pytest.mark.parametrize("variable", ["ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"])
def test_elsewhere_than_in_a_job_nobody_is_asked(
    github: AuthorizationServer, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """Nor in a job without the permission: GitHub sets both variables, or neither."""
    monkeypatch.delenv(variable)
    with pytest.raises(CredentialsError, match="id-token: write"):
        GitHubActions(AUDIENCE)()
    assert not github.asked


@pytest.mark.parametrize(
    "url",
    ["http://actions.example.com/t?a=b", "ftp://127.0.0.1/t", "https://u:p@actions.example.com/", "none", "http://"],
)
def test_the_runners_token_is_sent_nowhere_else(
    github: AuthorizationServer, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """Https, but for this machine's own loopback interface; the error does not repeat the URL."""
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", url)
    with pytest.raises(CredentialsError, match="ACTIONS_ID_TOKEN_REQUEST_URL must be") as refused:
        GitHubActions(AUDIENCE)()
    assert url not in str(refused.value)
    assert not github.asked


def test_a_redirect_is_not_followed(github: AuthorizationServer) -> None:
    """The token of the runner is for whom the runner named."""
    with serving() as elsewhere:
        github.metadata = answering.raw(b"", 302, Location=f"{elsewhere.url}/t")
        with pytest.raises(CredentialsError, match="status 302"):
            GitHubActions(AUDIENCE)()
        assert not elsewhere.asked


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (answering.said({"message": "no"}, 401), "status 401"),
        (answering.said({"value": JWT}, 201), "status 201"),
        (answering.raw(b"{"), "not its own"),
        (answering.raw(b"\xff"), "not its own"),
        (answering.raw(b"[" * 60_000), "not its own"),
        (answering.said([JWT]), "not its own"),
        (answering.said({"count": 1}), "not its own"),
    ],
)
def test_an_answer_without_a_token_is_the_end(github: AuthorizationServer, answer: Answer, said: str) -> None:
    """It is named, and nothing of it is shown."""
    github.metadata = answer
    with pytest.raises(CredentialsError, match=f"GitHub gives no token: .*{said}") as refused:
        GitHubActions(AUDIENCE)()
    assert refused.value.__cause__ is None


@pytest.mark.parametrize("answer", [answering.raw(b"", 503), answering.hang_up, answering.endless])
def test_an_answer_that_may_be_another_later_is_asked_for_again(
    local_stack: dict[str, Any], github: AuthorizationServer, answer: Answer
) -> None:
    """Down, broken off or without an end: tried again, as often as the client tries the server."""
    github.metadata = answer
    with pytest.raises(ServerUnavailableError) as failed:
        GitHubActions(AUDIENCE)()
    assert RUNNER_TOKEN not in str(failed.value)
    before = len(github.asked)
    client = token_client(local_stack, FederatedJWT("deployer", GitHubActions(AUDIENCE)), retries=2)
    with pytest.raises(ServerUnavailableError):
        client.token()
    assert len(github.asked) == before + 3


@pytest.mark.parametrize("value", ["", "a.b", "a.b.c.d", "a.b.c\nd", "a b.c.d", "ä.b.c", "None"])
def test_what_is_no_jwt_is_not_sent(value: str) -> None:
    """A web page, an empty file: the error names the source, and shows nothing of it."""
    with pytest.raises(CredentialsError, match="what function gives is no signed JWT"):
        FederatedJWT("deployer", lambda: value).authenticate(SERVER, 0)


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    """The volume is not mounted."""
    with pytest.raises(CredentialsError, match=r"none: No such file"):
        FederatedJWT("deployer", TokenFile(tmp_path / "none")).authenticate(SERVER, 0)


def test_nothing_shows_a_token(github: AuthorizationServer) -> None:
    """Neither the credentials, nor the sources, nor what they make."""
    assert github.url in os.environ["ACTIONS_ID_TOKEN_REQUEST_URL"]
    for source in (GitHubActions(AUDIENCE), lambda: JWT):
        credentials = FederatedJWT("deployer", source)
        sent = credentials.load(fresh=True).authenticate(SERVER, 0)
        assert sent.form["client_assertion"] == JWT
        assert not any(secret in f"{credentials!r} {source!r} {sent!r}" for secret in (JWT, RUNNER_TOKEN))
        assert credentials.secret is None
