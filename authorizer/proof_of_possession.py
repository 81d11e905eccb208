"""Whether whoever presents a token holds the key that it is bound to (RFC 7800): a DPoP proof, a client certificate.

A proof is for one use (RFC 9449 11.1). An authorizer has no database: a warm Lambda remembers the proofs that it has
seen, and another one, which has not, would take a proof again for as long as it is fresh.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from threading import Lock
from urllib.parse import quote

from authorizer import client_certificate, dpop
from authorizer.authorization import Credentials, Scheme
from authorizer.dpop import Expectation, Proof, ProofError
from authorizer.errors import InvalidTokenError, Reason
from authorizer.event import AuthorizerRequest

MAX_REMEMBERED = 10_000
# What may stand in a path as it is (RFC 3986 3.3), and what is encoded already.
_PATH_CHARACTERS = "/%!$&'()*+,;=:@~"


@dataclass(frozen=True, slots=True)
class Possession:
    """What a request proves: members of `cnf`, and the proof that has to be used up for them."""

    members: Mapping[str, str]
    proof: Proof | None = None


class PossessionVerifier:
    """Verifies what requests prove, for any number of threads. `clock` gives seconds since the epoch.

    `api_origin` is what stands before the event's path in a client's URL; where it is empty, no proof can be verified,
    and none counts. It comes from the settings, never from a Host header. `max_age_s` is how far a proof's time may be
    from now, either way.
    """

    def __init__(self, api_origin: str, max_age_s: int, clock: Callable[[], float]) -> None:
        self._api_origin = api_origin
        self._max_age_s = max_age_s
        self._clock = clock
        self._used = _UsedProofs()

    def verify(self, request: AuthorizerRequest, credentials: Credentials) -> Possession:
        """Find what is proven, and change nothing; raises `InvalidTokenError` for a bad proof, or none for DPoP."""
        members = _certificate_members(request.certificate)
        if credentials.scheme is not Scheme.DPOP:
            return Possession(members)  # RFC 9449 7.1: beside a bearer token, a proof proves nothing
        proof = self._proof(request, credentials.token)
        return Possession({**members, "jkt": proof.jkt}, proof)

    def use_up(self, possession: Possession) -> None:
        """Take note of a proof, once nothing else can refuse the request; raises `InvalidTokenError` for a used one."""
        proof = possession.proof
        if proof is None:
            return
        until = proof.iat + self._max_age_s  # refused by its age from then on
        digest = sha256(f"{proof.jkt} {proof.jti}".encode("utf-8", "surrogatepass")).digest()
        if not self._used.add(digest, until, self._clock()):
            raise InvalidTokenError(Reason.PROOF_REUSED)

    def _proof(self, request: AuthorizerRequest, token: str) -> Proof:
        if not self._api_origin or request.path is None:
            raise InvalidTokenError(Reason.PROOF_UNSUPPORTED)
        proof = request.proofs[0] if len(request.proofs) == 1 else None  # RFC 9449 4.3, check 1
        if not isinstance(proof, str):
            raise InvalidTokenError(Reason.PROOF_MISSING)
        # The event may have the path decoded; a client's URL never has.
        url = self._api_origin + quote(request.path, safe=_PATH_CHARACTERS, errors="replace")
        expected = Expectation(request.method_arn.method, url, self._max_age_s)
        try:
            return dpop.verify(proof, expected, now=self._clock(), access_token=token)
        except ProofError as error:
            raise InvalidTokenError(Reason.PROOF_REFUSED, detail=str(error)) from None


def _certificate_members(certificate: object) -> dict[str, str]:
    """Give what a client certificate proves: nothing where there is none, or none that can be read."""
    try:
        return {"x5t#S256": client_certificate.thumbprint(certificate)}
    except ValueError:
        return {}


class _UsedProofs:
    """Which proofs were used, each until its age has it refused; of too many, the earliest is dropped first."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._until: OrderedDict[bytes, float] = OrderedDict()

    def add(self, digest: bytes, until: float, now: float) -> bool:
        """Take note of a proof; False where it was there."""
        with self._lock:
            if now <= self._until.get(digest, float("-inf")):
                return False
            self._until[digest] = until
            self._until.move_to_end(digest)
            if len(self._until) > MAX_REMEMBERED:
                self._until.popitem(last=False)
            return True
