"""The issuer's feed of revocations, as it or somebody else might sign it, and an address where keys and feed are."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

from tests.authorizer.issuer import ISSUER, KEY, KID, NOW, encode, jwks, sign, without_none
from tests.authorizer.jwks_server import Answer, JwksServer, document

JWKS_PATH = "/.well-known/jwks.json"
FEED_PATH = "/oauth/revocations"


def header(**members: Any) -> dict[str, Any]:
    """Give a good header with some members changed; None takes one away."""
    return without_none({"alg": "RS256", "typ": "revocations+jwt", "kid": KID} | members)


def feed(content: Any, token_header: Any = None, key: rsa.RSAPrivateKey = KEY, **changed: Any) -> bytes:
    """Give a good feed with something else for what is named; `changed` are claims."""
    text = content if isinstance(content, str) else json.dumps(content)
    good = {
        "iss": ISSUER,
        "iat": NOW - 100,
        "exp": NOW + 800,
        "sha256": encode(sha256(text.encode("utf-8", "surrogatepass")).digest()),
    }
    signature = sign(token_header or header(), without_none(good | changed), key)
    return json.dumps({"content": text, "signature": signature}).encode()


def revoking(*tokens: str, clients: Any = None, until: float = NOW + 3_900, now: float = NOW, **changed: Any) -> bytes:
    """Give a feed of the time `now` that revokes tokens, and what clients were issued before some time."""
    content = {"revoked": dict.fromkeys(tokens, until), "not_before": clients or {}}
    return feed(content, **{"iat": int(now) - 100, "exp": int(now) + 800, **changed})


class IssuerServer:
    """An issuer's address; `answers` holds what is said at each path, and may be changed."""

    def __init__(self, server: JwksServer) -> None:
        """Take a server, which from now on answers by path."""
        self.server = server
        self.answers: dict[str, Answer] = {JWKS_PATH: document(jwks())}
        self.tags: list[str | None] = []
        server.answer = self._answer

    @property
    def url(self) -> str:
        """The issuer's URL."""
        return self.server.uri.removesuffix(JWKS_PATH)

    def asked(self, path: str) -> int:
        """Tell how often a path was asked for."""
        return self.server.paths.count(path)

    def publish(self, body: bytes, etag: str = "", status: int = 200) -> None:
        """Answer with this feed from now on."""
        self.answers[FEED_PATH] = document(body, status, ETag=etag)

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        if request.path == FEED_PATH:
            self.tags.append(request.headers["If-None-Match"])
        self.answers.get(request.path, document(b"", 404))(request)


@contextmanager
def issuing() -> Iterator[IssuerServer]:
    """Run an issuer that has keys, and a feed that revokes nothing, for as long as the block."""
    server = JwksServer(document(b"", 404))
    try:
        issuer = IssuerServer(server)
        issuer.publish(revoking())
        yield issuer
    finally:
        server.close()
