"""Fetching the issuer's JWK Set over HTTP, within bounds of time and size."""

from authorizer import document_fetch
from authorizer.document_fetch import Source
from authorizer.errors import FetchError, JwksError

MAX_DOCUMENT_BYTES = 65_536
_ACCEPT = "application/jwk-set+json, application/json"


def fetch(uri: str, timeout_s: float) -> bytes:
    """Return the body that a GET of `uri` is answered with, at most 64 KB; raises `JwksError` after `timeout_s`."""
    try:
        fetched = document_fetch.fetch(Source(uri, _ACCEPT, MAX_DOCUMENT_BYTES, timeout_s))
    except FetchError as error:
        raise JwksError(str(error)) from None
    if fetched is None:
        raise JwksError("not modified")
    return fetched.body
