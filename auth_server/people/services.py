"""What the endpoints for people may use: everything outside the core, as arguments."""

from dataclasses import dataclass

from auth_server.people.password_hash import PasswordHasher
from auth_server.people.people import PeopleRegistry
from auth_server.people.settings import PeopleSettings
from auth_server.people.throttle import Throttle
from auth_server.vending import Vending


@dataclass(frozen=True, slots=True)
class PeopleServices:
    """The settings, the people, how passwords are kept and tries are counted, and what vends tokens.

    The keys, the state and the clock are those of `vending`.
    """

    settings: PeopleSettings
    people: PeopleRegistry
    hasher: PasswordHasher
    throttle: Throttle
    vending: Vending
