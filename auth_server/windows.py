"""Counters of windows of time: how often something was done, by one atomic write, and forgotten after the window.

Whose a counter is, is told by a digest: nothing that was typed into a wrong field is kept.
"""

import hashlib
import ipaddress
from dataclasses import dataclass

from auth_server.jwk import base64url
from auth_server.state import StateStore


@dataclass(frozen=True, slots=True)
class Limit:
    """So many in a window of so many seconds; `kind` begins that of the counter's item."""

    kind: str
    most: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Counted:
    """One that was counted, and what the counter of its window comes to; `until` is the window's end, a Unix time."""

    limit: Limit
    kind: str
    name: str
    until: int
    total: int

    @property
    def is_over(self) -> bool:
        """Whether it is one too many."""
        return self.total > self.limit.most


def count(state: StateStore, limit: Limit, *whose: str, now: int) -> Counted:
    """Count one; raises `DependencyError`. The window is in the counter's name, so that nothing is to be reset."""
    window = now // limit.seconds
    kind, name, until = kind_of(limit.kind, *whose), str(window), (window + 1) * limit.seconds
    return Counted(limit, kind, name, until, state.count(kind, name, until=until))


def kind_of(kind: str, *owner: str) -> str:
    """Name an owner's counters. DynamoDB spreads items by this, so that no counter waits for the others of its kind."""
    return f"{kind} " + base64url(hashlib.sha256("\0".join(owner).encode("utf-8", "surrogatepass")).digest())


def network(address: str | None) -> str:
    """Give what one party holds of addresses: one of IPv4, 64 bits of IPv6. Without an address, all are one party."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return ""
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(parsed) >> 64 << 64, 64)))
