"""From where a client may come: networks in CIDR notation (RFC 4632 3.1 of IPv4, RFC 4291 2.3 of IPv6)."""

import ipaddress
from collections.abc import Collection
from typing import Final

MAX_NETWORKS: Final = 50

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def normalise(text: str) -> str:
    """Give a network in the one form in which it is kept; raises ValueError.

    An address alone is a network of one. `10.0.0.1/8` is neither, and refused: one of the two was meant.
    """
    return str(ipaddress.ip_network(text))


def is_network(text: str) -> bool:
    """Whether it is a network in the form in which it is kept."""
    try:
        return normalise(text) == text
    except ValueError:
        return False


def admits(networks: Collection[str], address: str | None) -> bool:
    """Whether an address is in one of the networks, or there are none. No address is in no network."""
    if not networks:
        return True
    parsed = _address(address)
    return parsed is not None and any(parsed in ipaddress.ip_network(network) for network in networks)


def _address(text: str | None) -> Address | None:
    try:
        parsed = ipaddress.ip_address(text or "")
    except ValueError:
        return None
    # RFC 4291 2.5.5.2: an address of IPv4, as a socket of both kinds tells it.
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return mapped or parsed
