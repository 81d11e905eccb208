"""An access token as a client holds it."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token and what the server said of it (RFC 6749 5.1).

    `issued_at` and `expires_at` are Unix time in milliseconds, by this machine's clock: when it was asked for, and from
    when on it is of no use. `token_type` is `Bearer` or `DPoP`. `scope` is what was granted, empty where nobody said.
    """

    value: str = field(repr=False)
    token_type: str
    scope: tuple[str, ...]
    issued_at: int
    expires_at: int
