"""Rotation: a later key is made, endorsed and announced by one write; whatever has retired is cleared away.

Nothing else is ever written, and no state: all functions pass from key to key by the clock (`timeline`). So a run may
end anywhere, run twice or at once with another. What it left half done is a KMS key that no record names, and a later
run deletes it.
"""

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from auth_server.key_ring import SigningKey
from auth_server.signing_keys.key_record import DATA_KEY, KMS, KeyRecord
from auth_server.signing_keys.timeline import State, Timeline
from authorizer import public_key

# A key that no record names is left alone for so long: the run that made it may be about to announce it. No run lasts
# longer than a Lambda does, 15 minutes.
ORPHAN_SECONDS: Final = 3_600
DEFAULT_PERIOD_SECONDS: Final[Mapping[str, int]] = {KMS: 7_776_000, DATA_KEY: 86_400}
NEVER: Final = 0
# Our authorizers refuse a key set of more than 64 KB. So many are a third of that, and come of no rotation but a loop.
MAX_PUBLISHED: Final = 50


class RotationError(Exception):
    """What was asked for makes no sense; the message says why."""


@dataclass(frozen=True, slots=True)
class RotationRules:
    """How keys take turns.

    `period_seconds` is from one to the next (`NEVER`: only by hand), `lead_seconds` from a key's announcement to its
    first signature, `overlap_seconds` from its last signature to its leaving the key set.
    """

    issuer: str
    signer: str
    period_seconds: int
    lead_seconds: int
    overlap_seconds: int


@dataclass(frozen=True, slots=True)
class Anchor:
    """The first key, and the Unix time of its making."""

    key: SigningKey
    created_at: int


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A key pair: its public JWK, and where its private half is (see `KeyRecord`)."""

    jwk: Mapping[str, str]
    key_id: str | None = None
    encrypted_key: bytes | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What the table holds: records, endorsed or not, and the `kid` that was announced last, by its own word."""

    records: tuple[KeyRecord, ...]
    latest: str | None


class KeyTable(Protocol):
    """Where the records are. Every method raises `DependencyError`."""

    def read(self) -> Found:
        """Read all of it, as it is at this moment."""
        ...

    def announce(self, record: KeyRecord, *, after: str | None) -> bool:
        """Write a record, if `after` is still the one that was announced last; False where it is not."""
        ...

    def forget(self, kid: str) -> None:
        """Delete a record."""
        ...


