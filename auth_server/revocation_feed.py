r"""The signed feed of what is revoked: made from the state, signed, and kept by a warm Lambda for a while.

    {"content": "{\"not_before\":{\"demo\":1790000001},\"revoked\":{\"Zk1...\":1790003900}}", "signature": "eyJ..."}

`signature` is a JWT of the type `revocations+jwt` with `iss`, `iat`, `exp` and `sha256`, the digest of `content`: KMS
signs 4,096 bytes and no more, and what is revoked may be more than that.
"""

import hashlib
import json
from dataclasses import dataclass
from threading import Lock

from auth_server import jws
from auth_server.errors import DependencyError
from auth_server.jwk import base64url
from auth_server.key_ring import KeyRing
from auth_server.state import Revocations, StateStore

TYPE = "revocations+jwt"
# A signature is made for a window of time, and says so: whoever makes the feed of equal revocations in one window makes
# the very same bytes, and a verifier that asks for changes gets the next signature long before its own expires.
WINDOW_SECONDS = 300
LIFETIME_SECONDS = 900
MAX_CONTENT_BYTES = 4_000_000  # as an answer, escaped twice, below the 6 MB that a Lambda may give


@dataclass(frozen=True, slots=True)
class Feed:
    """What is answered: a JSON document as text, and its entity tag (RFC 9110 8.8.3)."""

    body: str
    etag: str


@dataclass(frozen=True, slots=True)
class _Kept:
    made_at: float
    signing_input: bytes
    feed: Feed


class FeedCache:
    """The feed as it was made last, for any number of threads."""

    def __init__(self) -> None:
        """Start with none."""
        self._lock = Lock()
        self._kept: _Kept | None = None

    def feed(self, state: StateStore, keys: KeyRing, *, issuer: str, now: float, max_age: int) -> Feed:
        """Give the feed, made less than `max_age` seconds before `now`; raises `DependencyError`.

        It is made anew from the state once older, and signed anew only where it says something else.
        """
        with self._lock:
            kept = self._kept
            if kept is None or not 0 <= now - kept.made_at < max_age:
                kept = self._kept = _make(state.revocations(int(now)), keys, issuer, now, kept)
            return kept.feed


def _make(revocations: Revocations, keys: KeyRing, issuer: str, now: float, last: _Kept | None) -> _Kept:
    content = _content(revocations)
    key, issued_at = keys.active(), int(now // WINDOW_SECONDS) * WINDOW_SECONDS
    claims = {"iss": issuer, "iat": issued_at, "exp": issued_at + LIFETIME_SECONDS, "sha256": _digest(content.encode())}
    unsigned = jws.signing_input(claims, typ=TYPE, kid=key.kid)
    if last is not None and last.signing_input == unsigned:
        return _Kept(now, unsigned, last.feed)
    body = json.dumps({"content": content, "signature": jws.sign_input(unsigned, key)}, separators=(",", ":"))
    return _Kept(now, unsigned, Feed(body, f'"{_digest(unsigned)}"'))


def _content(revocations: Revocations) -> str:
    members = {"not_before": revocations.clients, "revoked": revocations.tokens}
    content = json.dumps(members, separators=(",", ":"), sort_keys=True)
    if len(content) > MAX_CONTENT_BYTES:
        # Left out is what no revocation may be. Authorizers that get no new feed know that they have none.
        raise DependencyError(f"revocations: more than {MAX_CONTENT_BYTES} bytes")
    return content


def _digest(data: bytes) -> str:
    return base64url(hashlib.sha256(data).digest())
