"""Verifying: what a token costs the authorizer, in RSA-2048 verifications."""

import json
import time
from collections.abc import Callable
from itertools import cycle
from typing import TYPE_CHECKING, Any, NoReturn

import jwt

from auth_server import access_token
from auth_server.access_token import Grant
from authorizer.access_token import Expectation
from authorizer.document_cache import CacheTimes
from authorizer.document_fetch import Fetched
from authorizer.errors import DocumentError
from authorizer.feed_reader import FeedReader
from authorizer.issuers import Issuer, Issuers
from authorizer.jwks import KeySet, parse_jwks
from authorizer.revocations import PolledFeed
from authorizer.token_verifier import MAX_REMEMBERED, TokenVerifier
from bench import units
from bench.issue import unheard
from bench.measure import Effort, Work, in_process, ratios
from bench.row import Result, measured
from infra.local.lambda_runtime import LambdaContext, load_function
from infra.route_map import compile_routes
from tests.simulator import AUDIENCE, ISSUER, PRIVATE_KEY, LocalKeySource, Simulator, event

if TYPE_CHECKING:
    from jwt.types import Options

METHOD_ARN = "arn:aws:execute-api:us-east-1:123456789012:abc123/prod/GET/products"
GRANT = Grant(client_id="demo", scopes=("products:read",), audience=(AUDIENCE,), lifetime=3600)
REQUIRED = ["exp", "iat", "iss", "aud", "sub", "client_id", "jti"]
# Resources of the usual layout, each with this many children: 5 routes in all, and 500.
FEW_ROUTES, MANY_ROUTES = (1, 0), (10, 9)


def tokens(count: int) -> list[str]:
    """Issue tokens that differ in their `jti`."""
    key, now = LocalKeySource().load(), int(time.time())
    return [access_token.mint(GRANT, issuer=ISSUER, key=key, now=now).value for _ in range(count)]


def more_than_remembered() -> list[str]:
    """Issue so many tokens that each is forgotten before its turn comes again."""
    return tokens(MAX_REMEMBERED + 100)


def verify_new(effort: Effort) -> Result:
    """Measure the verification of a token that was not seen before."""
    return _verify(more_than_remembered(), effort, with_pyjwt=True)


def verify_repeat(effort: Effort) -> Result:
    """Measure the verification of the token that was verified just now."""
    return _verify(tokens(1), effort, with_pyjwt=False)


def routes_growth(effort: Effort) -> Result:
    """Measure the whole handler for tokens that were not seen before: one scope of few routes, and one of many."""
    texts = more_than_remembered()
    few, many = (_taking_turns(_handler(ROUTES=route_map(*routes)), texts) for routes in (FEW_ROUTES, MANY_ROUTES))
    with unheard():
        costs = ratios({"many": in_process(many)}, in_process(few), effort)
    return measured(costs["many"], seen="the result too, as Lambda gets it, but not written as JSON")


def route_map(resources: int, children: int) -> str:
    """Compile the map of an API of resources, each with scopes to read and to write, the first of them products."""
    schemes = {"oauth": {"type": "oauth2", "flows": {}}}
    paths: dict[str, Any] = {}
    for name in ("products", *(f"resource{number:02}" for number in range(1, resources))):
        read, write = ({"security": [{"oauth": [f"{name}:{verb}"]}]} for verb in ("read", "write"))
        paths[f"/{name}"] = {"get": read, "post": write}
        paths[f"/{name}/{{id}}"] = {"get": read, "put": write, "delete": write}
        for child in range(children):
            paths[f"/{name}/{{id}}/child{child}"] = {"get": read, "post": write}
            paths[f"/{name}/{{id}}/child{child}/{{child}}"] = {"get": read, "patch": write, "delete": write}
    return compile_routes({"openapi": "3.0.1", "paths": paths, "components": {"securitySchemes": schemes}}).json


def _verify(texts: list[str], effort: Effort, *, with_pyjwt: bool) -> Result:
    things = {"verifier": _taking_turns(_verifier(), texts), "handler": _taking_turns(_handler(), texts)}
    if with_pyjwt:
        things["pyjwt"] = _taking_turns(_pyjwt(), texts)
    with unheard():
        costs = ratios(
            {name: in_process(work) for name, work in things.items()}, in_process(units.verification()), effort
        )
    handler = f"the whole handler, with policy and log line {costs['handler']}"
    return measured(costs["verifier"], seen=f"PyJWT, all claims {costs['pyjwt']}; {handler}" if with_pyjwt else handler)


def _taking_turns(verify: Callable[[str], object], texts: list[str]) -> Work:
    turns = cycle(texts)
    return lambda: verify(next(turns))


def jwks() -> str:
    """Give the JWK Set of the key that signs."""
    return json.dumps({"keys": [LocalKeySource().load().jwk]})


def _verifier() -> Callable[[str], object]:
    keys: KeySet = parse_jwks(jwks().encode("utf-8"))
    expected = Expectation(ISSUER, frozenset({AUDIENCE}), 60)
    reader = FeedReader(_feed, keys, expected, time.time)
    times = CacheTimes(cache_s=30, cooldown_s=10, max_stale_s=300)
    feed = PolledFeed(reader, times, clock=time.time, on_failure=_unlooked_for)
    return TokenVerifier(Issuers(Issuer(expected, keys, feed)), time.time).verify


def _feed(_: str | None) -> Fetched:
    """Give the feed of revocations, which the bench asks no network for."""
    return Fetched(Simulator(now=time.time()).send(event("GET", "/oauth/revocations"))["body"].encode("utf-8"), None)


def _unlooked_for(error: DocumentError) -> NoReturn:
    raise error


def _handler(**settings: str) -> Callable[[str], object]:
    environ = {"ISSUER": ISSUER, "AUDIENCE": AUDIENCE, "JWKS": jwks(), "REVOCATIONS_URI": "off", **settings}
    handle = load_function("authorizer.handler", environ)
    context = LambdaContext("request-1", "arn:aws:lambda:us-east-1:123456789012:function:authorizer", 0.0)

    def decide(text: str) -> object:
        return handle({"type": "TOKEN", "authorizationToken": f"Bearer {text}", "methodArn": METHOD_ARN}, context)

    return decide


def _pyjwt() -> Callable[[str], object]:
    key = PRIVATE_KEY.public_key()
    options: Options = {"require": REQUIRED}
    return lambda text: jwt.decode(text, key, algorithms=["RS256"], audience=AUDIENCE, issuer=ISSUER, options=options)
