"""Mutual TLS (RFC 8705): the certificate of a request, whether it authenticates, and whether it binds.

API Gateway has verified that the client holds the private key, and its chain against the trust store, before it hands
a certificate over. Headers that proxies speak of certificates in (`X-SSL-Cert`, `X-Forwarded-Client-Cert`,
`Client-Cert`) are a caller's own words here, and are not read.
"""

from typing import TYPE_CHECKING

from auth_server.clients import Client
from auth_server.errors import InvalidRequestError
from auth_server.form import Form
from auth_server.services import Services
from auth_server.settings import Settings
from auth_server.wire import Request

if TYPE_CHECKING:
    from auth_server.client_certificate import ClientCertificate

# With any of these beside it, a certificate is there for binding alone.
_OTHER_CREDENTIALS = ("client_secret", "client_assertion", "client_assertion_type")


def certificate_of(request: Request, settings: Settings) -> "ClientCertificate | None":
    """Read the request's certificate, None without one or where mutual TLS is off; raises `InvalidRequestError`."""
    if settings.mtls != "on" or not request.client_certificate:
        return None
    # Not above: X.509 takes a cold start tens of milliseconds, and most requests come without a certificate.
    from auth_server import client_certificate  # noqa: PLC0415 - see above

    try:
        return client_certificate.from_pem(request.client_certificate)
    except ValueError:
        raise InvalidRequestError("The client certificate cannot be read.") from None


def authenticating_certificate(request: Request, form: Form, settings: Settings) -> "ClientCertificate | None":
    """Give the certificate where it is the request's one means of authentication, beside a `client_id` (RFC 8705 2)."""
    has_others = "authorization" in request.headers or any(form.one(name) for name in _OTHER_CREDENTIALS)
    if has_others or form.one("client_id") is None:
        return None
    return certificate_of(request, settings)


def binding_certificate(request: Request, form: Form, client: Client, services: Services) -> "ClientCertificate | None":
    """Give the certificate that the client's token is to be bound to, None for none.

    That is the one it authenticated with, else the one that its record asks for (RFC 8705 3.4 and 4). Raises
    `InvalidRequestError` where that is missing or not valid now.
    """
    authenticating = authenticating_certificate(request, form, services.settings)
    if authenticating is not None or not client.tls_client_certificate_bound_access_tokens:
        return authenticating
    certificate = certificate_of(request, services.settings)
    if certificate is None:
        raise InvalidRequestError("The client's tokens are bound to a certificate: connect with mutual TLS.")
    if not certificate.is_valid_at(services.now()):
        raise InvalidRequestError("The client certificate is not valid now.")
    return certificate
