"""The gate before the token endpoint, which lets the `WWW-Authenticate` of a 401 reach the client under its own name.

API Gateway renames that header wherever an integration sends it. It leaves alone what its own gateway responses say,
and a Lambda authorizer's refusal is one of those. So a request with bad Basic credentials is refused here, and leaves
the gateway as RFC 6749 5.2 asks. The gate admits everything else: the token endpoint itself decides, always, and
authenticates again. A store that does not answer, or a memory of good credentials that is seconds old, therefore
opens nothing.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from auth_server.audit import AuditLog, Decision
from auth_server.client_authentication import client_secret_basic, prove
from auth_server.client_authentication.client_secret import ClientSecretCredentials
from auth_server.clients import ClientStore, digest_secret
from auth_server.errors import DependencyError, InvalidClientError, InvalidRequestError
from auth_server.wire import Event, request_from_event

REMEMBERED_SECONDS = 30
REMEMBERED_CLIENTS = 1_000


class Gate:
    """Admits a request, or refuses it, by the Authorization header alone: an authorizer sees no body."""

    def __init__(self, clients: ClientStore, log: AuditLog, clock: Callable[[], float]) -> None:
        """`clock` gives the Unix time in seconds."""
        self._clients, self._log, self._clock = clients, log, clock
        self._proven: OrderedDict[bytes, float] = OrderedDict()  # digest of id and secret: until when it is believed

    def admits(self, event: Event) -> bool:
        """Whether the request may go on to the token endpoint; writes an audit line for one that may not."""
        decision = Decision("token")
        try:
            request = request_from_event(event)
            decision.request_id, decision.source_ip = request.request_id, request.source_ip
            credentials = client_secret_basic.from_header(request)
            if credentials is not None:
                self._prove(credentials, decision)
        except InvalidClientError as error:
            decision.outcome, decision.status = "refused", error.status
            decision.error, decision.reason = error.error, error.reason
            self._log.write("WARNING", decision)
            return False
        except (InvalidRequestError, DependencyError):
            return True  # the token endpoint has the right answer to each: 400, 503
        return True

    def _prove(self, credentials: ClientSecretCredentials, decision: Decision) -> None:
        fingerprint = digest_secret(f"{credentials.client_id}\0{credentials.secret}")
        if self._clock() < self._proven.get(fingerprint, 0):
            return
        prove(credentials, self._clients, int(self._clock()), decision)
        self._proven[fingerprint] = self._clock() + REMEMBERED_SECONDS
        self._proven.move_to_end(fingerprint)
        if len(self._proven) > REMEMBERED_CLIENTS:
            self._proven.popitem(last=False)


def admission(event: Event) -> dict[str, Any]:
    """Give the policy that lets this one request through to the token endpoint, and nothing else."""
    statement = {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": event["methodArn"]}
    return {"principalId": "client", "policyDocument": {"Version": "2012-10-17", "Statement": [statement]}}
