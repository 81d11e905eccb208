"""Who a token is vended to: somebody who is no client, and by whose word."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from auth_server.people.people import SUBJECT_PREFIX

MAX_SUBJECT_LENGTH: Final = 200
# Who says so (`identity_provider` of the token), and how `sub` begins then: no two providers' people are ever one.
PREFIXES: Final = MappingProxyType(
    {
        "login": SUBJECT_PREFIX,
        "cognito": "cognito:",
        "authorizer": "user:",
        "open": "address:",
        "embedded": "embedded:",
    }
)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who it is. `provider` is one of `PREFIXES`, `subject` its name for them, and no other's.

    `auth_time` is the Unix time in seconds at which a person logged in; None where nobody says so. Raises ValueError.
    """

    provider: str
    subject: str
    auth_time: int | None = None

    def __post_init__(self) -> None:
        """Check that there can be such a token."""
        if self.provider not in PREFIXES:
            raise ValueError("the provider is none of " + ", ".join(PREFIXES))
        if not self.subject or len(self.subject) > MAX_SUBJECT_LENGTH or not self.subject.isprintable():
            raise ValueError(f"a subject is 1 to {MAX_SUBJECT_LENGTH} printable characters")

    @property
    def sub(self) -> str:
        """`sub` of the token."""
        return PREFIXES[self.provider] + self.subject
