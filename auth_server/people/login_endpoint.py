"""Logging in.

POST /login HTTP/1.1
Content-Type: application/json

{"username": "alice", "password": "seven herons on the jetty"}

HTTP/1.1 200 OK
Content-Type: application/json
Cache-Control: no-store

{"token": "eyJ...", "exp": 1790003600, "token_type": "Bearer", "scope": "products:read messages:write",
 "username": "alice", "groups": ["members"]}

An unknown name, a wrong password and somebody who is disabled are refused with the same text after the same work: as
many calls of the stores, and one computation of Argon2id with the parameters of new hashes.
"""

from contextlib import suppress
from dataclasses import replace
from typing import Final

from auth_server import revocation, scope
from auth_server.audit import Decision
from auth_server.errors import InvalidCredentialsError, TooManyAttemptsError
from auth_server.people import credentials, usernames
from auth_server.people.people import Person, PersonChangedError
from auth_server.people.services import PeopleServices
from auth_server.vending import Identity
from auth_server.wire import Request, Response

MAX_SECONDS_AHEAD: Final = 3


def respond(request: Request, services: PeopleServices, decision: Decision) -> Response:
    """Begin a session with a token of its own; raises an `OAuthError` or `DependencyError`."""
    sent = credentials.parse(request)
    username = usernames.normalise(sent.username) or usernames.NOBODY
    attempt = services.throttle.log_in(username, request.source_ip)  # before the hash, which is what costs
    person = _proven(username, sent.password, services, decision)
    attempt.succeeded()
    _renew_hash(person, sent.password, services)
    return _session(person, services, decision)


def _proven(username: str, password: str, services: PeopleServices, decision: Decision) -> Person:
    """Give the person whose password it is; raises `InvalidCredentialsError`."""
    person = services.people.get(username)
    decision.subject = person.subject if person else None
    is_right = services.hasher.verify(password, person.password_hash if person else None)
    if person is None:
        raise InvalidCredentialsError(reason="no such person")
    if not is_right:
        raise InvalidCredentialsError(reason="wrong password")
    if not person.enabled:
        raise InvalidCredentialsError(reason="the person is disabled")
    return person


def _renew_hash(person: Person, password: str, services: PeopleServices) -> None:
    """Hash the password anew where the parameters have changed: only now is it known."""
    if services.hasher.is_current(person.password_hash):
        return
    renewed = replace(person, password_hash=services.hasher.hash(password))
    with suppress(PersonChangedError):  # the next log-in will do it
        services.people.update(renewed, now=services.vending.now())


def _session(person: Person, services: PeopleServices, decision: Decision) -> Response:
    auth_time = _auth_time(person, services)
    scopes = services.settings.scopes_of(person.groups)
    vended = services.vending.vend(Identity("login", person.username, auth_time), scopes, fresh=True)
    decision.outcome, decision.jti, decision.kid = "issued", vended.jti, vended.kid
    decision.scope = scope.render(vended.scope)
    session = {"token": vended.token, "exp": vended.exp, "token_type": "Bearer", "scope": scope.render(vended.scope)}
    return Response(200, {**session, "username": person.username, "groups": list(person.groups)})


def _auth_time(person: Person, services: PeopleServices) -> int:
    """Give the time of the log-in, by which its session is told from those that the person has ended.

    Who logs in, out and in again within a second begins another session, a second ahead.
    """
    vending = services.vending
    # Where this clock is behind the one at the sign-up, the log-in is still one of this holder of the name.
    first = max(vending.now(), person.created_at)
    for auth_time in range(first, first + MAX_SECONDS_AHEAD + 1):
        if not revocation.is_session_ended(vending.state, person.subject, auth_time, now=vending.now()):
            return auth_time
    raise TooManyAttemptsError(1, reason="too many log-outs within a second")
