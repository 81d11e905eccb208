"""DPoP at the token endpoint (RFC 9449 5): a proof binds the token to the key that made it."""

from hashlib import sha256

from auth_server.clients import Client
from auth_server.errors import InvalidDpopProofError
from auth_server.services import Services
from auth_server.wire import Request
from authorizer import dpop
from authorizer.dpop import Expectation, Proof, ProofError


def proof_of(request: Request, client: Client, services: Services) -> Proof | None:
    """Verify the request's proof; None where there is none, and the client needs none.

    Whether it was used before is asked last of all, by `use`. Raises `InvalidDpopProofError`.
    """
    proofs = request.headers.get("dpop", ())
    if not proofs and not client.dpop_bound_access_tokens:
        return None
    if len(proofs) != 1:  # RFC 9449 4.3 and 5.2
        raise InvalidDpopProofError("Send one DPoP proof, in one DPoP header.")
    settings = services.settings
    expected = Expectation("POST", f"{settings.issuer}/oauth/token", settings.dpop_max_age_seconds)
    try:
        return dpop.verify(proofs[0], expected, now=services.now(), access_token=None)
    except ProofError as error:
        raise InvalidDpopProofError(str(error)) from None


def use(proof: Proof, services: Services) -> None:
    """Use a proof up: a second use of its `jti` raises `InvalidDpopProofError` (RFC 9449 11.1).

    To be called once nothing else can refuse the request. Raises `DependencyError` where the store does not answer.
    """
    digest = sha256(proof.jti.encode("utf-8", "surrogatepass")).hexdigest()
    until = int(proof.iat) + services.settings.dpop_max_age_seconds + 1  # refused by its age from then on
    if not services.state.use_once(f"dpop {proof.jkt}", digest, until=until, now=services.now()):
        raise InvalidDpopProofError("The DPoP proof was used before (jti).")
