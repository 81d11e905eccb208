"""The ring of keys: who signs by the clock, what an outage of its sources does, and a key that turns out unusable."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from auth_server.errors import DependencyError
from auth_server.key_ring import MAX_STALE_SECONDS, RETRY_SECONDS, KeyRing, KeyUnusableError, LaterKeys, SigningKey
from tests.simulator import NOW, LocalKeySource


def refusing(_: bytes) -> bytes:
    """Sign as a disabled key does."""
    raise KeyUnusableError("kms:Sign: DisabledException")


LATER = SigningKey("later", {"kid": "later"}, lambda message: b"later " + message)
BROKEN = SigningKey("later", {"kid": "later"}, refusing)


@dataclass
class Later:
    """One later key, which signs from a time on."""

    key: SigningKey = LATER
    active_from: int = NOW + 1_000
    loads: int = 0
    failing: bool = False
    first: list[str] = field(default_factory=list)

    def load(self, first: SigningKey) -> LaterKeys:
        """Count."""
        self.loads += 1
        self.first.append(first.kid)
        if self.failing:
            raise DependencyError("dynamodb:Scan: ThrottlingException")
        return self

    def active(self, now: float) -> SigningKey | None:
        """Give the key once it is time."""
        return self.key if now >= self.active_from else None

    def published(self, now: float) -> list[dict[str, str]]:
        """Announce it."""
        return [self.key.jwk] if now >= 0 else []


class Clock:
    """A clock that stands where it is put."""

    now: float = NOW

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


def ring(later: Later, clock: Clock, source: LocalKeySource | None = None) -> KeyRing:
    """Give a ring over both."""
    return KeyRing(source or LocalKeySource(), max_age=300, clock=clock, later=later)


def test_a_key_comes_to_sign_by_the_clock_alone() -> None:
    """At the second at which a key becomes active it signs, though nothing was read meanwhile."""
    later, clock = Later(active_from=NOW + 200), Clock()
    keys = ring(later, clock)
    first = LocalKeySource().load().kid
    clock.now = NOW + 199
    assert keys.active().kid == first
    clock.now = NOW + 200
    assert keys.active().sign(b"x") == b"later x"
    assert (later.loads, later.first) == (1, [first])


def test_the_key_set_has_the_first_key_and_the_later_ones() -> None:
    """Whoever signs, verifiers know the first key: it signs where no other may."""
    first = LocalKeySource().load()
    for now in (NOW, NOW + 2_000):
        clock = Clock()
        clock.now = now
        assert ring(Later(), clock).jwks() == {"keys": [first.jwk, LATER.jwk]}


@pytest.mark.parametrize("failing", ["table", "first key"])
def test_an_outage_is_bridged_for_an_hour_and_no_longer(failing: str) -> None:
    """What is known serves until it is an hour old, is asked for anew from time to time, and then nothing signs."""
    later, clock, source = Later(), Clock(), LocalKeySource()
    keys = ring(later, clock, source)
    keys.active()
    later.failing, source.failing = failing == "table", failing == "first key"
    clock.now = NOW + 300
    assert keys.active().kid != "later"
    tried = source.loads
    clock.now += RETRY_SECONDS - 1
    keys.active()
    assert source.loads == tried
    clock.now += 1
    keys.active()
    assert source.loads == tried + 1
    clock.now = NOW + MAX_STALE_SECONDS - 1
    assert keys.active().kid == "later"
    clock.now += 1
    for ask in (keys.active, keys.jwks):
        with pytest.raises(DependencyError):
            ask()
    later.failing = source.failing = False
    assert keys.active().kid == "later"


@pytest.mark.parametrize("failing", ["table", "first key"])
def test_without_a_first_reading_nothing_signs(failing: str) -> None:
    """A table that cannot be read is no empty table: the first key alone may be the one that was retired long ago."""
    later, clock, source = Later(), Clock(), LocalKeySource()
    later.failing, source.failing = failing == "table", failing == "first key"
    keys = ring(later, clock, source)
    for _ in range(2):
        with pytest.raises(DependencyError):
            keys.active()
    later.failing = source.failing = False
    assert keys.active()


def test_a_key_that_will_not_sign_is_left_aside() -> None:
    """A disabled key costs one answer, and then the first key signs; once the keys are read anew, it is tried again."""
    later, clock = Later(BROKEN, active_from=NOW), Clock()
    keys = ring(later, clock)
    with pytest.raises(KeyUnusableError):
        keys.active().sign(b"x")
    assert keys.active().kid == LocalKeySource().load().kid
    assert keys.active().sign(b"x")
    later.key = LATER
    clock.now += 300
    assert keys.active().sign(b"x") == b"later x"


def test_a_key_that_is_throttled_is_not_left_aside() -> None:
    """An outage of KMS says nothing about the key."""

    def throttled(_: bytes) -> bytes:
        raise DependencyError("kms:Sign: ThrottlingException")

    key: Any = SigningKey("later", {"kid": "later"}, throttled)
    keys = ring(Later(key, active_from=NOW), Clock())
    for _ in range(2):
        with pytest.raises(DependencyError):
            keys.active().sign(b"x")
    assert keys.active().kid == "later"
