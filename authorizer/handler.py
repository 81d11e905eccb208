"""The Lambda's entry. A bad setting raises here, at import: the cold start fails."""

import os
import time
from typing import Any

from authorizer import event as events
from authorizer.audit import AuditLog
from authorizer.decision import Rules, Unauthorized, decide
from authorizer.errors import AuthorizerError
from authorizer.proof_of_possession import PossessionVerifier
from authorizer.settings import Settings
from authorizer.token_verifier import TokenVerifier
from authorizer.wiring import Wiring

_SETTINGS = Settings.from_environ(os.environ)
_AUDIT = AuditLog(_SETTINGS.log_level)
_VERIFIER = TokenVerifier(Wiring(_SETTINGS, _AUDIT, time.time).issuers(), time.time)
_POSSESSIONS = PossessionVerifier(_SETTINGS.api_origin, _SETTINGS.dpop_max_age_seconds, time.time)
_RULES = Rules(
    routes=_SETTINGS.route_map,
    policy_for=_SETTINGS.policy_for,
    http_api_response=_SETTINGS.http_api_response,
    invalid_token_result=_SETTINGS.invalid_token_result,
)
_AUDIT.started(**_SETTINGS.summary())


def lambda_handler(event: object, context: object) -> dict[str, Any]:
    """Answer an authorizer's event (see `event`) with a policy, or a yes or no (see `policy`).

    Raises `Exception("Unauthorized")`, the word that API Gateway turns into 401, where no token could be accepted,
    and `AuthorizerError`, which becomes 500, where that cannot be known.
    """
    request_id = getattr(context, "aws_request_id", None)
    request = None
    try:
        request = events.parse(event)
        decision = decide(request, _VERIFIER, _POSSESSIONS, _RULES)
    except AuthorizerError as error:
        _AUDIT.failed(request, error, request_id)
        raise
    except Exception as error:  # noqa: BLE001 - the Lambda runtime logs what is raised, and its text might quote the token
        _AUDIT.failed(request, error, request_id)
        raise AuthorizerError("no decision") from None
    _AUDIT.decided(request, decision, request_id)
    if isinstance(decision, Unauthorized):
        raise Exception("Unauthorized")  # noqa: TRY002, TRY004 - the gateway wants this very text
    return decision.result
