"""The settings of the rotation: environment variables, read once; a bad value stops the cold start.

Those that the authorization server has as well are read, and mean, the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from auth_server import settings
from auth_server.settings import Setting, SettingsError, text, whole_number
from auth_server.signing_keys.rotation import DEFAULT_PERIOD_SECONDS, NEVER, RotationRules

_SHARED: Final = ("ISSUER", "SIGNING_KEY_ID", "SIGNER", "KEY_ENCRYPTION_KEY_ID", "LOG_LEVEL")
_PERIODS: Final[Mapping[str, int | None]] = {"auto": None, "never": NEVER}


def _period(given: str) -> int | None:
    if given in _PERIODS:
        return _PERIODS[given]
    try:
        return whole_number(10, 315_360_000)(given)
    except ValueError as error:
        raise ValueError(f"{error}, auto or never") from None


# fmt: off
SETTINGS = (
    *(row for row in settings.SETTINGS if row.name in _SHARED),
    Setting("KEYS_TABLE", None, text, "name", "The DynamoDB table of the later signing keys."),
    Setting("ROTATE_EVERY_SECONDS", "auto", _period, "seconds, `auto` or `never`", "From one key to the next. `auto`: 90 days (`kms`), a day (`data_key`); `never`: by hand alone."),
    Setting("KEY_LEAD_SECONDS", "14400", whole_number(0, 604_800), "seconds", "How long a key is published before it signs: as old as the keys of any verifier may be."),
    Setting("KEY_OVERLAP_SECONDS", "93600", whole_number(60, 2_592_000), "seconds", "How long a key stays published after it signed last: as long as any token lives, and the keys of any signer are old."),
)
# fmt: on


@dataclass(frozen=True, slots=True)
class RotationSettings:
    """The table above, read. Times are in seconds; `rotate_every_seconds` is None where it is the signer's own."""

    issuer: str
    signing_key_id: str
    signer: str
    key_encryption_key_id: str
    log_level: str
    keys_table: str
    rotate_every_seconds: int | None
    key_lead_seconds: int
    key_overlap_seconds: int

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Read these variables; raises `SettingsError` at the first that will not do."""
        read = cls(**settings.read_fields(cls, SETTINGS, environ))
        settings.check_signer(read)
        period = read.rules.period_seconds
        if period != NEVER and period <= read.key_lead_seconds:
            raise SettingsError("ROTATE_EVERY_SECONDS must be more than KEY_LEAD_SECONDS: a key is to sign for a while")
        return read

    @property
    def rules(self) -> RotationRules:
        """How keys take turns here."""
        every = self.rotate_every_seconds
        return RotationRules(
            issuer=self.issuer,
            signer=self.signer,
            period_seconds=DEFAULT_PERIOD_SECONDS[self.signer] if every is None else every,
            lead_seconds=self.key_lead_seconds,
            overlap_seconds=self.key_overlap_seconds,
        )
