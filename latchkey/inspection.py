"""What a token says, and what the authorizer makes of it: its own decision, made here."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from authorizer import base64url, jws, strict_json
from authorizer.access_token import Expectation
from authorizer.decision import Rules, Unauthorized, decide
from authorizer.errors import JwksError, Reason, Refusal, RefusedError, SettingsError
from authorizer.event import AuthorizerRequest, Kind, MethodArn
from authorizer.issuers import Issuer, Issuers
from authorizer.jwks import parse_jwks
from authorizer.jwks_fetch import fetch
from authorizer.proof_of_possession import PossessionVerifier
from authorizer.revocations import NOT_READ
from authorizer.settings import Settings
from authorizer.token_verifier import TokenVerifier
from latchkey.errors import CommandError, UnavailableError
from latchkey.issuer import discover

# The method that the authorizer is asked about: any will do, as its answer holds for the whole stage.
_METHOD_ARN = MethodArn.parse("arn:aws:execute-api:us-east-1:123456789012:abcdef1234/prod/GET/")

EXPLANATIONS: Mapping[Reason, str] = {
    Reason.TOKEN_MISSING: "there is no token",
    Reason.AUTHORIZATION_MALFORMED: "it has characters that a bearer token cannot have",
    Reason.AUTHORIZATION_TOO_LONG: "it is longer than the authorizer reads",
    Reason.NOT_A_JWT: "it is not a signed JWT: three parts in base64url, the first one a JSON object",
    Reason.ALG_REFUSED: "it is not signed with RS256",
    Reason.TYP_REFUSED: "its type is not at+jwt: it is some other kind of JWT",
    Reason.CRIT_REFUSED: "it demands an extension that the authorizer does not know",
    Reason.KID_MISSING: "it does not name the key that signed it",
    Reason.KEY_UNKNOWN: "the issuer has no key of the name that it gives",
    Reason.SIGNATURE_INVALID: "the issuer's key did not sign this",
    Reason.CLAIMS_MALFORMED: "its claims are not a JSON object",
    Reason.CLAIM_MISSING: "it lacks a claim that an access token must have",
    Reason.CLAIM_MALFORMED: "a claim has a value that it cannot have",
    Reason.ISSUER_REFUSED: "another issuer than the one asked about is named in it",
    Reason.AUDIENCE_REFUSED: "it is for another audience",
    Reason.EXPIRED: "it has expired",
    Reason.NOT_YET_VALID: "it is not valid yet",
    Reason.ISSUED_IN_THE_FUTURE: "it says that it was issued in the future",
    Reason.REVOKED: "it was revoked, by itself or with all that its client was issued before a time",
    Reason.KEY_NOT_PROVEN: "it is bound to a key (cnf), so that whoever bears it alone is refused",
    Reason.PROOF_UNSUPPORTED: "it came with a DPoP proof, which this authorizer cannot verify",
    Reason.PROOF_MISSING: "it came without the one DPoP proof that it needs",
    Reason.PROOF_REFUSED: "its DPoP proof is refused",
    Reason.PROOF_REUSED: "its DPoP proof was used before",
    Reason.INSUFFICIENT_SCOPE: "its scopes do not permit the route",
    Reason.PATH_NOT_EXPRESSIBLE: "the path that it is used for cannot be written into a policy",
    Reason.RESULT_TOO_LARGE: "it says more than API Gateway takes from an authorizer",
}


@dataclass(frozen=True, slots=True)
class Inspection:
    """The authorizer's answer, and what the token says. None of `header` and `claims` is verified unless `verified`.

    `reason` and `explanation` are None where the token is valid. `header` and `claims` are None where they cannot be
    read. `audience_compared` is False where the caller named no audience: any was taken then.
    """

    reason: Reason | None
    explanation: str | None
    verified: bool
    audience_compared: bool
    header: Mapping[str, Any] | None
    claims: Mapping[str, Any] | None


def inspect(text: str, *, issuer: str, audiences: Collection[str], now: float) -> Inspection:
    """Let the authorizer decide about a token at the Unix time `now`, with the keys that the issuer publishes now.

    Raises `UnavailableError` where the issuer does not answer, `CommandError` where it is none that can be asked.
    """
    header, claims = _unverified(text)
    verifier = _verifier(issuer, frozenset(audiences) or _audiences_of(claims), now)
    request = AuthorizerRequest(Kind.REST_TOKEN, f"Bearer {text}", _METHOD_ARN)
    decision = decide(request, verifier, PossessionVerifier("", 0, lambda: now), Rules())
    refusal = decision.refusal if isinstance(decision, Unauthorized) else None
    return Inspection(
        reason=refusal.reason if refusal else None,
        explanation=_explain(refusal, issuer, claims) if refusal else None,
        verified=refusal is None or refusal.token is not None,
        audience_compared=bool(audiences),
        header=header,
        claims=claims,
    )


def _verifier(issuer: str, audiences: frozenset[str], now: float) -> TokenVerifier:
    """Build a verifier with the authorizer's own settings and their defaults, over one fetch of the keys."""
    jwks_uri = discover(issuer).jwks_uri
    try:
        settings = Settings.from_environ({"ISSUER": issuer, "AUDIENCE": issuer, "JWKS_URI": jwks_uri})
        (trusted,) = settings.issuers
        keys = parse_jwks(fetch(trusted.jwks_uri, settings.jwks_timeout_seconds))
    except SettingsError as error:
        raise CommandError(f"the authorizer does not take this issuer: {error}") from error
    except JwksError as error:
        raise UnavailableError(f"the keys of {issuer} cannot be had: {error}") from error
    expected = Expectation(trusted.issuer, audiences, settings.clock_skew_seconds)
    return TokenVerifier(Issuers(Issuer(expected, keys, NOT_READ)), lambda: now)


def _unverified(text: str) -> tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]:
    try:
        parsed = jws.parse(text)
    except (RefusedError, ValueError):
        return None, None
    try:
        return parsed.unverified_header, strict_json.parse_object(base64url.decode(parsed.unverified_payload))
    except ValueError:
        return parsed.unverified_header, None


def _audiences_of(unverified_claims: Mapping[str, Any] | None) -> frozenset[str]:
    """Take whatever audience the token names for the right one, where the caller named none."""
    named = (unverified_claims or {}).get("aud")
    return frozenset(each for each in (named if isinstance(named, list) else [named]) if isinstance(each, str))


def _explain(refusal: Refusal, issuer: str, claims: Mapping[str, Any] | None) -> str:
    which = f" ({refusal.claim})" if refusal.claim else ""
    named = (claims or {}).get("iss", issuer)
    elsewhere = f"; it names {named!r} as its issuer, not {issuer!r}" if named != issuer else ""
    return f"{EXPLANATIONS[refusal.reason]}{which}{elsewhere}"
