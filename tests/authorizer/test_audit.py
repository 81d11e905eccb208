"""The audit lines."""

import io
import json
import sys
import time
from typing import Any

import pytest

from authorizer import access_token
from authorizer.audit import AuditLog
from authorizer.decision import Allow, Deny, Unauthorized
from authorizer.errors import FetchError, JwksError, KeysUnavailableError, Reason, Refusal
from authorizer.event import AuthorizerRequest, Kind, MethodArn
from tests.authorizer.issuer import ISSUER, KID, METHOD_ARN, claims

_TOKEN = access_token.from_claims(claims(), KID)
_REQUEST = AuthorizerRequest(Kind.REST_TOKEN, "Bearer secret-token", MethodArn.parse(METHOD_ARN))
_WHERE = {"api": "abcdef1234", "stage": "prod", "method": "GET", "request_id": "r-1"}
_WHO = {"client_id": "client-1", "jti": "3f9a1c", "kid": "key-1", "scope": "products:read products:write"}


def _line(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    written = capsys.readouterr().out
    assert written.count("\n") == 1
    line: dict[str, Any] = json.loads(written)
    assert abs(line.pop("time") - time.time()) < 3600
    return line


def _raised(error: Exception) -> Exception:
    with pytest.raises(type(error)) as raised:
        raise error
    return raised.value


def test_an_allowed_request(capsys: pytest.CaptureFixture[str]) -> None:
    """Who, with which token, what for, and where."""
    AuditLog("INFO").decided(_REQUEST, Allow(_TOKEN, {}), "r-1")
    head = {"level": "INFO", "event": "authorizer_decision", "outcome": "allow"}
    assert _line(capsys) == head | _WHO | _WHERE


def test_a_refused_request(capsys: pytest.CaptureFixture[str]) -> None:
    """Why, where, and no more than is known for certain."""
    refusal = Refusal(Reason.CLAIM_MISSING, claim="aud", kid=KID)
    AuditLog("INFO").decided(_REQUEST, Unauthorized(refusal), "r-1")
    head = {"level": "WARNING", "event": "authorizer_decision", "outcome": "unauthorized"}
    assert _line(capsys) == head | {"reason": "claim_missing", "claim": "aud", "kid": KID} | _WHERE


def test_a_refused_proof(capsys: pytest.CaptureFixture[str]) -> None:
    """Which of its rules a proof breaks is told, in a sentence that quotes nothing."""
    refusal = Refusal(Reason.PROOF_REFUSED, detail="The DPoP proof is for another method (htm).")
    AuditLog("INFO").decided(_REQUEST, Unauthorized(refusal), "r-1")
    line = _line(capsys)
    assert (line["reason"], line["detail"]) == ("proof_refused", "The DPoP proof is for another method (htm).")


def test_a_denied_request(capsys: pytest.CaptureFixture[str]) -> None:
    """Whose token has expired is known, since the signature was good."""
    AuditLog("INFO").decided(_REQUEST, Deny(Refusal(Reason.EXPIRED, token=_TOKEN), {}), "r-1")
    head = {"level": "WARNING", "event": "authorizer_decision", "outcome": "deny", "reason": "expired"}
    assert _line(capsys) == head | _WHO | _WHERE


def test_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    """An error of ours is told by its type, its place and its text, which quotes nothing."""
    AuditLog("INFO").failed(_REQUEST, _raised(KeysUnavailableError("the issuer's keys")), "r-1")
    line = _line(capsys)
    assert line.pop("at").startswith("test_audit.py:")
    head = {"level": "ERROR", "event": "authorizer_decision", "outcome": "error", "reason": "keys_unavailable"}
    assert line == head | {"error": "KeysUnavailableError", "detail": "the issuer's keys"} | _WHERE


def test_an_error_of_no_known_kind(capsys: pytest.CaptureFixture[str]) -> None:
    """The text of an exception may quote a token."""
    AuditLog("INFO").failed(None, _raised(KeyError("secret-token")), None)
    line = _line(capsys)
    assert (line["reason"], line["error"]) == ("internal_error", "KeyError")
    assert "secret-token" not in json.dumps(line)


def test_a_failed_fetch(capsys: pytest.CaptureFixture[str]) -> None:
    """An outage of the issuer is seen while what was fetched last still serves, and it is told whose it is."""
    audit, about = AuditLog("ERROR"), {"level": "ERROR", "issuer": ISSUER, "reason": "status 503"}
    audit.jwks_failed(JwksError("status 503"), issuer=ISSUER)
    assert _line(capsys) == {**about, "event": "jwks_fetch_failed"}
    audit.revocations_failed(FetchError("status 503"), issuer=ISSUER)
    assert _line(capsys) == {**about, "event": "revocations_fetch_failed"}


@pytest.mark.parametrize(("level", "lines"), [("DEBUG", 2), ("INFO", 2), ("WARNING", 1), ("ERROR", 0)])
def test_lines_below_the_level_are_left_out(level: str, lines: int, capsys: pytest.CaptureFixture[str]) -> None:
    """An allowed request is INFO, a refused one WARNING."""
    audit = AuditLog(level)
    audit.decided(_REQUEST, Allow(_TOKEN, {}), None)
    audit.decided(_REQUEST, Unauthorized(Refusal(Reason.EXPIRED)), None)
    assert capsys.readouterr().out.count("\n") == lines


def test_a_line_is_out_before_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Lambda may be frozen, and then ended, as soon as it has answered."""
    written = io.BytesIO()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", stream := io.TextIOWrapper(written))
        AuditLog("INFO").decided(_REQUEST, Allow(_TOKEN, {}), None)
        assert written.getvalue().endswith(b"\n")
    stream.detach()


def test_a_line_stays_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing in a path can begin a line of its own."""
    request = AuthorizerRequest(Kind.REST_TOKEN, None, MethodArn.parse(METHOD_ARN + '/\n{"outcome": "allow"}\u2028'))
    AuditLog("INFO").decided(request, Unauthorized(Refusal(Reason.TOKEN_MISSING)), None)
    assert _line(capsys)["outcome"] == "unauthorized"
