"""`private_key_jwt`: an assertion that the client signed with its own key (RFC 7523 2.2 and 3)."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from auth_server import jwt_assertion, public_jwks
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
from auth_server.wire import Request

METHOD: Final = "private_key_jwt"
_TYPES = frozenset({"jwt"})


@dataclass(frozen=True, slots=True)
class PrivateKeyJwtCredentials:
    """An assertion by which a client speaks for itself."""

    presented: Presented
    services: Services = field(repr=False)

    @property
    def method(self) -> str:
        """The method's name."""
        return METHOD

    @property
    def client_id(self) -> str:
        """The client that is named, in the request or in the assertion."""
        return self.presented.client_id

    def prove(self, client: Client | None, now: int) -> None:
        """Check the assertion by the client's registered keys, and only then that it was not used before."""
        unverified = self.presented.unverified_assertion()
        permitted = require_permitted(client, METHOD)
        assertion = jwt_assertion.verify(
            unverified, keys=lambda kid: _registered_keys(permitted, kid, self.services), types=_TYPES
        )
        _check_names(assertion, permitted, self.services.settings.issuer)
        max_lifetime = self.services.settings.assertion_max_lifetime_seconds
        jwt_assertion.check_times(assertion, max_lifetime=max_lifetime, now=now)
        self._use_up(assertion, permitted, now)

    def _use_up(self, assertion: Assertion, client: Client, now: int) -> None:
        # RFC 7523 3, point 7: the one thing that changes anything, so after all else that could refuse.
        if assertion.jti is None:
            raise InvalidClientError(reason="the assertion has no jti")
        kind, name = f"assertion {client.client_id}", jwt_assertion.digest(assertion.jti)
        if not self.services.state.use_once(kind, name, until=jwt_assertion.forgotten_at(assertion), now=now):
            raise InvalidClientError(reason="the assertion was used before")


def find(request: Request, form: Form, services: Services) -> PrivateKeyJwtCredentials | None:  # noqa: ARG001 - as every method
    """Give the assertion that was sent, None where there is none, or where it is another issuer's."""
    presented = client_assertion.find(form)
    if presented is None or presented.is_federated:
        return None
    return PrivateKeyJwtCredentials(presented, services)


def _registered_keys(client: Client, kid: str | None, services: Services) -> Iterable[Jwk]:
    """Give the keys of the client's record, or those at its `jwks_uri`.

    A `jwks_uri` that does not answer is the client's own, and no outage of this server: 401, with the cause in the log.
    """
    try:
        if client.jwks is not None:
            return public_jwks.signing_keys(client.jwks)
        if client.jwks_uri is not None:
            return services.remote_keys.at(client.jwks_uri, kid)
    except (RemoteKeysError, ValueError) as error:
        raise InvalidClientError(reason=f"the client's keys cannot be had: {error}") from None
    raise InvalidClientError(reason="the client has no registered keys")


def _check_names(assertion: Assertion, client: Client, issuer: str) -> None:
    """Check issuer, subject and audience (RFC 7523 3, points 1 to 3)."""
    if not assertion.iss == assertion.sub == client.client_id:
        raise InvalidClientError(reason="the assertion's iss and sub are not both the client's id")
    # The issuer, as RFC 7523bis asks, or the token endpoint, as clients made before it do. Others beside it change
    # nothing: a server that is named as well could present the assertion here, once, and it is used up here alone.
    if {issuer, f"{issuer}/oauth/token"}.isdisjoint(assertion.aud):
        raise InvalidClientError(reason="the assertion is for another audience")
