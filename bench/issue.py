"""Issuing: what a token costs, in RSA-2048 signatures."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import jwt

from auth_server import access_token
from auth_server.access_token import Grant
from bench import token_request, units
from bench.measure import Effort, Work, in_process, ratios
from bench.row import Result, measured
from tests.simulator import AUDIENCE, ENVIRON, ISSUER, NOW, PRIVATE_KEY, LocalKeySource, MemoryClientStore, Simulator

INFO = {**ENVIRON, "LOG_LEVEL": "INFO"}  # as deployed
GRANT = Grant(client_id="demo", scopes=("products:read",), audience=(AUDIENCE,), lifetime=3600)


class UnansweredError(Exception):
    """What was measured did not do what it is measured for."""


@contextmanager
def unheard() -> Iterator[None]:
    """Write log lines to the null device, line by line: a Lambda's standard output is no memory either."""
    with Path(os.devnull).open("w", buffering=1, encoding="utf-8") as null, redirect_stdout(null):
        yield


def issuing(server: Simulator, *events: dict[str, Any]) -> Work:
    """Give the work of one token, from event to answer; its events take turns."""
    turn = 0

    def issue() -> None:
        nonlocal turn
        require_token(server.send(events[turn % len(events)]))
        turn += 1

    return issue


def require_token(answer: dict[str, Any]) -> None:
    """Raise `UnansweredError` where an answer is none with a token."""
    if answer["statusCode"] != 200:  # noqa: PLR2004 - OK, RFC 9110 15.3.1
        raise UnansweredError(f"status {answer['statusCode']} where a token was asked for")


def server(store: MemoryClientStore | None = None) -> Simulator:
    """Give the server with its store in memory and its key in this process."""
    return Simulator(environ=INFO) if store is None else Simulator(clients=store, environ=INFO)


def issue_in_process(effort: Effort) -> Result:
    """Measure the handler's whole way, from a REST API's event to its answer."""
    things = {"whole": issuing(server(), token_request.event()), "text": _text_and_signature(), "pyjwt": _pyjwt()}
    with unheard():
        costs = ratios({name: in_process(work) for name, work in things.items()}, units.signature_meter(), effort)
    seen = f"text and signature alone {costs['text']}, PyJWT encode alone {costs['pyjwt']}"
    return measured(costs["whole"], seen=seen)


def _text_and_signature() -> Work:
    key = LocalKeySource().load()
    return lambda: access_token.mint(GRANT, issuer=ISSUER, key=key, now=NOW)


def _pyjwt() -> Work:
    key = LocalKeySource().load()
    claims = access_token.mint(GRANT, issuer=ISSUER, key=key, now=NOW).claims
    headers = {"typ": "at+jwt", "kid": key.kid}
    return lambda: jwt.encode(dict(claims), PRIVATE_KEY, algorithm="RS256", headers=headers)
