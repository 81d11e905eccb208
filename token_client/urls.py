"""URLs that a secret or a token may be sent to: https, or http on this machine's own loopback interface."""

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

# RFC 3986 2: what a URL is written with. Neither white space nor quotes nor a backslash is among it.
_CHARACTERS = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+")


def problem(url: str, *, allow_http: bool) -> str | None:
    """Say what is wrong with an absolute URL, without repeating it; None where nothing is."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "must be a URL"
    if _CHARACTERS.fullmatch(url) is None or not parts.hostname or port == 0:
        return "must be a URL that begins with https://"
    if parts.scheme != "https" and not (parts.scheme == "http" and (allow_http or is_loopback(parts.hostname))):
        return "must be an https URL (http on a loopback host only, or with allow_http)"
    if "@" in parts.netloc or "#" in url:
        return "must be a URL without user information and fragment"
    return None


def is_loopback(host: str) -> bool:
    """Whether `host` names this machine, whatever a resolver says."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def shown(url: str) -> str:
    """Give a URL as an error may name it: without its query."""
    return url.partition("?")[0]
