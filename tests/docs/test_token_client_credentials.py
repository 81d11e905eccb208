"""docs/token-client-credentials.md: its code runs, its policies allow what is called, its errors are what comes."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.auth_server.assertions import RSA
from tests.token_client import authorization_server as answering
from tests.token_client.authorization_server import serving
from tests.token_client.credentials.test_federated_jwt import Sts
from tests.token_client.credentials.test_kept_secret import NOWHERE
from tests.token_client.credentials.test_private_key_jwt import pem
from token_client import (
    AwsRole,
    CredentialsError,
    EnvironmentSecret,
    FederatedJWT,
    GitHubActions,
    KMSKey,
    PrivateKeyJWT,
    SecretsManagerSecret,
    TokenClient,
)
from token_client.credentials.protocol import Server

PAGE = (Path(__file__).parents[2] / "docs" / "token-client-credentials.md").read_text(encoding="utf-8")
SERVER = Server("https://auth.example.com/oauth/token", "https://auth.example.com")
CODE, POLICIES = (re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL) for language in ("python", "json"))
ERRORS = re.findall(r"^\| .* \| `([^`]+)`(?:, or the like)? \|$", PAGE.partition("## Failures")[2], re.MULTILINE)


def run(code: str, folder: Path) -> dict[str, Any]:
    """Run a block of the page, and give its names; the files that it reads are in the folder."""
    names: dict[str, Any] = {}
    exec(compile(code.replace("/run/secrets", str(folder)), "page", "exec"), names)  # noqa: S102 - our own page
    return names


@pytest.mark.parametrize("code", CODE)
def test_each_block_makes_a_client(code: str, tmp_path: Path) -> None:
    """Nothing is asked for before a token is."""
    (tmp_path / "reporting.pem").write_text(pem(RSA), encoding="ascii")
    assert type(run(code, tmp_path)["client"]) is TokenClient


def statement(action: str) -> dict[str, Any]:
    """Give the statement of the page's policies that allows an action."""
    (found,) = [each for text in POLICIES for each in json.loads(text)["Statement"] if each["Action"] == action]
    return dict(found)


def test_the_policies_allow_what_is_called_and_no_more() -> None:
    """Each is a policy of its own; no action has a wildcard, and the one without a resource has conditions."""
    actions = [[each["Action"] for each in json.loads(text)["Statement"]] for text in POLICIES]
    assert actions == [
        ["secretsmanager:GetSecretValue", "kms:Decrypt"],
        ["ssm:GetParameter", "kms:Decrypt"],
        ["kms:Sign"],
        ["sts:GetWebIdentityToken"],
    ]
    assert {json.loads(text)["Version"] for text in POLICIES} == {"2012-10-17"}
    assert statement("ssm:GetParameter")["Resource"].endswith(":parameter/clients/reporting")
    assert statement("secretsmanager:GetSecretValue")["Resource"].endswith(":secret:clients/reporting-??????")


def test_the_conditions_are_those_of_the_requests() -> None:
    """What STS and KMS are asked by default is what the policies allow."""
    conditions = statement("sts:GetWebIdentityToken")["Condition"]
    sts, audience = Sts(), conditions["ForAllValues:StringEquals"]["sts:IdentityTokenAudience"]
    sts.gives(
        "a.b.c",
        Audience=[audience],
        SigningAlgorithm=conditions["StringEquals"]["sts:SigningAlgorithm"],
        DurationSeconds=int(conditions["NumericLessThanEquals"]["sts:DurationSeconds"]),
    )
    assert AwsRole(audience, session=sts)() == "a.b.c"
    assert statement("kms:Sign")["Condition"]["StringEquals"]["kms:SigningAlgorithm"] == "RSASSA_PKCS1_V1_5_SHA_256"
    assert KMSKey("alias/reporting").algorithm == "RS256"


