"""`tls_client_auth`: a certificate of a certification authority, known by its subject (RFC 8705 2.1).

API Gateway has verified the chain against the trust store. A certificate that was issued by its own subject is never
taken here: whoever has one in the trust store could otherwise name whom it likes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final

from auth_server import distinguished_name, mutual_tls
from auth_server.client_authentication.credentials import require_permitted
from auth_server.clients import Client, TlsSubject
from auth_server.errors import InvalidClientError
from auth_server.form import Form
from auth_server.services import Services
from auth_server.wire import Request

if TYPE_CHECKING:
    from auth_server.client_certificate import ClientCertificate

METHOD: Final = "tls_client_auth"


@dataclass(frozen=True, slots=True)
class TlsClientCredentials:
    """The id that a client says it has, and its certificate."""

    client_id: str
    certificate: "ClientCertificate"

    @property
    def method(self) -> str:
        """The method's name."""
        return METHOD

    def prove(self, client: Client | None, now: int) -> None:
        """Check that the certificate is valid, and that it names what the client registered."""
        permitted = require_permitted(client, METHOD)
        if not self.certificate.is_valid_at(now):
            raise InvalidClientError(reason="the client certificate is not valid now")
        if permitted.tls_subject is None or not _names(self.certificate, permitted.tls_subject):
            raise InvalidClientError(reason="the client certificate names another subject")


def find(request: Request, form: Form, services: Services) -> TlsClientCredentials | None:
    """Give the certificate where it is the request's one means of authentication, and an authority's."""
    certificate = mutual_tls.authenticating_certificate(request, form, services.settings)
    if certificate is None or certificate.is_self_issued:
        return None
    return TlsClientCredentials(form.required("client_id"), certificate)


def is_subject(subject: TlsSubject) -> bool:
    """Whether this can be registered: one of the five parameters, with a value of its form."""
    try:
        return bool(_normal(subject.parameter, subject.value))
    except (KeyError, ValueError):
        return False


def _names(certificate: "ClientCertificate", subject: TlsSubject) -> bool:
    expected = _normal(subject.parameter, subject.value)
    if subject.parameter == SUBJECT_DN:
        return bool(certificate.subject == expected)
    kind, read = _ALTERNATIVE_NAMES[subject.parameter]
    return any(_reads_as(expected, read, name) for name in certificate.alternative_names.get(kind, ()))


def _reads_as(expected: Any, read: Callable[[str], Any], name: str) -> bool:
    try:
        return bool(read(name) == expected)
    except ValueError:
        return False


def _normal(parameter: str, value: str) -> Any:
    """Give a value in the form in which two of them are compared; raises KeyError or ValueError."""
    if parameter == SUBJECT_DN:
        return distinguished_name.parse(value)
    return _ALTERNATIVE_NAMES[parameter][1](value)


def _dns_name(text: str) -> str:
    # A name, and never a pattern: a wildcard in a certificate stands for hosts, not for a client.
    if not text or not text.isascii() or not text.isprintable() or " " in text or "*" in text:
        raise ValueError("not a DNS name")
    return text.lower()  # RFC 5280 7.2


def _uri(text: str) -> str:
    if ":" not in text or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("not a URI")
    return text  # compared as it is (RFC 3986 6.2.1)


def _email(text: str) -> tuple[str, str]:
    local, at, host = text.rpartition("@")
    if not local or not at or not host or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("not an address")
    return local, host.lower()  # RFC 5280 7.5: the part before the @ has a case


SUBJECT_DN: Final = "tls_client_auth_subject_dn"
# RFC 8705 2.1.2: parameter, the kind of alternative name that it expects, and how one is read to be compared.
_ALTERNATIVE_NAMES: dict[str, tuple[str, Callable[[str], Any]]] = {
    "tls_client_auth_san_dns": ("dns", _dns_name),
    "tls_client_auth_san_uri": ("uri", _uri),
    "tls_client_auth_san_ip": ("ip", ip_address),
    "tls_client_auth_san_email": ("email", _email),
}
PARAMETERS: Final = (SUBJECT_DN, *_ALTERNATIVE_NAMES)
