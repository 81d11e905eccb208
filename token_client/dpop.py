"""DPoP proofs (RFC 9449 4): the client's key, and what it signs for each request."""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64encode
from collections import OrderedDict
from dataclasses import dataclass, field
from hashlib import sha256
from threading import Lock
from typing import Final
from urllib.parse import urlsplit

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from token_client import forks
from token_client.errors import ConfigurationError

_DEFAULT_PORTS: Final = {"https": ":443", "http": ":80"}
_MAX_ORIGINS = 100
_MAX_NONCE_LENGTH = 1_024


@dataclass(frozen=True, slots=True)
class DPoPKey:
    """A private key on P-256, that tokens are bound to."""

    key: ECKey = field(repr=False)

    @classmethod
    def generate(cls) -> DPoPKey:
        """Make a key, for as long as this process lives."""
        return cls(ECKey.generate_key("P-256"))

    @classmethod
    def from_pem(cls, text: str) -> DPoPKey:
        """Read a key, as `openssl ecparam -name prime256v1 -genkey` writes it. Raises `ConfigurationError`."""
        try:
            key = ECKey.import_key(text)
        except (JoseError, ValueError, TypeError):
            # Without the cause: it may quote the text.
            raise ConfigurationError("the DPoP key is not the PEM text of a key") from None
        if not key.is_private or key.curve_name != "P-256":
            raise ConfigurationError("the DPoP key is not a private key on P-256")
        return cls(key)

    @property
    def jkt(self) -> str:
        """Give its thumbprint (RFC 7638), by which a token names it."""
        return self.key.thumbprint()

    @property
    def thumbprint(self) -> str:
        """Give the same by the name that RFC 7638 has for it."""
        return self.jkt

    def proof(
        self, method: str, url: str, *, now: float, access_token: str | None = None, nonce: str | None = None
    ) -> str:
        """Sign a proof for one request; `now` is the server's time, in Unix seconds.

        It names the URL without query and fragment (`htu`), at an API the access token too (`ath`), and the nonce that
        the server gave. It is good for one use.
        """
        claims = {
            "jti": secrets.token_urlsafe(16),
            "htm": method,
            "htu": htu(url),
            "iat": int(now),
            "ath": access_token and _digest(access_token),
            "nonce": nonce,
        }
        header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": self.key.as_dict(private=False)}
        said = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(header, said, self.key, algorithms=["ES256"])


class Nonces:
    """The last nonce of each origin (RFC 9449 8.2 and 9), for the hundred that were heard of last. For any threads."""

    def __init__(self) -> None:
        self._nonces: OrderedDict[str, str] = OrderedDict()
        self._lock = Lock()
        forks.tell(self)

    def forget(self) -> None:
        """Begin anew in a forked process: whoever had the lock is not in it."""
        self._lock = Lock()

    def of(self, url: str) -> str | None:
        """Give the nonce for a URL."""
        return self._nonces.get(origin(url))

    def hear(self, url: str, nonce: str | None) -> None:
        """Keep what an answer's `DPoP-Nonce` says; None where it has none."""
        if not nonce or len(nonce) > _MAX_NONCE_LENGTH:
            return
        with self._lock:
            self._nonces[origin(url)] = nonce
            self._nonces.move_to_end(origin(url))
            while len(self._nonces) > _MAX_ORIGINS:
                self._nonces.popitem(last=False)


def htu(url: str) -> str:
    """Give a URL as a proof names it: without query and fragment (RFC 9449 4.2), normalised (RFC 3986 6.2.3)."""
    return origin(url) + (urlsplit(url).path or "/")


def origin(url: str) -> str:
    """Give scheme, host and port of a URL; the default port is left out."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2].lower()
    return f"{parts.scheme}://{host.removesuffix(_DEFAULT_PORTS.get(parts.scheme, ':'))}"


def _digest(access_token: str) -> str:
    return urlsafe_b64encode(sha256(access_token.encode("ascii")).digest()).decode().rstrip("=")
