"""The routes for people: a function of their own, the one that knows passwords."""

from typing import Final

from auth_server.app import Routes
from auth_server.people import login_endpoint, logout_endpoint, signup_endpoint
from auth_server.people.services import PeopleServices

ROUTES: Final[Routes[PeopleServices]] = {
    "/signup": ("signup", {"POST": signup_endpoint.respond}),
    "/login": ("login", {"POST": login_endpoint.respond}),
    "/logout": ("logout", {"POST": logout_endpoint.respond}),
}
