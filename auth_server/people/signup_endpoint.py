"""Signing up.

POST /signup HTTP/1.1
Content-Type: application/json

{"username": "alice", "password": "seven herons on the jetty"}

HTTP/1.1 201 Created
Content-Type: application/json
Cache-Control: no-store

{"username": "alice"}

A name that is taken is 409 `username_taken`: nobody could choose another without being told. Which names there are can
be learned in this way, at the pace of the throttle.
"""

from typing import Final
from urllib.parse import urlsplit

from auth_server.audit import Decision
from auth_server.errors import AccessDeniedError, InvalidRequestError, UsernameTakenError
from auth_server.people import credentials, passwords, usernames
from auth_server.people.people import Person, PersonExistsError
from auth_server.people.services import PeopleServices
from auth_server.wire import Request, Response

_SERVICE: Final = "latchkey"


def respond(request: Request, services: PeopleServices, decision: Decision) -> Response:
    """Make a person of the default groups, whatever the body says; raises an `OAuthError` or `DependencyError`."""
    if services.settings.signup != "on":
        raise AccessDeniedError("Nobody can sign up here.")
    sent = credentials.parse(request)
    username = _username(sent.username)
    _check_password(sent.password, username, services.settings.issuer)
    services.throttle.sign_up(request.source_ip)  # before the hash, which is what costs
    now = services.vending.now()
    password_hash = services.hasher.hash(sent.password)
    person = Person(username, password_hash, services.settings.default_groups, created_at=now, updated_at=now)
    try:
        services.people.create(person)  # one conditional write: of many who want a name, one gets it
    except PersonExistsError:
        raise UsernameTakenError("That username is taken: choose another.") from None
    decision.outcome, decision.subject = "registered", person.subject
    return Response(201, {"username": person.username})


def _username(text: str) -> str:
    username = usernames.normalise(text)
    if username is None:
        raise InvalidRequestError(usernames.RULE)
    return username


def _check_password(password: str, username: str, issuer: str) -> None:
    rule = passwords.why_not(password, (username, _SERVICE, *(urlsplit(issuer).hostname or "").split(".")))
    if rule is not None:
        raise InvalidRequestError(rule)
