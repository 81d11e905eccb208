"""From the text of a token to a verified `AccessToken`, remembering those that were verified already."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from threading import Lock
from types import MappingProxyType
from typing import Final

from authorizer import access_token, jws
from authorizer.access_token import AccessToken
from authorizer.errors import InvalidTokenError, Reason
from authorizer.issuers import Issuer, Issuers
from authorizer.jwks import Key

MAX_REMEMBERED = 1_024
NOTHING_PROVEN: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class _Verified:
    token: AccessToken
    key: Key
    issuer: Issuer


class TokenVerifier:
    """Verifies access tokens of the trusted issuers, for any number of threads. `clock` gives seconds since the epoch.

    A warm Lambda sees the same token many times. Of a token that was verified, the signature and the claims that do
    not change with time are not verified again; its times are checked each time, and so is whether the issuer still
    has the very key that verified it, and whether it has revoked the token. Remembered is the digest of a token, never
    the token. A refusal is never remembered.
    """

    def __init__(self, issuers: Issuers, clock: Callable[[], float]) -> None:
        self._issuers = issuers
        self._clock = clock
        self._lock = Lock()
        self._remembered: OrderedDict[bytes, _Verified] = OrderedDict()

    def verify(self, text: str, proven: Mapping[str, str] = NOTHING_PROVEN) -> AccessToken:
        """Verify an ASCII text; raises `MalformedTokenError` and `InvalidTokenError`.

        Raises `KeysUnavailableError` and `RevocationsUnavailableError` where neither yes nor no is known. `proven` is
        what the request proved about its sender's keys, as members of `cnf`. A bearer proves nothing, and a token that
        is bound to a key is then refused (RFC 9449 7.1, RFC 8705 3).
        """
        verified = self._verify(text)
        access_token.check_confirmation(verified.token, proven)
        verified.issuer.revocations.check(verified.token)  # last, as it may have to ask
        return verified.token

    def _verify(self, text: str) -> _Verified:
        # SHA-256, so that a token that only looks like a good one cannot be found in its place.
        digest = sha256(text.encode("ascii")).digest()
        verified = self._recall(digest)
        if verified is not None and verified.issuer.keys.find(verified.key.kid) == verified.key:
            access_token.check_times(verified.token, verified.issuer.expected.clock_skew_s, self._clock())
            return verified
        verified = self._verify_anew(text)
        self._remember(digest, verified)
        return verified

    def _verify_anew(self, text: str) -> _Verified:
        """Follow RFC 9068 4 and RFC 7519 7.2: header, key, signature, claims; nothing is believed before its turn."""
        unverified = jws.parse(text)
        unverified_kid = access_token.kid_of(unverified.unverified_header)
        issuer = self._issuers.of(unverified)
        with issuer.revocations.being_fetched():
            key = issuer.keys.find(unverified_kid)
        if key is None:
            raise InvalidTokenError(Reason.KEY_UNKNOWN)
        token = access_token.from_claims(jws.verified_payload(unverified, key), key.kid)
        access_token.check(token, issuer.expected, self._clock())
        return _Verified(token, key, issuer)

    def _recall(self, digest: bytes) -> _Verified | None:
        with self._lock:
            verified = self._remembered.get(digest)
            if verified is not None:
                self._remembered.move_to_end(digest)
            return verified

    def _remember(self, digest: bytes, verified: _Verified) -> None:
        with self._lock:
            self._remembered[digest] = verified
            self._remembered.move_to_end(digest)
            if len(self._remembered) > MAX_REMEMBERED:
                self._remembered.popitem(last=False)
