"""The way to a token: the shared store, its lease, the server. Memory stands before it."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from token_client.access_token import AccessToken
from token_client.clocks import Clocks
from token_client.credentials.protocol import Credentials, Identity
from token_client.effects import Pause, Steps, call
from token_client.errors import StoreError
from token_client.lease import NO_LEASE, Hold, Holder, Lease
from token_client.limits import Limits
from token_client.memory import due_s, last_use_s
from token_client.store.protocol import TokenKey, TokenSlot, TokenStore
from token_client.token_endpoint import TokenEndpoint

_FIRST_LOOK_S = 0.05
_LONGEST_LOOK_S = 0.5
_LEASES_WAITED_FOR = 3
_WARNED_EVERY_S = 60.0
_logger = logging.getLogger("token_client")

_IsWanted = Callable[[AccessToken], bool]


@dataclass(frozen=True, slots=True)
class Shared:
    """A store, and the key of the token in it for a client id."""

    store: TokenStore
    key: Callable[[str], TokenKey]

    def slot(self, identity: Identity) -> TokenSlot:
        """Give the slot of the token that an identity gets."""
        return self.store.slot(self.key(identity.client_id), identity.secret)


class Acquisition:
    """Gets a token, from other processes where there is a store, else from the server."""

    def __init__(
        self,
        endpoint: TokenEndpoint,
        credentials: Credentials,
        shared: Shared | None,
        limits: Limits,
        clocks: Clocks,
    ) -> None:
        self._endpoint = endpoint
        self._credentials = credentials
        self._shared = shared
        self._lease_s = limits.lease_s
        self._clocks = clocks
        self._warned_at = float("-inf")

    def needed(self, rejected: str | None = None) -> Steps[AccessToken]:
        """Give a token that can be used, and is not `rejected`; raises `TokenClientError`."""
        identity = yield from call(self._credentials.load)

        def is_wanted(token: AccessToken) -> bool:
            return token.value != rejected and self._lasts(token, last_use_s(token))

        turn = yield from self._turn(identity, is_wanted, patience_s=_LEASES_WAITED_FOR * self._lease_s)
        return turn if isinstance(turn, AccessToken) else (yield from self._fetched(identity, turn))

    def ahead(self) -> Steps[AccessToken | None]:
        """Give a token that is not due for renewal; None where another process is at it. Raises `TokenClientError`."""
        identity = yield from call(self._credentials.load)

        def is_wanted(token: AccessToken) -> bool:
            return self._lasts(token, due_s(token))

        turn = yield from self._turn(identity, is_wanted, patience_s=0)
        return turn if turn is None or isinstance(turn, AccessToken) else (yield from self._fetched(identity, turn))

    def _turn(self, identity: Identity, is_wanted: _IsWanted, patience_s: float) -> Steps[AccessToken | Hold | None]:
        """Give another process's token, or what to fetch one under; None where one is being fetched elsewhere."""
        if self._shared is None:
            return NO_LEASE
        slot = self._shared.slot(identity)
        lease = Lease(slot, self._lease_s, self._clocks)
        try:
            return (yield from self._awaited(slot, lease, is_wanted, patience_s))
        except StoreError as error:
            self._warn(error)
            return NO_LEASE

    def _awaited(
        self, slot: TokenSlot, lease: Lease, is_wanted: _IsWanted, patience_s: float
    ) -> Steps[AccessToken | Lease | None]:
        until, look_s = self._clocks.monotonic() + patience_s, _FIRST_LOOK_S
        holder = Holder(self._lease_s, self._clocks)
        while True:
            reading = yield from call(slot.read)
            if reading.token is not None and is_wanted(reading.token):
                return reading.token
            self._endpoint.check_wait()
            if holder.is_gone(reading.lease_owner) and (yield from lease.take(reading.lease_owner)):
                return (yield from self._looked_again(slot, lease, is_wanted))
            if self._clocks.monotonic() >= until:
                return None
            yield Pause(self._clocks.jittered(look_s))
            look_s = min(2 * look_s, _LONGEST_LOOK_S)

    def _looked_again(self, slot: TokenSlot, lease: Lease, is_wanted: _IsWanted) -> Steps[AccessToken | Lease]:
        """Read once more under the lease: whoever had it may have written between our look and our taking it."""
        try:
            token = (yield from call(slot.read)).token
        except StoreError as error:
            self._warn(error)
            return lease
        except GeneratorExit:  # as in `_fetched`
            raise
        except BaseException:
            yield from self._tried(lease.release())
            raise
        if token is None or not is_wanted(token):
            return lease
        yield from self._tried(lease.release())
        return token

    def _fetched(self, identity: Identity, hold: Hold | None) -> Steps[AccessToken]:
        """Fetch a token, and share it where there is a lease."""
        lease = hold if isinstance(hold, Lease) else None
        try:
            fetched = yield from self._endpoint.fetch(identity, hold or NO_LEASE)
        except GeneratorExit:  # nobody takes these steps any more: there is nothing left to ask for
            raise
        except BaseException:
            if lease is not None:
                yield from self._tried(lease.release())
            raise
        if lease is not None and self._shared is not None:
            yield from self._tried(lease.write(fetched.token, self._shared.slot(fetched.identity)))
        return fetched.token

    def _tried(self, steps: Steps[None]) -> Steps[None]:
        try:
            yield from steps
        except StoreError as error:
            self._warn(error)

    def _lasts(self, token: AccessToken, margin_s: float) -> bool:
        return token.expires_at / 1000 - margin_s > self._clocks.wall()

    def _warn(self, error: StoreError) -> None:
        """Say so once a minute: a store that is down is asked for each token."""
        now = self._clocks.monotonic()
        if now - self._warned_at >= _WARNED_EVERY_S:
            self._warned_at = now
            _logger.warning("the token store is not used: %s", error)
