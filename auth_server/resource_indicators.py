"""Resource indicators (RFC 8707), and `audience`, the older custom for the same thing."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from auth_server.errors import InvalidTargetError


def is_absolute_uri(text: str) -> bool:
    """Whether `text` is an absolute URI without a fragment (RFC 8707 2, RFC 3986 4.3)."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    printable = text.isascii() and text.isprintable() and " " not in text
    return printable and bool(parts.scheme) and bool(parts.netloc or parts.path) and "#" not in text


def choose_audience(
    *, resources: Sequence[str], audiences: Sequence[str], allowed: Sequence[str], default: str
) -> tuple[str, ...]:
    """Choose the token's `aud` out of what was asked for and what the client may ask for.

    `resources` must be absolute URIs (RFC 8707 2); an `audience` may be any name. With neither, the client's first
    audience serves, else `default`, the server's. Raises `InvalidTargetError`.
    """
    permitted = tuple(allowed) or (default,)
    for resource in resources:
        if not is_absolute_uri(resource):
            raise InvalidTargetError("A resource must be an absolute URI without a fragment.")
    asked = tuple(dict.fromkeys((*resources, *audiences)))
    if not set(asked) <= set(permitted):
        raise InvalidTargetError("The client may not ask for a token for this resource.")
    return asked or permitted[:1]
