"""The Lambda as API Gateway calls it."""

import json
import subprocess
import sys
import time
import traceback
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pytest

from authorizer.errors import AuthorizerError, EventError, KeysUnavailableError, SettingsError
from tests.authorizer.cold_start import ENVIRON, cold_start
from tests.authorizer.issuer import AUDIENCE, FOREIGN_KEY, ISSUER, METHOD_ARN, claims, event, header, jwks, sign
from tests.authorizer.jwks_server import document, serving


@dataclass
class _Context:
    aws_request_id: str = "r-1"


@pytest.fixture(scope="module")
def handler() -> ModuleType:
    """Start the Lambda once, with bundled keys."""
    return cold_start(ENVIRON)


@pytest.fixture(scope="module")
def denying() -> ModuleType:
    """Start the Lambda once, set to deny what is invalid."""
    return cold_start(ENVIRON | {"INVALID_TOKEN_RESULT": "deny"})


def _good(**members: Any) -> str:
    return sign(header(), claims(time.time(), **members))


def _unauthorized(handler: ModuleType, value: object) -> None:
    with pytest.raises(Exception, match=r"^Unauthorized$") as raised:
        handler.lambda_handler(value, _Context())
    assert type(raised.value) is Exception


_EXPIRED = {"iat": 1_000_000_000, "exp": 1_000_003_600}
_MALFORMED = [
    {"type": "TOKEN", "methodArn": METHOD_ARN},
    {"type": "TOKEN", "methodArn": METHOD_ARN, "authorizationToken": None},
    {"type": "TOKEN", "methodArn": METHOD_ARN, "authorizationToken": ""},
    {"type": "TOKEN", "methodArn": METHOD_ARN, "authorizationToken": "Bearer"},
    {"type": "TOKEN", "methodArn": METHOD_ARN, "authorizationToken": "Basic YTpi"},
    event("a.b.c d"),
    event("a"),
    event("a.b.c"),
    event("a" * 9_000),
]


