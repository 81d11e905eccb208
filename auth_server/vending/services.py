"""What vending over HTTP may use: everything outside the core, as arguments."""

from dataclasses import dataclass

from auth_server.people.people import PeopleStore
from auth_server.vending.settings import VendingSettings
from auth_server.vending.vending import Vending


@dataclass(frozen=True, slots=True)
class VendingServices:
    """The settings, what vends, and the people who may log in; None where the mode is not `login`."""

    settings: VendingSettings
    vending: Vending
    people: PeopleStore | None = None
