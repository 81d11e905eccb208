"""What an endpoint may use: everything outside the core, as arguments."""

from collections.abc import Callable
from dataclasses import dataclass, field

from auth_server.clients import ClientStore
from auth_server.key_ring import KeyRing
from auth_server.last_use import LastUse
from auth_server.quota import Quota
from auth_server.remote_keys import RemoteKeys
from auth_server.revocation_feed import FeedCache
from auth_server.settings import Settings
from auth_server.state import StateStore
from auth_server.throttle import Throttle
from auth_server.token_reuse import TokenReuse


@dataclass(frozen=True, slots=True)
class Services:
    """The settings, the stores, the keys, the clock (Unix time in seconds), and the revocation feed made last.

    `keys` are this server's own, `remote_keys` those that clients and the issuers they trust publish.
    `throttle` counts failures to authenticate, and remembers them; `last_use` notes when a secret was used.
    `quota` counts the tokens of clients that may have so many in an hour; `reuse` keeps those that are given again.
    """

    settings: Settings
    clients: ClientStore
    state: StateStore
    keys: KeyRing
    remote_keys: RemoteKeys
    clock: Callable[[], float]
    throttle: Throttle
    last_use: LastUse
    quota: Quota
    reuse: TokenReuse
    feed: FeedCache = field(default_factory=FeedCache)

    def now(self) -> int:
        """Give the Unix time in whole seconds."""
        return int(self.clock())