def test_a_good_token_is_allowed(handler: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    """Principal, policy and context, all of it JSON, and one line that says so."""
    result = handler.lambda_handler(event(_good()), _Context())
    assert result["principalId"] == "client-1"
    assert result["policyDocument"]["Statement"] == [
        {
            "Action": "execute-api:Invoke",
            "Effect": "Allow",
            "Resource": ["arn:aws:execute-api:us-east-1:123456789012:abcdef1234/prod/*"],
        }
    ]
    assert result["context"]["permissions"] == "products:read products:write"
    assert json.loads(json.dumps(result)) == result
    line = json.loads(capsys.readouterr().out)
    assert (line["outcome"], line["client_id"], line["request_id"]) == ("allow", "client-1", "r-1")


@pytest.mark.spec("RFC 6750", "3.1")
@pytest.mark.parametrize("value", _MALFORMED)
def test_a_missing_or_malformed_token_is_unauthorized(
    handler: ModuleType, denying: ModuleType, value: dict[str, Any]
) -> None:
    """The exact word that API Gateway turns into 401, whatever INVALID_TOKEN_RESULT is."""
    _unauthorized(handler, value)
    _unauthorized(denying, value)


@pytest.mark.spec("RFC 6750", "3.1")
@pytest.mark.parametrize("members", [_EXPIRED, {"aud": "https://x.example"}, {"iss": "https://x.example"}])
def test_an_invalid_token_is_unauthorized(handler: ModuleType, members: dict[str, Any]) -> None:
    """By default an invalid or expired token is answered as a missing one is."""
    _unauthorized(handler, event(_good(**members)))


_INVALID = {
    "expired": _good(**_EXPIRED),
    "another audience": _good(aud="https://x.example"),
    "signature longer": _good() + "x",
    "signature changed": _good()[:-4] + "AAAA",
    "foreign key": sign(header(), claims(time.time()), FOREIGN_KEY),
    "alg none": sign(header(alg="none"), claims(time.time())),
}


@pytest.mark.parametrize("name", _INVALID)
def test_an_invalid_token_is_denied_where_that_is_set(denying: ModuleType, name: str) -> None:
    """INVALID_TOKEN_RESULT=deny: an explicit Deny, which API Gateway can cache, and nobody's name."""
    result = denying.lambda_handler(event(_INVALID[name]), _Context())
    assert result["principalId"] == "unknown"
    assert [statement["Effect"] for statement in result["policyDocument"]["Statement"]] == ["Deny"]
    assert "context" not in result


_MAY_PASS = {
    "unknown key": sign(header(kid="x"), claims(time.time())),
    "not yet valid": _good(nbf=time.time() + 3600),
    "issued in the future": _good(iat=time.time() + 3600),
}


@pytest.mark.parametrize("name", _MAY_PASS)
def test_what_may_be_good_a_moment_later_is_never_denied_for_long(denying: ModuleType, name: str) -> None:
    """A Deny is cached: a token whose key is not known yet, or whose time has not come, is 401 instead."""
    with pytest.raises(Exception, match=r"^Unauthorized$"):
        denying.lambda_handler(event(_MAY_PASS[name]), _Context())


def test_nothing_that_a_caller_wrote_is_in_the_line(denying: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    """A token or a secret in the path reaches no log."""
    asked = {**event(_good()), "methodArn": f"{METHOD_ARN.rpartition('/')[0]}/{_good()}"}
    denying.lambda_handler(asked, _Context())
    assert _good() not in capsys.readouterr().out


def test_a_good_token_is_allowed_where_others_are_denied(denying: ModuleType) -> None:
    """The setting is about invalid tokens only."""
    result = denying.lambda_handler(event(_good()), _Context())
    assert result["policyDocument"]["Statement"][0]["Effect"] == "Allow"


def test_a_result_that_is_too_large_is_unauthorized(
    handler: ModuleType, denying: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    """A token whose scopes do not fit into 8 KB is refused, and the line says why and whose it is."""
    token = _good(scope=" ".join(f"scope:{number:04}" for number in range(400)))
    _unauthorized(handler, event(token))
    _unauthorized(denying, event(token))
    line = json.loads(capsys.readouterr().out.splitlines()[0])
    assert (line["outcome"], line["reason"], line["client_id"]) == ("unauthorized", "result_too_large", "client-1")


@pytest.mark.parametrize("arn", ["*", None, METHOD_ARN.replace("prod", "*"), METHOD_ARN.replace("abcdef1234", "*")])
def test_a_malformed_arn_is_an_error_with_a_good_token(
    handler: ModuleType, arn: object, capsys: pytest.CaptureFixture[str]
) -> None:
    """API Gateway answers 500: there is no stage that could be allowed."""
    with pytest.raises(EventError):
        handler.lambda_handler(event(_good(), arn), _Context())
    line = json.loads(capsys.readouterr().out)
    assert (line["outcome"], line["reason"]) == ("error", "event_malformed")


def test_keys_that_cannot_be_had_are_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    """Not 401: a client with a good token must not throw it away because the issuer is down."""
    with serving(document(b"", 503)) as server:
        handler = cold_start({"ISSUER": ISSUER, "AUDIENCE": AUDIENCE, "JWKS_URI": server.uri, "REVOCATIONS_URI": "off"})
        with pytest.raises(KeysUnavailableError):
            handler.lambda_handler(event(_good()), _Context())
    _, fetch_line, line = (json.loads(text) for text in capsys.readouterr().out.splitlines())
    assert (fetch_line["event"], fetch_line["reason"]) == ("jwks_fetch_failed", "status 503")
    assert (line["outcome"], line["reason"], line["method"]) == ("error", "keys_unavailable", "GET")


def test_keys_are_fetched_from_the_uri_that_is_set() -> None:
    """Once for many tokens."""
    with serving(document(jwks())) as server:
        handler = cold_start({"ISSUER": ISSUER, "AUDIENCE": AUDIENCE, "JWKS_URI": server.uri, "REVOCATIONS_URI": "off"})
        for number in range(5):
            assert handler.lambda_handler(event(_good(jti=str(number))), None)["principalId"] == "client-1"
        assert len(server.paths) == 1


def test_keys_are_fetched_from_the_issuer_where_no_uri_is_set() -> None:
    """The default is the issuer's own well-known address."""
    with serving(document(jwks())) as server:
        issuer = server.uri.removesuffix("/.well-known/jwks.json")
        handler = cold_start({"ISSUER": issuer, "AUDIENCE": AUDIENCE, "REVOCATIONS_URI": "off"})
        assert handler.lambda_handler(event(_good(iss=issuer)), None)["principalId"] == "client-1"
        assert server.paths == ["/.well-known/jwks.json"]


def test_a_fault_of_ours_quotes_nothing(
    handler: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the Lambda runtime would log of an unexpected exception says nothing about the token."""

    def faulty(*_: object) -> None:
        raise KeyError("secret-token")

    monkeypatch.setattr(handler, "decide", faulty)
    with pytest.raises(AuthorizerError) as raised:
        handler.lambda_handler(event("secret-token"), _Context())
    assert "secret-token" not in str(raised.value)
    assert raised.value.__suppress_context__
    assert "secret-token" not in capsys.readouterr().out


def _raised_by(handler: ModuleType, value: object) -> str:
    """Give all that the Lambda runtime could log of what the handler raises: causes and contexts included."""
    with pytest.raises(Exception, match=r".") as raised:
        handler.lambda_handler(value, _Context())
    return "".join(traceback.format_exception(raised.value))


def test_a_fault_of_ours_has_no_token_in_its_chain(handler: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unexpected exception is neither the cause nor the context of the one that leaves."""
    token = _good()

    def faulty(*_: object) -> None:
        try:
            int(token)
        except ValueError as error:
            raise KeyError(f"cannot read {token}") from error

    monkeypatch.setattr(handler, "decide", faulty)
    logged = _raised_by(handler, event(token))
    assert "AuthorizerError: no decision" in logged
    assert token not in logged
    assert "cannot read" not in logged


@pytest.mark.parametrize("token", [_good() + "x", _good(**_EXPIRED), "aaaaa.bbbbb.ccccc", "\u00e4.b.c", "e30.e30.e30"])
def test_a_refusal_has_no_token_in_its_chain(handler: ModuleType, token: str) -> None:
    """What could not be decoded or verified is not quoted behind the word that the gateway wants."""
    logged = _raised_by(handler, event(token))
    assert logged.endswith("\nException: Unauthorized\n")
    assert token not in logged


def test_a_malformed_event_has_no_token_in_its_chain(handler: ModuleType) -> None:
    """Nor is a token quoted where the rest of the event is wrong."""
    assert _good()[:40] not in _raised_by(handler, event(_good(), "*"))


def test_no_keys_and_the_token_is_not_in_the_chain() -> None:
    """Nor does the exception that says that there are no keys."""
    with serving(document(b"", 503)) as server:
        handler = cold_start({"ISSUER": ISSUER, "AUDIENCE": AUDIENCE, "JWKS_URI": server.uri, "REVOCATIONS_URI": "off"})
        logged = _raised_by(handler, event(_good()))
    assert "KeysUnavailableError" in logged
    assert _good()[:40] not in logged


def test_a_cold_start_says_what_its_settings_come_to(capsys: pytest.CaptureFixture[str]) -> None:
    """A variable whose name is misspelt is one that is not set, and an operator can see that."""
    cold_start(ENVIRON | {"ROUTE": "{}"})
    line = json.loads(capsys.readouterr().out)
    assert (line["event"], line["issuers"]) == ("authorizer_started", ISSUER)
    assert line["routes"] == "no map: each good token may call each"
    assert (line["revocations"], line["dpop"], line["policy_for"]) == (
        "not read of all",
        "refused: no API_ORIGIN",
        "stage",
    )
    scope_map = '{"latchkey_routes": 1, "groups": [], "closed": {"routes": [], "deny": []}}'
    cold_start(ENVIRON | {"ROUTES": scope_map, "REVOCATIONS_URI": "", "API_ORIGIN": AUDIENCE})
    line = json.loads(capsys.readouterr().out)
    assert (line["routes"], line["revocations"], line["dpop"]) == ("by the map", "read", "verified")


def test_a_bad_setting_stops_the_cold_start() -> None:
    """The module cannot be imported."""
    with pytest.raises(SettingsError, match=r"^CLOCK_SKEW_SECONDS"):
        cold_start(ENVIRON | {"CLOCK_SKEW_SECONDS": "soon"})


def test_the_environment_is_read_at_the_cold_start_only(handler: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """What changes later in the environment changes nothing."""
    for name in ENVIRON:
        monkeypatch.setenv(name, "changed")
    assert handler.lambda_handler(event(_good()), None)["principalId"] == "client-1"


def test_nothing_but_its_own_is_imported() -> None:
    """The authorizer deploys alone: no AWS SDK, and none of the other deployables."""
    script = "import sys, authorizer.handler; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run(  # noqa: S603 - this interpreter, and a text of ours
        [sys.executable, "-c", script], env=ENVIRON, capture_output=True, text=True, check=True
    )
    imported = set(done.stdout.split())
    assert {"authorizer", "jwt", "cryptography"} <= imported
    assert imported.isdisjoint({"boto3", "botocore", "auth_server", "resource_server", "latchkey", "infra", "requests"})
