"""From the text of a token to a verified `AccessToken`, remembering those that were verified already."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from threading import Lock
from types import MappingProxyType
from typing import Final

from authorizer import access_token, jws
from authorizer.access_token import AccessToken, Expectation
from authorizer.errors import InvalidTokenError, Reason
from authorizer.jwks import Key, KeySource

MAX_REMEMBERED = 1_024
NOTHING_PROVEN: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class _Verified:
    token: AccessToken
    key: Key


class TokenVerifier:
    """Verifies access tokens of one issuer, for any number of threads. `clock` gives seconds since the epoch.

    A warm Lambda sees the same token many times. Of a token that was verified, the signature and the claims that do
    not change with time are not verified again; its times are checked each time, and so is whether the issuer still
    has the very key that verified it. Remembered is the digest of a token, never the token. A refusal is never
    remembered.
    """

    def __init__(self, expected: Expectation, keys: KeySource, clock: Callable[[], float]) -> None:
        self._expected = expected
        self._keys = keys
        self._clock = clock
        self._lock = Lock()
        self._remembered: OrderedDict[bytes, _Verified] = OrderedDict()

    def verify(self, text: str, proven: Mapping[str, str] = NOTHING_PROVEN) -> AccessToken:
        """Verify an ASCII text; raises `MalformedTokenError`, `InvalidTokenError` and `KeysUnavailableError`.

        `proven` is what the request proved about its sender's keys, as members of `cnf`. A bearer proves nothing, and
        a token that is bound to a key is then refused (RFC 9449 7.1, RFC 8705 3).
        """
        token = self._verify(text)
        access_token.check_confirmation(token, proven)
        return token

    def _verify(self, text: str) -> AccessToken:
        # SHA-256, so that a token that only looks like a good one cannot be found in its place.
        digest = sha256(text.encode("ascii")).digest()
        verified = self._recall(digest)
        if verified is not None and self._keys.find(verified.key.kid) == verified.key:
            access_token.check_times(verified.token, self._expected.clock_skew_s, self._clock())
            return verified.token
        verified = self._verify_anew(text)
        self._remember(digest, verified)
        return verified.token

    def _verify_anew(self, text: str) -> _Verified:
        """Follow RFC 9068 4 and RFC 7519 7.2: header, key, signature, claims; nothing is believed before its turn."""
        unverified = jws.parse(text)
        key = self._keys.find(access_token.kid_of(unverified.unverified_header))
        if key is None:
            raise InvalidTokenError(Reason.KEY_UNKNOWN)
        token = access_token.from_claims(jws.verified_payload(unverified, key), key.kid)
        access_token.check(token, self._expected, self._clock())
        return _Verified(token, key)

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
