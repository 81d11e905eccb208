"""The lease on a slot of the shared store: whoever has it fetches the token, and the other processes wait for that."""

import logging
import secrets
from typing import Protocol

from token_client.access_token import AccessToken
from token_client.clocks import Clocks
from token_client.effects import Steps, call
from token_client.errors import StoreError
from token_client.store.protocol import TokenSlot

_LATE_S = 1.0  # an answer that took all its time has still to be written
_logger = logging.getLogger("token_client")


class Hold(Protocol):
    """What a fetch does with a lease while it takes its time: a `Lease`, or `NO_LEASE`."""

    @property
    def slice_s(self) -> float:
        """The longest time to spend without asking for cover, in seconds."""
        ...

    def cover(self, seconds: float) -> Steps[None]:
        """Make sure that it lasts so long, where it can be."""
        ...


class _NoLease:
    slice_s = float("inf")

    def cover(self, _seconds: float) -> Steps[None]:
        """Do nothing."""
        yield from ()


NO_LEASE: Hold = _NoLease()


class Holder:
    """Watches whoever holds a lease."""

    def __init__(self, lease_s: float, clocks: Clocks) -> None:
        self._lease_s = lease_s
        self._clocks = clocks
        self._owner: str | None = None
        self._since = float("-inf")

    def is_gone(self, owner: str | None) -> bool:
        """Whether nobody holds it, or somebody who has not prolonged it for all its time, by this machine's clock."""
        now = self._clocks.monotonic()
        if owner != self._owner:
            self._owner, self._since = owner, now
        return owner is None or now - self._since >= self._lease_s


class Lease:
    """A lease that this process takes, prolongs, and gives back.

    Each hold of it has another owner's name: so that others can tell, by their own clocks and whatever the store's
    says, a holder that works from one that was killed.
    """

    def __init__(self, slot: TokenSlot, lease_s: float, clocks: Clocks) -> None:
        self._slot = slot
        self._lease_s = lease_s
        self._clocks = clocks
        self._owner: str | None = None
        self._until = float("-inf")
        self.slice_s = lease_s / 3

    def take(self, instead_of: str | None = None) -> Steps[bool]:
        """Take it, where it is free or held by `instead_of`; raises `StoreError`."""
        owner, began = secrets.token_hex(8), self._clocks.monotonic()
        is_taken = yield from call(lambda: self._slot.acquire(owner, self._lease_s, instead_of=instead_of))
        self._owner = owner if is_taken else None
        self._until = began + self._lease_s
        return is_taken

    def cover(self, seconds: float) -> Steps[None]:
        """Prolong it, where it would not last so long and is held still."""
        if self._owner is None or self._clocks.monotonic() + seconds + _LATE_S <= self._until:
            return
        try:
            yield from self.take(instead_of=self._owner)
        except StoreError as error:
            _logger.warning("a lease could not be prolonged: %s", error)

    def write(self, token: AccessToken, slot: TokenSlot) -> Steps[None]:
        """Keep the token in the slot, which is another where the secret has been rotated, and give the lease back."""
        owner = self._owner
        if owner is not None:
            yield from call(lambda: slot.write(owner, token))

    def release(self) -> Steps[None]:
        """Give it back, where it is held still; raises `StoreError`."""
        owner = self._owner
        if owner is not None:
            yield from call(lambda: self._slot.release(owner))
