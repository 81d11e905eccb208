"""The table of keys and KMS in memory, with a hook around every call: where a run is killed, or another one runs.

They take the place of AWS where every order of events is gone through; the adapters' own tests, and those of the local
stack, use the AWS endpoint.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from auth_server import jwk
from auth_server.key_ring import SigningKey
from auth_server.signing_keys.key_record import DATA_KEY, KMS, KeyRecord
from auth_server.signing_keys.rotation import Anchor, Found, KeyMaker, MadeKey, Rotation, RotationRules, endorsed
from auth_server.signing_keys.timeline import Timeline
from tests.simulator import ISSUER, NOW, LocalKeySource

HOUR, DAY = 3_600, 86_400
RULES = {
    DATA_KEY: RotationRules(ISSUER, DATA_KEY, period_seconds=DAY, lead_seconds=4 * HOUR, overlap_seconds=26 * HOUR),
    KMS: RotationRules(ISSUER, KMS, period_seconds=DAY, lead_seconds=4 * HOUR, overlap_seconds=26 * HOUR),
}
FIRST_KEY: SigningKey = LocalKeySource().load()


class KilledError(Exception):
    """The run ends here."""


@cache
def public_jwks(count: int = 24) -> list[dict[str, str]]:
    """Give the public halves of some keys."""
    keys = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(count))
    return [
        jwk.from_der(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)) for key in keys
    ]


@dataclass
class World:
    """What a rotation has around it. `calls` are those made; `hook` is told of each, before and after.

    `pairs` makes a key of a signer and an id, where public halves are not enough.
    """

    rules: RotationRules
    now: int = NOW
    records: dict[str, KeyRecord] = field(default_factory=dict)
    latest: str | None = None
    made: dict[str, int] = field(default_factory=dict)
    disabled: dict[str, int] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    hook: Callable[[str], None] | None = None
    pairs: Callable[[str, str], MadeKey] | None = None
    history: list[tuple[int, tuple[KeyRecord, ...]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Have keys to make."""
        self._pool = iter(public_jwks())
        self._numbers = itertools.count()
        self.history.append((0, ()))

    def call(self, name: str, effect: Callable[[], Any]) -> Any:
        """Make one AWS call."""
        self._point(f"before {name}")
        result = effect()
        self._point(f"after {name}")
        return result

    def _point(self, name: str) -> None:
        self.calls.append(name)
        if self.hook is not None:
            self.hook(name)

    def rotation(self) -> Rotation:
        """Give the rotation, as a cold start makes it."""
        anchor = SigningKey(FIRST_KEY.kid, FIRST_KEY.jwk, lambda text: self.call("sign", lambda: FIRST_KEY.sign(text)))
        makers: dict[str, KeyMaker] = {signer: _Maker(self, signer) for signer in (KMS, DATA_KEY)}
        return Rotation(self.rules, Anchor(anchor, NOW - 10 * DAY), self, makers, lambda: self.now)

    def read(self) -> Found:
        """Read the table."""
        found: Found = self.call("read", lambda: Found(tuple(self.records.values()), self.latest))
        return found

    def announce(self, record: KeyRecord, *, after: str | None) -> bool:
        """Write to the table, as DynamoDB would."""
        return bool(self.call("announce", partial(self._announce, record, after)))

    def _announce(self, record: KeyRecord, after: str | None) -> bool:
        if self.latest != after or record.kid in self.records:
            return False
        self.records[record.kid], self.latest = record, record.kid
        self._remember()
        return True

    def forget(self, kid: str) -> None:
        """Delete from the table."""
        self.call("forget", partial(self._forget, kid))

    def _forget(self, kid: str) -> None:
        self.records.pop(kid, None)
        self._remember()

    def _remember(self) -> None:
        self.history.append((self.now, tuple(self.records.values())))

    def next_key(self, signer: str) -> MadeKey:
        """Make a key pair."""
        key_id = f"key-{next(self._numbers)}"
        if self.pairs is not None:
            return self.pairs(signer, key_id)
        public = next(self._pool)
        return MadeKey(public, encrypted_key=key_id.encode()) if signer == DATA_KEY else MadeKey(public, key_id)

    def timelines(self, since: int, until: int) -> list[Timeline]:
        """Give all that a function may take for the truth that read the table in this time."""
        ends = [time for time, _ in self.history[1:]] + [until + 1]
        return [
            _timeline(records)
            for (begin, records), end in zip(self.history, ends, strict=True)
            if begin <= until and end > since
        ]


@cache
def _timeline(records: tuple[KeyRecord, ...]) -> Timeline:
    return Timeline(endorsed(records, ISSUER, FIRST_KEY))


class _Maker:
    def __init__(self, world: World, signer: str) -> None:
        self._world, self._signer = world, signer

    def make(self) -> MadeKey:
        made: MadeKey = self._world.call(f"make {self._signer}", self._make)
        if self._signer == KMS:
            self._world.call("get public key", lambda: None)
        return made

    def _make(self) -> MadeKey:
        made = self._world.next_key(self._signer)
        if made.key_id is not None:
            self._world.made[made.key_id] = self._world.now
        return made

    def discard(self, key_id: str | None) -> None:
        if key_id is not None:
            self._world.call("disable", lambda: self._world.disabled.setdefault(key_id, self._world.now))
            self._world.call("schedule deletion", lambda: self._world.made.pop(key_id, None))

    def made_before(self, time: int) -> list[str]:
        if self._signer == DATA_KEY:
            return []
        found: list[str] = self._world.call("list", lambda: [key for key, at in self._world.made.items() if at < time])
        return found
