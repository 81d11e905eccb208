"""How often, how long and how large: the bounds of everything that the client does."""

from dataclasses import dataclass

from token_client.errors import ConfigurationError

_LEASE_PAST_TIMEOUT_S = 5.0  # what a lease lasts longer than one exchange: an answer that is just in time still counts


@dataclass(frozen=True, slots=True)
class Limits:
    """`retries` are further attempts after the first; `timeout_s` is for one exchange; `lease_s` for one hold of it."""

    retries: int
    retry_interval_s: float
    timeout_s: float
    lease_s: float


def checked(*, retries: int, retry_interval_ms: float, timeout_s: float, lease_s: float | None) -> Limits:
    """Give the limits; raises `ConfigurationError`, which names the first that is out of its range."""
    for name, value, kind, least, most in (
        ("retries", retries, int, 0, 10),
        ("retry_interval_ms", retry_interval_ms, int | float, 0, 30_000),
        ("timeout_s", timeout_s, int | float, 0.01, 300),
        ("lease_s", _LEASE_PAST_TIMEOUT_S if lease_s is None else lease_s, int | float, 0.01, 900),
    ):
        # A text, as out of the environment, is none: it would be found out by a TypeError.
        if not isinstance(value, kind) or not least <= value <= most:
            raise ConfigurationError(f"{name} must be {'a whole number ' * (kind is int)}from {least} to {most}")
    lease_s = timeout_s + _LEASE_PAST_TIMEOUT_S if lease_s is None else lease_s
    return Limits(retries, retry_interval_ms / 1000, timeout_s, lease_s)