class KeyMaker(Protocol):
    """Makes the keys of one signer, and does away with them. Every method raises `DependencyError`."""

    def make(self) -> MadeKey:
        """Make a key."""
        ...

    def discard(self, key_id: str | None) -> None:
        """See to it that the key signs no more; a second time changes nothing."""
        ...

    def made_before(self, time: int) -> list[str]:
        """List the ids of the keys that were made for this issuer before that Unix time, and not discarded yet."""
        ...


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that a run did, or found. `kid` is None of a key that never was announced."""

    outcome: str
    kid: str | None = None
    key_id: str | None = None
    active_from: int | None = None

    def document(self) -> dict[str, Any]:
        """Give it as JSON has it."""
        return {"outcome": self.outcome, "kid": self.kid, "key_id": self.key_id, "active_from": self.active_from}


class Rotation:
    """The runs. Every method gives the steps it took, and raises `DependencyError`."""

    def __init__(
        self,
        rules: RotationRules,
        anchor: Anchor,
        table: KeyTable,
        makers: Mapping[str, KeyMaker],
        clock: Callable[[], float],
    ) -> None:
        """`makers` has one for each signer whose keys can be made or discarded here."""
        self._rules, self._anchor, self._table, self._makers, self._clock = rules, anchor, table, makers, clock

    def run(self) -> list[Step]:
        """Do what is due; raises `RotationError` where there are too many keys."""
        found = self._table.read()
        keys, now = self._endorsed(found), self._now()
        steps = self._announce(found, keys, self._rules.lead_seconds) if self._is_due(keys, now) else []
        # Somebody has written to the table, or moved SIGNING_KEY_ID: nothing is done about it here but to say so.
        strange = [Step("not endorsed")] if len(keys.records) < len(found.records) else []
        return [*strange, *steps, *self._clear_retired(keys, now), *self._clear_orphans(now)]

    def rotate(self, *, at_once: bool = False) -> list[Step]:
        """Announce another key, unless one is announced already; or let another sign from now on.

        `at_once` is for an emergency: verifiers refuse its tokens until they have asked for the keys again.
        """
        found = self._table.read()
        keys, now = self._endorsed(found), self._now()
        if not at_once:
            pending = [record for record in keys.records if keys.state(record, now) is State.ANNOUNCED]
            if pending:
                return [Step("announced already", pending[0].kid, pending[0].key_id, pending[0].active_from)]
        steps = self._announce(found, keys, 0 if at_once else self._rules.lead_seconds)
        if not steps:
            raise RotationError("another rotation was at work, and announced a key; nothing more was done")
        return steps

    def retire(self, kid: str) -> list[Step]:
        """Take a key out of use and out of the key set: from now on its tokens are refused.

        Where it was the active one, the one before it signs again while that is retiring, else the first key:
        verifiers know both. Whatever has retired is cleared away first, so that no key comes back that they have
        forgotten. Raises `RotationError`.
        """
        if kid == self._anchor.key.kid:
            raise RotationError("the first key endorses all others, and cannot be retired; deploy another in its place")
        keys, now = self._endorsed(self._table.read()), self._now()
        record = next((record for record in keys.records if record.kid == kid), None)
        if record is None:
            raise RotationError("there is no key of that name")
        steps = self._clear_retired(keys, now)
        return steps if kid in {step.kid for step in steps} else [*steps, self._clear(record)]

    def _endorsed(self, found: Found) -> Timeline:
        return Timeline(endorsed(found.records, self._rules.issuer, self._anchor.key))

    def _is_due(self, keys: Timeline, now: int) -> bool:
        rules = self._rules
        if rules.period_seconds == NEVER:
            return False
        signer, came = KMS, self._anchor.created_at
        if keys.records:
            signer, came = keys.records[-1].signer, keys.records[-1].active_from
        return signer != rules.signer or now >= came + rules.period_seconds - rules.lead_seconds

    def _announce(self, found: Found, keys: Timeline, lead_seconds: int) -> list[Step]:
        if len(keys.published(self._now())) >= MAX_PUBLISHED:
            raise RotationError(f"{MAX_PUBLISHED} keys are published already; retire some, or wait until they have")
        rules, maker = self._rules, self._makers[self._rules.signer]
        made = maker.make()
        announced_at = self._now()  # only now: to make a key may take a while, and the lead is from here
        taken = {record.active_from for record in keys.records}
        # Of two keys of one second their names would decide which of them signs.
        active_from = next(at for at in itertools.count(announced_at + lead_seconds) if at not in taken)
        period = rules.period_seconds or DEFAULT_PERIOD_SECONDS[rules.signer]
        record = KeyRecord(
            kid=made.jwk["kid"],
            issuer=rules.issuer,
            signer=rules.signer,
            jwk=made.jwk,
            key_id=made.key_id,
            encrypted_key=made.encrypted_key,
            announced_at=announced_at,
            active_from=active_from,
            # It is in memories. Where rotations fail for a whole period, the first key signs from then on.
            expires_at=active_from + 2 * period if rules.signer == DATA_KEY else None,
            overlap_seconds=rules.overlap_seconds,
        ).endorsed_by(self._anchor.key)
        if self._table.announce(record, after=found.latest):
            return [Step("announced", record.kid, record.key_id, record.active_from)]
        maker.discard(made.key_id)
        return []

    def _clear_retired(self, keys: Timeline, now: int) -> list[Step]:
        return [self._clear(record) for record in keys.records if keys.state(record, now) is State.RETIRED]

    def _clear(self, record: KeyRecord) -> Step:
        # In this order: no record ever names a key that does not sign. A key without a record is found again as one.
        self._table.forget(record.kid)
        if record.signer in self._makers:
            self._makers[record.signer].discard(record.key_id)
        return Step("retired", record.kid, record.key_id)

    def _clear_orphans(self, now: int) -> list[Step]:
        steps = []
        for maker in self._makers.values():
            made = maker.made_before(now - ORPHAN_SECONDS)
            # Read after that list was: a key that was announced meanwhile is in its record. Endorsed or not, what a
            # record names is left alone, so that a damaged record does not cost a key.
            named = {record.key_id for record in self._table.read().records} if made else set()
            for key_id in made:
                if key_id not in named:
                    maker.discard(key_id)
                    steps.append(Step("discarded", None, key_id))
        return steps

    def _now(self) -> int:
        return int(self._clock())


def endorsed(records: Iterable[KeyRecord], issuer: str, anchor: SigningKey) -> list[KeyRecord]:
    """Give those that the first key has endorsed; the rest, by whoever can write the table, counts for nothing."""
    verifier = public_key.from_jwk(anchor.jwk, "RS256")
    return [record for record in records if record.is_endorsed(issuer, verifier)]
