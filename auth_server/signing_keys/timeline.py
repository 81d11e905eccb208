"""The states of the signing keys: a function of their endorsed records and the time, and of nothing else.

                announced            active             retiring           retired
    |-----------------------|------------------|------------------|-----------------
    announced_at       active_from       its successor's     + overlap_seconds
                                    active_from, or expires_at

Published (RFC 7517) are the announced, the active and the retiring ones. The first key, which endorses all others, is
always published: where no later key may sign, it does, and every verifier knows it.
"""

from bisect import bisect_right
from collections.abc import Collection, Iterable
from enum import StrEnum

from auth_server.signing_keys.key_record import SIGNERS, KeyRecord


class State(StrEnum):
    """What a key is for at a moment; `standby` is the first key's, while another signs."""

    ANNOUNCED = "announced"
    ACTIVE = "active"
    RETIRING = "retiring"
    RETIRED = "retired"
    STANDBY = "standby"


class Timeline:
    """The later keys in the order in which they come to sign."""

    def __init__(self, records: Iterable[KeyRecord], signers: Collection[str] = SIGNERS) -> None:
        """Take endorsed records only. A key whose signer is not among these is published, and never signs."""
        self.records = sorted(records, key=lambda record: (record.active_from, record.kid))
        self._starts = [record.active_from for record in self.records]
        self._signers = signers

    def active(self, now: float) -> KeyRecord | None:
        """Give the key that signs at that time, None for the first one.

        It is the last that has come, if it may sign. Never one before it: that may no longer be known to verifiers.
        """
        count = bisect_right(self._starts, now)
        if count == 0:
            return None
        last = self.records[count - 1]
        is_over = last.expires_at is not None and now >= last.expires_at
        return None if is_over or last.signer not in self._signers else last

    def published(self, now: float) -> list[KeyRecord]:
        """Give the later keys that verifiers are to know at that time."""
        return [record for record in self.records if self.state(record, now) is not State.RETIRED]

    def state(self, record: KeyRecord, now: float) -> State:
        """Give a key's state."""
        if now < record.active_from:
            return State.ANNOUNCED
        if record == self.active(now):
            return State.ACTIVE
        retires_at = self.retires_at(record)
        return State.RETIRING if retires_at is None or now < retires_at else State.RETIRED

    def retires_at(self, record: KeyRecord) -> int | None:
        """Give the time from which on it is no longer published, None where nothing says so yet."""
        after = self.records[self.records.index(record) + 1 :]
        ends = [end for end in (after[0].active_from if after else None, record.expires_at) if end is not None]
        return min(ends) + record.overlap_seconds if ends else None
