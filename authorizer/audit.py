"""One JSON line for each decision, on standard output, where Lambda takes it to CloudWatch.

Never in a line: a token or a part of one, a claim that is not under the issuer's signature, a `kid` that is not ours.
"""

import json
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import PurePath

from authorizer.access_token import AccessToken
from authorizer.decision import Allow, Decision, Deny
from authorizer.errors import AuthorizerError, DocumentError, Refusal
from authorizer.event import AuthorizerRequest, MethodArn

LEVELS = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40}

_Fields = dict[str, str | None]


@dataclass(frozen=True, slots=True)
class AuditLog:
    """Writes the lines whose level is at least `level`, a name in `LEVELS`."""

    level: str

    def started(self, **how: str) -> None:
        """{"level": "INFO", "event": "authorizer_started", "issuers": ..., "routes": "by the map", ...}.

        Once for each cold start, so that a variable of another name than was meant does not go unseen.
        """
        self._write("INFO", "authorizer_started", dict(how))

    def decided(self, request: AuthorizerRequest, decision: Decision, request_id: str | None) -> None:
        """{"level": "INFO", "event": "authorizer_decision", "outcome": "allow", "client_id": ..., "jti": ..., ...}."""
        where = _called(request.method_arn) | {"request_id": request_id}
        if isinstance(decision, Allow):
            self._write("INFO", "authorizer_decision", {"outcome": "allow"} | _verified(decision.token) | where)
        else:
            outcome = "deny" if isinstance(decision, Deny) else "unauthorized"
            self._write("WARNING", "authorizer_decision", {"outcome": outcome} | _refused(decision.refusal) | where)

    def failed(self, request: AuthorizerRequest | None, error: Exception, request_id: str | None) -> None:
        """{"level": "ERROR", "event": "authorizer_decision", "outcome": "error", "reason": "keys_unavailable", ...}.

        Of an error that is not ours, its type and the line that raised it: never its text, which may quote the request.
        """
        reason, detail = (
            (error.reason, str(error)) if isinstance(error, AuthorizerError) else (AuthorizerError.reason, None)
        )
        where = _called(request.method_arn) if request is not None else {}
        kind, at = type(error).__name__, _place(error)
        fields: _Fields = {"outcome": "error", "reason": reason, "detail": detail, "error": kind, "at": at}
        self._write("ERROR", "authorizer_decision", fields | where | {"request_id": request_id})

    def jwks_failed(self, error: DocumentError, *, issuer: str) -> None:
        """{"level": "ERROR", "event": "jwks_fetch_failed", "issuer": ..., "reason": "status 503"}.

        The last good keys may serve on.
        """
        self._write("ERROR", "jwks_fetch_failed", {"issuer": issuer, "reason": str(error)})

    def revocations_failed(self, error: DocumentError, *, issuer: str) -> None:
        """{"level": "ERROR", "event": "revocations_fetch_failed", "issuer": ..., "reason": "status 503"}.

        What was known last may serve on.
        """
        self._write("ERROR", "revocations_fetch_failed", {"issuer": issuer, "reason": str(error)})

    def _write(self, level: str, event: str, fields: _Fields) -> None:
        if LEVELS[level] >= LEVELS[self.level]:
            line = {"time": round(time.time(), 3), "level": level, "event": event} | {
                name: value for name, value in fields.items() if value is not None
            }
            # One write, so that the lines of two threads do not mix; and a Lambda may be frozen as soon as it answered.
            sys.stdout.write(json.dumps(line, separators=(",", ":")) + "\n")
            sys.stdout.flush()


def _place(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{PurePath(frame.filename).name}:{frame.lineno}"


def _verified(token: AccessToken) -> _Fields:
    return {"client_id": token.client_id, "jti": token.jti, "kid": token.kid, "scope": token.scope}


def _refused(refusal: Refusal) -> _Fields:
    known = _verified(refusal.token) if refusal.token is not None else {"kid": refusal.kid}
    return {"reason": refusal.reason, "claim": refusal.claim, "detail": refusal.detail} | known


def _called(method_arn: MethodArn) -> _Fields:
    # No path: a caller may put anything there. The request id leads to the API's own line, which has the route.
    return {"api": method_arn.api, "stage": method_arn.stage, "method": method_arn.method}
