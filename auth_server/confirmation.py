"""What a token is bound to (RFC 7800): the key of a DPoP proof (RFC 9449), a client certificate (RFC 8705 3)."""

from collections.abc import Mapping
from dataclasses import dataclass

from auth_server import dpop, mutual_tls
from auth_server.clients import Client
from auth_server.form import Form
from auth_server.services import Services
from auth_server.wire import Request
from authorizer.dpop import Proof


@dataclass(frozen=True, slots=True)
class Confirmation:
    """The members of `cnf`, none for a bearer token, and the proof that has to be used up for them."""

    members: Mapping[str, str]
    proof: Proof | None


def confirm(request: Request, form: Form, client: Client, services: Services) -> Confirmation:
    """Find what the authenticated client's token is to be bound to, and change nothing.

    Raises `InvalidDpopProofError` and `InvalidRequestError`, where the client may have no token that is not bound too.
    """
    proof = dpop.proof_of(request, client, services)
    certificate = mutual_tls.binding_certificate(request, form, client, services)
    members = {
        "jkt": proof.jkt if proof else None,  # RFC 9449 6.1
        "x5t#S256": certificate.thumbprint if certificate else None,  # RFC 8705 3.1
    }
    return Confirmation({name: value for name, value in members.items() if value is not None}, proof)
