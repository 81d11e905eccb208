"""Where a command goes: which URLs may be trusted with a secret, and whether AWS is a local stack."""

import os
from urllib.parse import urlsplit

from authorizer.urls import is_loopback
from latchkey.errors import UsageError

LOCAL_ISSUER = "http://127.0.0.1:8080"


def is_loopback_url(url: str) -> bool:
    """Whether `url` stays on this machine."""
    return is_loopback(_host(url))


def is_trusted_url(url: str) -> bool:
    """Whether a secret may be sent there: over https, or over http on this machine."""
    host = _host(url)
    return bool(host) and (urlsplit(url).scheme == "https" or is_loopback(host))


def _host(url: str) -> str:
    """Give the host of an http or https URL; "" for everything else."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port  # an impossible port raises
    except ValueError:
        return ""
    return host if host and parts.scheme in ("http", "https") else ""


def aws_is_local() -> bool:
    """Whether `AWS_ENDPOINT_URL` points to this machine; raises `UsageError` where it is set, and no URL."""
    url = os.environ.get("AWS_ENDPOINT_URL", "")
    if url and not _host(url):
        raise UsageError("AWS_ENDPOINT_URL must be an http or https URL, such as http://127.0.0.1:4566")
    return is_loopback_url(url)


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
    if chosen.endswith("/"):
        raise UsageError("an issuer has no slash at its end")  # or its tokens would be those of another issuer
    return chosen
