"""URLs that a setting may hold: https, or http on this machine's own loopback interface."""

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

# RFC 3986 2: what a URL is written with. Neither white space nor quotes nor a backslash is among it.
_CHARACTERS = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+")
_NO_URL = "must be a URL that begins with https://"


def check_url(text: str) -> str:
    """Give an absolute URL back; raises ValueError, which says what it must be, and never what it was."""
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:
        raise ValueError(_NO_URL) from None
    if _CHARACTERS.fullmatch(text) is None or not url.hostname or port == 0:
        raise ValueError(_NO_URL)
    if url.scheme != "https" and not (url.scheme == "http" and is_loopback(url.hostname)):
        raise ValueError("must be an https URL (http on a loopback host only)")
    if "@" in url.netloc or "#" in text:
        raise ValueError("must be a URL without user information and fragment")
    return text


def check_issuer(text: str) -> str:
    """Give an issuer identifier back (RFC 8414 2). A slash at its end is a mistake more often than not."""
    if text.endswith("/"):
        raise ValueError("must be a URL without a slash at its end")
    return check_other_issuer(text)


def check_other_issuer(text: str) -> str:
    """Give another vendor's issuer identifier back, which may well end with a slash."""
    if "?" in text:
        raise ValueError("must be a URL without query")
    return check_url(text)


def is_loopback(host: str) -> bool:
    """Whether `host` names this machine, whatever a resolver says."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
