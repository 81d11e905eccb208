"""`login`: a person's session, renewed from one token to the next until `SESSION_SECONDS` after the log-in.

Groups are read anew each time, and whether the person may still log in: a change takes effect with the next token.
"""

from auth_server import bearer_token, own_tokens, revocation
from auth_server.errors import InvalidTokenError, VendingError
from auth_server.own_tokens import OwnToken
from auth_server.people.people import SUBJECT_PREFIX, PeopleStore, Person, may_have_logged_in
from auth_server.vending.known import Known, identity
from auth_server.vending.services import VendingServices
from auth_server.vending.vending import CLOCK_SKEW_SECONDS
from auth_server.wire import Request

PROVIDER = "login"


def by_token(request: Request, services: VendingServices) -> Known:
    """Know a person by the bearer token of their session; raises `InvalidTokenError`."""
    if services.people is None:
        raise VendingError(reason="there is no table of people")
    own = _session_token(request, services)
    auth_time = _auth_time(own, services)
    person = _person(own, auth_time, services.people)
    return Known(identity(PROVIDER, person.username, auth_time), services.settings.scopes_of(person.groups))


def _session_token(request: Request, services: VendingServices) -> OwnToken:
    """Give the verified token, which is one that was vended at a log-in, here, to the person's own page."""
    vending = services.vending
    own = own_tokens.verify(
        bearer_token.of(request),
        keys=vending.keys,
        issuer=vending.terms.issuer,
        now=vending.now(),
        clock_skew_s=CLOCK_SKEW_SECONDS,
    )
    if own is None or vending.now() >= own.token.exp:
        raise InvalidTokenError(reason="not a token of this server, or expired")
    for holds, reason in _RULES:
        if not holds(own, services):
            raise InvalidTokenError(reason=reason)
    client = vending.clients.get(own.token.client_id)
    if client is None:
        raise VendingError(reason="there is no client that vends: VENDING_CLIENT_ID")
    if (ended := revocation.why_ended(own.token, client, vending)) is not None:
        raise InvalidTokenError(reason=ended)
    return own


def _auth_time(own: OwnToken, services: VendingServices) -> int:
    auth_time = own.claims.get("auth_time")
    if not isinstance(auth_time, int):
        raise InvalidTokenError(reason="it says no time of a log-in")
    if services.vending.now() >= auth_time + services.settings.session_seconds:
        raise InvalidTokenError(reason="the log-in was too long ago")
    if revocation.is_session_ended(services.vending.state, own.token.sub, auth_time, now=services.vending.now()):
        raise InvalidTokenError(reason="the session has ended")
    return auth_time


def _person(own: OwnToken, auth_time: int, people: PeopleStore) -> Person:
    person = people.get(own.token.sub.removeprefix(SUBJECT_PREFIX))
    if person is None or not may_have_logged_in(person, auth_time):
        raise InvalidTokenError(reason="of a person who is disabled or gone")
    return person


# What a token must be to be renewed, or else the reason for the log. An API that got it from its caller, exchanged or
# not, cannot make more of it than it was.
_RULES = (
    (
        lambda own, _: own.token.identity_provider == PROVIDER and own.token.sub.startswith(SUBJECT_PREFIX),
        "not the token of a person who logged in",
    ),
    (lambda own, services: own.token.client_id == services.settings.vending_client_id, "another client's token"),
    (lambda own, _: "act" not in own.claims, "a token that was exchanged"),
    (lambda own, _: "cnf" not in own.claims, "a token bound to a key, without proof of it"),
    (lambda own, services: own.token.aud == (services.settings.vending_audience,), "a token for another audience"),
)
