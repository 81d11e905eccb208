"""`self_signed_tls_client_auth`: a certificate of the client's own making, known by its key (RFC 8705 2.2)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from auth_server import mutual_tls
from auth_server.client_authentication.credentials import require_permitted
from auth_server.clients import Client
from auth_server.errors import InvalidClientError
from auth_server.form import Form
from auth_server.services import Services
from auth_server.wire import Request
from authorizer import public_key

if TYPE_CHECKING:
    from auth_server.client_certificate import ClientCertificate

METHOD: Final = "self_signed_tls_client_auth"


@dataclass(frozen=True, slots=True)
class SelfSignedTlsClientCredentials:
    """The id that a client says it has, and its certificate."""

    client_id: str
    certificate: "ClientCertificate"

    @property
    def method(self) -> str:
        """The method's name."""
        return METHOD

    def prove(self, client: Client | None, now: int) -> None:
        """Check that the certificate is valid, and that it is one that the client registered."""
        permitted = require_permitted(client, METHOD)
        if not self.certificate.is_valid_at(now):
            raise InvalidClientError(reason="the client certificate is not valid now")
        registered = (permitted.jwks or {}).get("keys", ())
        if not any(isinstance(jwk, dict) and _is_of(jwk, self.certificate) for jwk in registered):
            raise InvalidClientError(reason="the client certificate has none of the client's keys")


def find(request: Request, form: Form, services: Services) -> SelfSignedTlsClientCredentials | None:
    """Give the certificate where it is the request's one means of authentication, and issued by its own subject."""
    certificate = mutual_tls.authenticating_certificate(request, form, services.settings)
    if certificate is None or not certificate.is_self_issued:
        return None
    return SelfSignedTlsClientCredentials(form.required("client_id"), certificate)


def _is_of(jwk: Mapping[str, Any], certificate: "ClientCertificate") -> bool:
    """Whether the registered key is the certificate's; with an `x5c`, whether it is this very certificate."""
    if "x5c" in jwk:
        chain = jwk["x5c"]
        return isinstance(chain, list) and chain[:1] == [certificate.der_base64]
    try:
        return public_key.thumbprint(jwk) == certificate.key_thumbprint
    except ValueError:
        return False
