"""A token store in memory, for tests of what is done with a store; it can fail, and its time is the test's."""

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

from token_client.access_token import AccessToken
from token_client.errors import StoreError
from token_client.store.protocol import Reading, TokenKey


@dataclass
class Item:
    """What is stored under one key; a token can only be read with the secret that it was written with."""

    token: AccessToken | None = None
    secret: bytes | None = None
    owner: str | None = None
    until: float = 0.0


@dataclass
class MemoryStore:
    """`now` is its clock; `down` are operations that fail; `calls` are those that were made."""

    now: Callable[[], float]
    down: set[str] = field(default_factory=set)
    calls: list[str] = field(default_factory=list)
    items: dict[TokenKey, Item] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def slot(self, key: TokenKey, secret: bytes | None) -> "MemorySlot":
        """Give a slot."""
        return MemorySlot(self, key, secret)

    @property
    def item(self) -> Item:
        """Its one item."""
        [item] = self.items.values()
        return item


@dataclass
class MemorySlot:
    """One slot of it, as `TokenSlot` has it."""

    store: MemoryStore
    key: TokenKey
    secret: bytes | None

    def read(self) -> Reading:
        """Read token and lease."""
        item = self._item("read")
        token = item.token if item.secret == self.secret else None
        return Reading(token, item.owner if self.store.now() < item.until else None)

    def acquire(self, owner: str, seconds: float, *, instead_of: str | None = None) -> bool:
        """Take the lease."""
        item = self._item("acquire")
        with self.store.lock:
            if self.store.now() < item.until and item.owner not in {None, owner, instead_of}:
                return False
            item.owner, item.until = owner, self.store.now() + seconds
            return True

    def write(self, owner: str, token: AccessToken) -> bool:
        """Keep the token, and free the lease."""
        item = self._item("write")
        with self.store.lock:
            if item.owner != owner:
                return False
            item.token, item.secret, item.owner, item.until = token, self.secret, None, 0.0
            return True

    def release(self, owner: str) -> None:
        """Free the lease."""
        item = self._item("release")
        with self.store.lock:
            if item.owner == owner:
                item.owner, item.until = None, 0.0

    def _item(self, operation: str) -> Item:
        self.store.calls.append(operation)
        if operation in self.store.down:
            raise StoreError(f"{operation}: throttled")
        return self.store.items.setdefault(self.key, Item())
