"""The Lambda's entry, and the wiring of its parts. A bad setting raises here, at import: the cold start fails."""

import os
import time
from functools import partial
from typing import Any

from authorizer import event as events
from authorizer.access_token import Expectation
from authorizer.audit import AuditLog
from authorizer.decision import Rules, Unauthorized, decide
from authorizer.errors import AuthorizerError
from authorizer.jwks import KeySource
from authorizer.jwks_cache import CacheTimes, JwksCache
from authorizer.jwks_fetch import fetch
from authorizer.proof_of_possession import PossessionVerifier
from authorizer.settings import Settings
from authorizer.token_verifier import TokenVerifier


def _key_source(settings: Settings, audit: AuditLog) -> KeySource:
    if settings.jwks is not None:
        return settings.jwks
    times = CacheTimes(
        cache_s=settings.jwks_cache_seconds,
        cooldown_s=settings.jwks_cooldown_seconds,
        max_stale_s=settings.jwks_max_stale_seconds,
    )
    # The time since the epoch, not a monotonic one: a Lambda that was frozen for an hour has to know that it was.
    fetch_keys = partial(fetch, settings.jwks_uri, settings.jwks_timeout_seconds)
    return JwksCache(fetch_keys, times, clock=time.time, on_failure=audit.jwks_failed)


_SETTINGS = Settings.from_environ(os.environ)
_AUDIT = AuditLog(_SETTINGS.log_level)
_VERIFIER = TokenVerifier(
    Expectation(_SETTINGS.issuer, _SETTINGS.audience, _SETTINGS.clock_skew_seconds),
    _key_source(_SETTINGS, _AUDIT),
    time.time,
)
_POSSESSIONS = PossessionVerifier(_SETTINGS.api_origin, _SETTINGS.dpop_max_age_seconds, time.time)
_RULES = Rules(
    routes=_SETTINGS.route_map,
    policy_for=_SETTINGS.policy_for,
    http_api_response=_SETTINGS.http_api_response,
    invalid_token_result=_SETTINGS.invalid_token_result,
)


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
