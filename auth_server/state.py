"""What the server must remember between requests: what was used once, and what was revoked."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Revocations:
    """What is revoked now. Times are Unix times in seconds.

    `tokens` maps each revoked `jti` to the expiry of its token, after which it needs no mention; `clients` maps a
    client id to the time up to which all that it was issued is revoked.
    """

    tokens: dict[str, int]
    clients: dict[str, int]


class StateStore(Protocol):
    """Every method raises `DependencyError` where the store does not answer."""

    def use_once(self, kind: str, name: str, *, until: int, now: int) -> bool:
        """Remember that `name` was used, until the time `until`; False where that is remembered already.

        One conditional write: of many who use a name at once, one is told True. `kind` keeps names of one purpose, and
        of one owner, apart from all others.
        """
        ...

    def revoke_token(self, jti: str, *, client_id: str, expires_at: int) -> None:
        """Remember that a token is revoked, until it expires."""
        ...

    def revoke_client(self, client_id: str, *, not_before: int, until: int) -> None:
        """Remember that whatever was issued to the client before `not_before` is revoked, until the time `until`.

        An earlier time never takes the place of a later one.
        """
        ...

    def count(self, kind: str, name: str, *, until: int, by: int = 1) -> int:
        """Add to a counter that is remembered until the time `until`, and give what it comes to.

        One atomic write: of many who count at once, no two are told the same. A try whose answer was lost may count
        as well.
        """
        ...

    def counted(self, kind: str, name: str, *, now: int) -> int:
        """Give what a counter comes to at the time `now`, 0 where there is none."""
        ...

    def see(self, kind: str, name: str, *, at: int, every: int, until: int) -> None:
        """Remember, until the time `until`, that `name` was seen at the time `at`.

        One conditional write, which changes nothing where it was seen less than `every` seconds before.
        """
        ...

    def seen(self, kind: str, name: str) -> int | None:
        """Give the time at which it was seen, None where that is not remembered."""
        ...

    def all_seen(self, kind: str) -> dict[str, int]:
        """Give the time at which each name was seen."""
        ...

    def is_revoked(self, *, jti: str, client_ids: tuple[str, ...], issued_at: int) -> bool:
        """Whether a token is revoked, by itself or with all that one of these clients was issued.

        The reads are consistent; there is one for the token, and one for each client.
        """
        ...

    def revocations(self, now: int) -> Revocations:
        """Give everything that is revoked at the time `now`."""
        ...
