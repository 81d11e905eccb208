"""`federated_jwt`: a token of another issuer that the client's record trusts, as an assertion (RFC 7523 3).

A workload of AWS, GitHub Actions, Kubernetes or SPIFFE has a token of its platform at hand, and no secret to keep. The
name is our own: in the registry of authentication methods there is none for it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from auth_server import jwt_assertion, public_jwks, trusted_issuers
from auth_server.client_authentication import client_assertion
from auth_server.client_authentication.client_assertion import Presented
from auth_server.client_authentication.credentials import require_permitted
from auth_server.clients import Client
from auth_server.errors import InvalidClientError
from auth_server.form import Form
from auth_server.jwt_assertion import Assertion
from auth_server.public_jwks import Jwk
from auth_server.remote_keys import RemoteKeysError
from auth_server.services import Services
from auth_server.trusted_issuers import TrustedIssuer
from auth_server.wire import Request

METHOD: Final = "federated_jwt"
_TYPES = frozenset({"jwt", "jose"})  # JWT-SVID 2.3 knows both; Kubernetes writes none


@dataclass(frozen=True, slots=True)
class FederatedJwtCredentials:
    """A token by which another issuer speaks for a client."""

    presented: Presented
    services: Services = field(repr=False)

    @property
    def method(self) -> str:
        """The method's name."""
        return METHOD

    @property
    def client_id(self) -> str:
        """The client that the request names: the token does not."""
        return self.presented.client_id

    def prove(self, client: Client | None, now: int) -> None:
        """Check the token by the keys of an issuer that the client's record trusts, and against that record."""
        unverified = self.presented.unverified_assertion()
        permitted = require_permitted(client, METHOD)
        # Unverified, it only chooses among what is registered: nothing else is ever fetched from.
        iss = unverified.unverified_claims.get("iss")
        records = [trusted for trusted in permitted.trusted_issuers if trusted.issuer == iss]
        if not records:
            raise InvalidClientError(reason="the assertion's issuer is none that the client's record trusts")
        assertion = jwt_assertion.verify(
            unverified, keys=lambda kid: _issuer_keys(records[0], kid, self.services), types=_TYPES
        )
        max_lifetime = self.services.settings.federated_max_lifetime_seconds
        jwt_assertion.check_times(assertion, max_lifetime=max_lifetime, now=now)
        if _matching(records, assertion).single_use:
            self._use_up(assertion, permitted, now)

    def _use_up(self, assertion: Assertion, client: Client, now: int) -> None:
        identity = jwt_assertion.digest(f"{assertion.iss}\0{assertion.jti or assertion.fingerprint}")
        kind, until = f"federated {client.client_id}", jwt_assertion.forgotten_at(assertion)
        if not self.services.state.use_once(kind, identity, until=until, now=now):
            raise InvalidClientError(reason="the assertion was used before")


def find(request: Request, form: Form, services: Services) -> FederatedJwtCredentials | None:  # noqa: ARG001 - as every method
    """Give the token that was sent, None where there is none, or where it is the client's own assertion."""
    presented = client_assertion.find(form)
    if presented is None or not presented.is_federated:
        return None
    return FederatedJwtCredentials(presented, services)


def _issuer_keys(trusted: TrustedIssuer, kid: str | None, services: Services) -> Iterable[Jwk]:
    """Give the issuer's keys. All records of one issuer name the same ones (`trusted_issuers.check`)."""
    try:
        if trusted.jwks is not None:
            return public_jwks.signing_keys(trusted.jwks)
        if trusted.jwks_uri is not None:
            return services.remote_keys.at(trusted.jwks_uri, kid)
        return services.remote_keys.of_issuer(trusted.issuer, kid)
    except (RemoteKeysError, ValueError) as error:
        raise InvalidClientError(reason=f"the trusted issuer's keys cannot be had: {error}") from None


def _matching(records: Sequence[TrustedIssuer], assertion: Assertion) -> TrustedIssuer:
    """Give the record that the assertion satisfies; raises `InvalidClientError` with what the last one misses."""
    reason: str | None = None
    for trusted in records:
        reason = trusted_issuers.why_not(trusted, assertion)
        if reason is None:
            return trusted
    raise InvalidClientError(reason=reason or "no record")
