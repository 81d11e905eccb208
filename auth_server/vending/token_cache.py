"""What was vended and is still good: one token for one caller, however many Lambdas it asks."""

import hashlib
import json
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final, Protocol

from auth_server.jwk import base64url

KEPT_IN_MEMORY: Final = 1_000


@dataclass(frozen=True, slots=True)
class Kept:
    """What the cache holds under one id. `token` is None where there is none, or none that can be read.

    `as_found` is the cache's own, to tell later whether it still holds the same.
    """

    token: str | None = field(default=None, repr=False)
    as_found: Any = field(default=None, repr=False)


class TokenCache(Protocol):
    """Every method raises `DependencyError` where the cache does not answer."""

    def find(self, item_id: str) -> Kept:
        """Give what is kept under this id."""
        ...

    def keep(self, item_id: str, token: str, *, expires_at: int, instead_of: Kept | None) -> bool:
        """Keep a token until the Unix time `expires_at`, in the place of what was found; None: of whatever is there.

        One conditional write: False where it holds something else by now, which is left as it is.
        """
        ...


def item_id(parts: Iterable[Any]) -> str:
    """Name what is vended for all that it depends on, so that nobody's name stands in the table: 43 characters."""
    return base64url(hashlib.sha256(json.dumps(list(parts)).encode("ascii")).digest())


class Recent:
    """The tokens that a warm Lambda has handed out lately: the last `KEPT_IN_MEMORY`. For any number of threads."""

    def __init__(self) -> None:
        """Hold nothing."""
        self._lock = Lock()
        self._tokens: OrderedDict[str, str] = OrderedDict()

    def get(self, item_id: str) -> str | None:
        """Give the token that was put last."""
        with self._lock:
            return self._tokens.get(item_id)

    def put(self, item_id: str, token: str) -> None:
        """Remember a token, and forget the one that was put first of all."""
        with self._lock:
            self._tokens[item_id] = token
            self._tokens.move_to_end(item_id)
            if len(self._tokens) > KEPT_IN_MEMORY:
                self._tokens.popitem(last=False)
