"""Where a command goes: which URLs may be trusted with a secret, and whether AWS is a local stack."""

import os
from urllib.parse import urlsplit

from authorizer.urls import is_loopback
from latchkey.errors import UsageError

LOCAL_ISSUER = "http://127.0.0.1:8080"


def is_loopback_url(url: str) -> bool:
    """Whether `url` stays on this machine."""
    try:
        return is_loopback(urlsplit(url).hostname or "")
    except ValueError:
        return False


def is_trusted_url(url: str) -> bool:
    """Whether a secret may be sent there: over https, or over http on this machine."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback_url(url)))


def aws_is_local() -> bool:
    """Whether `AWS_ENDPOINT_URL` points to this machine."""
    return is_loopback_url(os.environ.get("AWS_ENDPOINT_URL", ""))


def issuer_or_local(issuer: str | None) -> str:
    """Give the issuer, the local stack's where none is named and AWS is local; raises `UsageError`."""
    if not issuer and not aws_is_local():
        raise UsageError(
            "name the issuer with --issuer or LATCHKEY_ISSUER "
            f"({LOCAL_ISSUER} is taken only where AWS_ENDPOINT_URL points to this machine)"
        )
    chosen = issuer or LOCAL_ISSUER
    if not is_trusted_url(chosen):
        raise UsageError("the issuer must be an https URL (http on a loopback host only)")
    return chosen
