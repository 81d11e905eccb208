"""The gate before the token endpoint, which lets the `WWW-Authenticate` of a 401 reach the client under its own name.

API Gateway renames that header wherever an integration sends it. It leaves alone what its own gateway responses say,
and a Lambda authorizer's refusal is one of those. So a request with bad Basic credentials is refused here, and leaves
the gateway as RFC 6749 5.2 asks. The gate admits everything else: the token endpoint itself decides, always, and
authenticates again. Too many failures are counted here, and what is to wait is admitted with word of it, because the
gateway's refusals know no 429. A store that does not answer, or a memory of good credentials that is seconds old,
therefore opens nothing.
"""

from collections.abc import Callable, Mapping
from typing import Any

from auth_server.audit import AuditLog, Decision
from auth_server.client_authentication import PAUSE, client_secret_basic, prove
from auth_server.clients import ClientStore, digest_secret
from auth_server.errors import DependencyError, InvalidClientError, InvalidRequestError, TooManyRequestsError
from auth_server.throttle import Memory, Throttle
from auth_server.wire import Event, Request, request_from_event

REMEMBERED_SECONDS = 30
REMEMBERED_CLIENTS = 1_000


class Gate:
    """Admits a request, or refuses it, by the Authorization header alone: an authorizer sees no body."""

    def __init__(self, clients: ClientStore, throttle: Throttle, log: AuditLog, clock: Callable[[], float]) -> None:
        """`clock` gives the Unix time in seconds."""
        self._clients, self._throttle, self._log, self._clock = clients, throttle, log, clock
        self._believed = Memory(REMEMBERED_CLIENTS)  # by the digest of id, secret and address

    def answer(self, event: Event) -> dict[str, Any] | None:
        """Give the policy that lets the request go on to the token endpoint.

        None where it may not; that has its audit line then.
        """
        decision = Decision("token")
        try:
            self._examine(request_from_event(event), decision)
        except InvalidClientError as error:
            decision.outcome, decision.status = "refused", error.status
            decision.error, decision.reason = error.error, error.reason
            self._log.write("WARNING", decision)
            return None
        except TooManyRequestsError as error:
            return admission(event, {PAUSE: str(error.retry_after)})
        except (InvalidRequestError, DependencyError):
            pass  # the token endpoint has the right answer to each: 400, 503
        return admission(event)

    def _examine(self, request: Request, decision: Decision) -> None:
        decision.request_id, decision.source_ip = request.request_id, request.source_ip
        credentials = client_secret_basic.from_header(request)
        if credentials is None:
            return
        fingerprint = digest_secret(f"{credentials.client_id}\0{credentials.secret}\0{request.source_ip}")
        if self._clock() < self._believed.until(fingerprint):
            return
        prove(credentials, self._clients, self._throttle, int(self._clock()), decision)
        self._believed.remember(fingerprint, self._clock() + REMEMBERED_SECONDS)


def admission(event: Event, context: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Give the policy that lets this one request through to the token endpoint, and nothing else."""
    statement = {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": event["methodArn"]}
    policy = {"principalId": "client", "policyDocument": {"Version": "2012-10-17", "Statement": [statement]}}
    return policy if context is None else {**policy, "context": dict(context)}
