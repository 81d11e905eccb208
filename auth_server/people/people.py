"""The person: what is kept about somebody who may log in, and where it is looked up."""

import secrets
from dataclasses import dataclass, field
from typing import Final, Protocol

# `sub` of a person's tokens: this and the username. No client's id, but revoked like one's (`revocation.why_ended`).
SUBJECT_PREFIX: Final = "person:"


@dataclass(frozen=True, slots=True)
class Person:
    """A person. `username` is normalised (`usernames.normalise`); configuration maps `groups` to scopes.

    `password_hash` is an Argon2id hash in PHC form, with its parameters and salt; never the password itself. Times are
    Unix times in seconds. `version` begins at random and grows by one with each change, so that two who change a person
    cannot overwrite each other unseen.
    """

    username: str
    password_hash: str = field(repr=False)
    groups: tuple[str, ...]
    created_at: int
    enabled: bool = True
    updated_at: int = 0
    version: int = field(default_factory=lambda: secrets.randbits(40))

    @property
    def subject(self) -> str:
        """`sub` of this person's tokens."""
        return SUBJECT_PREFIX + self.username


def may_have_logged_in(person: Person | None, auth_time: float) -> bool:
    """Whether a log-in at that Unix time can have been this person's, who may still use what came of it.

    It is not one of somebody who is disabled or gone, nor of an earlier holder of the name.
    """
    return person is not None and person.enabled and auth_time >= person.created_at


class PeopleStore(Protocol):
    """Where people are looked up."""

    def get(self, username: str) -> Person | None:
        """Give the person of a normalised username, None where there is none; raises `DependencyError`."""
        ...


class PersonExistsError(Exception):
    """There is somebody of this name already, who was left as they are."""


class PersonChangedError(Exception):
    """The person was changed or deleted by somebody else since they were read; nothing was written."""


class PeopleRegistry(PeopleStore, Protocol):
    """Where people are written. Every method raises `DependencyError` where the store does not answer."""

    def create(self, person: Person) -> None:
        """Write a new person; raises `PersonExistsError`. Of many who take one name at once, one gets it."""
        ...

    def update(self, person: Person, *, now: int) -> Person:
        """Write a person who was read, and give them with their new version; raises `PersonChangedError`."""
        ...

    def delete(self, username: str) -> bool:
        """Delete a person; False where there was none."""
        ...
