"""What a mode comes to: who asks, and what they may be given."""

from dataclasses import dataclass

from auth_server.errors import AccessDeniedError
from auth_server.vending.identity import Identity


@dataclass(frozen=True, slots=True)
class Known:
    """Whoever asks, and all that configuration gives them."""

    identity: Identity
    scopes: tuple[str, ...]


def identity(provider: str, subject: str, auth_time: int | None = None) -> Identity:
    """Give the identity; raises `AccessDeniedError` for a name that no token could hold."""
    try:
        return Identity(provider, subject, auth_time)
    except ValueError as error:
        raise AccessDeniedError("There is no token for this name.", reason=str(error)) from None