class Refusing:
    """AWS in a session's place, which refuses: moto asks nobody for permissions."""

    def client(self, service: str, **_: Any) -> Any:
        """Give a client whose every request is refused."""
        client: Any = boto3.client(service)  # type: ignore[call-overload] # the stubs want a literal

        def refuse(**_: Any) -> None:
            error = {"Error": {"Code": "AccessDeniedException", "Message": "not to be shown"}}
            raise client.exceptions.ClientError(error, "GetSecretValue")

        client.get_secret_value = refuse
        return client


def _sts_that_is_off() -> Any:
    sts = Sts()
    sts.stubber.add_client_error("get_web_identity_token", "OutboundWebIdentityFederationDisabledException")
    return AwsRole("https://auth.example.com", session=sts)


def _use(credentials: Any) -> None:
    credentials.load().authenticate(SERVER, 0)


def _of_page(number: int) -> Callable[[pytest.MonkeyPatch], None]:
    """Use what a block makes, under the name that it has."""

    def use(_: pytest.MonkeyPatch) -> None:
        names: dict[str, Any] = {}
        exec(compile(CODE[number], "page", "exec"), names)  # noqa: S102 - our own page
        _use(names["credentials"])

    return use


def _other_form(patch: pytest.MonkeyPatch) -> None:
    secrets: Any = boto3.client("secretsmanager")
    secrets.create_secret(Name="clients/reporting", SecretString="s3cret")
    try:
        _of_page(0)(patch)
    finally:
        secrets.delete_secret(SecretId="clients/reporting", ForceDeleteWithoutRecovery=True)


def _without_a_role(patch: pytest.MonkeyPatch) -> None:
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        patch.delenv(variable)
    for variable in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        patch.setenv(variable, "/none")
    _of_page(0)(patch)


def _without_a_region(patch: pytest.MonkeyPatch) -> None:
    for variable in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"):
        patch.delenv(variable)
    _of_page(5)(patch)


def _without_a_variable(patch: pytest.MonkeyPatch) -> None:
    patch.delenv("CLIENT_ID", raising=False)
    _use(EnvironmentSecret())


def _unauthorized_job(patch: pytest.MonkeyPatch) -> None:
    with serving() as github:
        github.metadata = answering.said({}, 401)
        patch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", github.url)
        patch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "token-of-the-runner")
        GitHubActions("https://auth.example.com")()


# How each row of the table comes about, in its order.
CAUSES: list[Callable[[pytest.MonkeyPatch], object]] = [
    _of_page(0),
    _other_form,
    lambda _: _use(SecretsManagerSecret("clients/reporting", session=Refusing())),
    lambda _: _use(SecretsManagerSecret("clients/reporting", endpoint_url=NOWHERE)),
    _without_a_role,
    _of_page(1),
    _without_a_variable,
    _of_page(2),
    lambda _: _use(PrivateKeyJWT("reporting", KMSKey("alias/reporting"))),
    lambda _: PrivateKeyJWT("reporting", "MIIEvQIBADANBgkqhkiG9w0BAQ"),
    lambda _: _use(FederatedJWT("deployer", _sts_that_is_off())),
    _without_a_region,
    _of_page(6),
    _unauthorized_job,
    _of_page(7),
]


@pytest.mark.parametrize(("number", "cause"), list(enumerate(CAUSES)), ids=map(str, range(len(CAUSES))))
def test_an_error_is_as_the_page_shows_it(
    aws_endpoint: str, monkeypatch: pytest.MonkeyPatch, number: int, cause: Callable[[pytest.MonkeyPatch], object]
) -> None:
    """Word for word, where AWS, GitHub or the machine is as the row says."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws_endpoint)
    with pytest.raises(CredentialsError) as failed:
        cause(monkeypatch)
    assert str(failed.value) == ERRORS[number]


def test_no_error_is_left_out() -> None:
    """Each row of the table comes about above."""
    assert len(ERRORS) == len(CAUSES)
