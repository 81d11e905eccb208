"""Vending: a short-lived, narrow token for somebody who is no client, in the name of a client that cannot authenticate.

That client's record is the ceiling of all that is vended in its name, and its end is the end of it all. The same
identity gets the same token until shortly before it expires: a page that is loaded again costs no signature.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

from auth_server import access_token, own_tokens, revocation
from auth_server.access_token import MAX_LIFETIME_SECONDS, Grant, own_claims
from auth_server.clients import NO_AUTHENTICATION, Client, ClientStore
from auth_server.errors import AccessDeniedError, DependencyError, InvalidScopeError, InvalidTokenError, VendingError
from auth_server.key_ring import KeyRing
from auth_server.own_tokens import OwnToken
from auth_server.state import StateStore
from auth_server.vending.identity import Identity
from auth_server.vending.token_cache import Kept, Recent, TokenCache, item_id

CLOCK_SKEW_SECONDS: Final = 5  # between two Lambdas: a token is good from the moment that it was issued
TRIES: Final = 3
_LOCKS: Final = 64


@dataclass(frozen=True, slots=True)
class Terms:
    """How a deployment vends: for whom, in whose name, for which API. Times are in seconds.

    A token is vended anew when it has less than `renew_seconds`, or half of its life, left.
    """

    issuer: str
    client_id: str
    audience: str
    lifetime_seconds: int
    renew_seconds: int


@dataclass(frozen=True, slots=True)
class Vended:
    """A token and what whoever gets it is told: `exp` is in Unix seconds, `scope` what it is good for.

    `jti` and `kid` are for the log, and so is `is_new`: whether it was signed just now.
    """

    token: str = field(repr=False)
    exp: int
    scope: tuple[str, ...]
    jti: str = ""
    kid: str = ""
    is_new: bool = False


class Vending:
    """Vends tokens, for any number of threads."""

    def __init__(  # noqa: PLR0913 - all that it needs, by name
        self,
        terms: Terms,
        *,
        clients: ClientStore,
        state: StateStore,
        keys: KeyRing,
        cache: TokenCache,
        clock: Callable[[], float],
    ) -> None:
        """`clock` gives the Unix time in seconds."""
        self.terms, self.clients, self.state, self.keys = terms, clients, state, keys
        self._cache, self._clock, self._recent = cache, clock, Recent()
        # One signature for one identity, also where several of its requests are served by one process at once.
        self._locks = tuple(Lock() for _ in range(_LOCKS))

    def now(self) -> int:
        """Give the Unix time in whole seconds."""
        return int(self._clock())

    def vend(
        self, identity: Identity, scopes: Iterable[str], lifetime: int | None = None, *, fresh: bool = False
    ) -> Vended:
        """Give a token for this identity with these scopes, for `lifetime` seconds at most: the one it has, or another.

        `fresh` is for a log-in, which begins a session with a token of its own. Raises

        - `AccessDeniedError` without any scope, or where the client is disabled;
        - `InvalidTokenError` where the identity's log-in was ended by a log-out;
        - `VendingError` for what only an operator can mend: no such client, or less in its record than this;
        - `DependencyError` where DynamoDB or KMS does not answer. Nothing is vended then.
        """
        client = self._client()
        grant = self._grant(client, identity, tuple(dict.fromkeys(scopes)), lifetime)
        name = self._item_id(identity, grant)
        with self._locks[hash(name) % _LOCKS]:
            return self._fresh(name, grant) if fresh else self._kept_or_new(name, grant, client)

    def _client(self) -> Client:
        client = self.clients.get(self.terms.client_id)
        if client is None:
            raise VendingError(reason="there is no client that vends: VENDING_CLIENT_ID")
        if not client.enabled:
            raise AccessDeniedError("No tokens are vended here now.", reason="the client that vends is disabled")
        for holds, reason in _CLIENT_RULES:
            if not holds(client):
                raise VendingError(reason=reason)
        return client

    def _grant(self, client: Client, identity: Identity, scopes: tuple[str, ...], lifetime: int | None) -> Grant:
        """Decide what is vended: nothing beyond the client's record."""
        if not scopes:
            raise AccessDeniedError("There is nothing that you may do here.", reason="no scope for this identity")
        if not set(scopes) <= set(client.scopes):
            raise VendingError(reason="a scope that the client that vends does not have")
        if self.terms.audience not in client.audiences:
            raise VendingError(reason="an audience that the client that vends does not have")
        asked = self.terms.lifetime_seconds if lifetime is None else lifetime
        if asked < 1:
            raise VendingError(reason="a lifetime of less than a second")
        return Grant(
            client_id=client.client_id,
            scopes=scopes,
            audience=(self.terms.audience,),
            lifetime=min(asked, client.token_lifetime or MAX_LIFETIME_SECONDS, MAX_LIFETIME_SECONDS),
            claims=own_claims(client),
            usage_identifier_key=client.usage_identifier_key,
            identity_provider=identity.provider,
            sub=identity.sub,
            auth_time=identity.auth_time,
        )

    def _item_id(self, identity: Identity, grant: Grant) -> str:
        # All that the token depends on, `auth_time` included: a session's token ends with that session alone.
        who = (identity.provider, identity.subject, identity.auth_time)
        return item_id((self.terms.issuer, *who, sorted(grant.scopes), grant.audience, grant.client_id, grant.lifetime))

    def _kept_or_new(self, name: str, grant: Grant, client: Client) -> Vended:
        """Give the token that is kept; else a new one. Of many at once, all get the one that was kept first."""
        recent = self._good(self._recent.get(name), grant, client)
        if recent is not None:
            return _vended(recent)
        for _ in range(TRIES):
            kept = self._cache.find(name)
            good = self._good(kept.token, grant, client)
            if good is not None:
                self._recent.put(name, good.text)
                return _vended(good)
            new = self._new(grant)
            if self._keep(name, new, instead_of=kept):
                return new
        raise DependencyError("the cache of vended tokens changes faster than it can be read")

    def _fresh(self, name: str, grant: Grant) -> Vended:
        new = self._new(grant)
        self._keep(name, new, instead_of=None)
        return new

    def _new(self, grant: Grant) -> Vended:
        key = self.keys.active()
        try:
            token = access_token.mint(grant, issuer=self.terms.issuer, key=key, now=self.now())
        except InvalidScopeError:
            raise VendingError(reason="the token would be too long to be signed") from None
        claims = token.claims
        return Vended(token.value, claims["exp"], grant.scopes, jti=claims["jti"], kid=key.kid, is_new=True)

    def _keep(self, name: str, new: Vended, *, instead_of: Kept | None) -> bool:
        if not self._cache.keep(name, new.token, expires_at=new.exp, instead_of=instead_of):
            return False
        self._recent.put(name, new.token)
        return True

    def _good(self, text: str | None, grant: Grant, client: Client) -> "_Good | None":
        """Give a kept token where it is still to be handed out; raises `InvalidTokenError` where it was logged out."""
        own = self._verified(text)
        if text is None or own is None:
            return None
        ended = revocation.why_ended(own.token, client, self)
        if ended is not None and grant.auth_time is not None:
            # A log-out revokes the session's token: whoever has an earlier one must not get a later one for it.
            raise InvalidTokenError(reason=f"the session has ended: {ended}")
        return _Good(text, own) if ended is None and self._has_time_left(own, grant) else None

    def _verified(self, text: str | None) -> OwnToken | None:
        """Verify a kept token as an API would; None where the key set no longer has its key, or it is none at all."""
        if text is None:
            return None
        return own_tokens.verify(
            text, keys=self.keys, issuer=self.terms.issuer, now=self.now(), clock_skew_s=CLOCK_SKEW_SECONDS
        )

    def _has_time_left(self, own: OwnToken, grant: Grant) -> bool:
        # Half a life at most: the token before this one has expired before this one is replaced.
        margin = min(self.terms.renew_seconds, grant.lifetime // 2)
        return own.token.exp - self.now() > margin


@dataclass(frozen=True, slots=True)
class _Good:
    """A kept token that is to be handed out."""

    text: str = field(repr=False)
    own: OwnToken = field(repr=False)


def _vended(good: _Good) -> Vended:
    token = good.own.token
    return Vended(good.text, int(token.exp), tuple(token.scope.split()), jti=token.jti, kid=token.kid)


# What the record of a client that vends must say, or else the reason for the log.
_CLIENT_RULES: Final[tuple[tuple[Callable[[Client], bool], str], ...]] = (
    (
        lambda client: client.auth_methods == (NO_AUTHENTICATION,),
        f"the client that vends can authenticate: its method must be {NO_AUTHENTICATION}, and no other",
    ),
    (
        lambda client: not (client.dpop_bound_access_tokens or client.tls_client_certificate_bound_access_tokens),
        "the client that vends gets bound tokens alone, and what is vended is bound to nothing",
    ),
)
