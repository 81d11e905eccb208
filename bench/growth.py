"""Growth: whether a token costs the same however many clients, scopes and tokens there are."""

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from auth_server.key_ring import SigningKey
from auth_server.signing_keys.key_record import KMS, KeyRecord
from auth_server.signing_keys.timeline import Timeline
from bench import token_request, units
from bench.issue import INFO, issuing, server, unheard
from bench.issue_in_kms import functions
from bench.measure import Effort, Meter, Spread, in_process, ratios
from bench.row import Result
from tests.simulator import ISSUER, NOW, MemoryClientStore, Simulator, client

FEW = 100
CLIENTS = (1, FEW, 10_000)
SCOPES = (1, 10, 100)
KEYS = (1, 2, 10)
COUNTED = 25
ASKING = 1_000  # of the clients, so many ask for tokens, from all over the store
SCOPE_PREFIX = "products:read-"  # as long as a scope is in practice
BAR_WIDTH = 40

Curve = Mapping[str, Spread]


@contextmanager
def _outside_the_garbage_collector() -> Iterator[None]:
    """Keep a store in memory from being walked through with every collection: a table is no part of the server."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _client_id(number: int) -> str:
    return f"client-{number:07}"


def _events(clients: int) -> list[dict[str, Any]]:
    asking = min(clients, ASKING)
    return [token_request.event(_client_id(number * clients // asking)) for number in range(asking)]


def _among(clients: int) -> tuple[MemoryClientStore, Meter]:
    store = MemoryClientStore(*(client(client_id=_client_id(number)) for number in range(clients)))
    return store, in_process(issuing(server(store), *_events(clients)))


def clients_growth(effort: Effort) -> Result:
    """Measure a token among many clients against one among few: its CPU, and its calls."""
    (few_store, few), (many_store, many) = _among(FEW), _among(effort.clients)
    with unheard(), _outside_the_garbage_collector():
        cpu = ratios({"many": many}, few, effort)["many"]
        reads = _reads(many_store, many) / _reads(few_store, few)
    calls, aws_cpu = _on_aws(effort)
    seen = f"CPU {cpu} in memory, {aws_cpu} with boto3; {effort.clients:,} clients against {FEW}"
    return Result({"CPU": cpu.median, "reads": reads, "AWS calls": calls}, seen=seen)


def _reads(store: MemoryClientStore, meter: Meter) -> int:
    before = store.reads
    meter(FEW)
    return store.reads - before


def _on_aws(effort: Effort) -> tuple[float, Spread]:
    """Compare calls and CPU of the function as deployed, whose table the stand-in is."""
    with functions() as both:
        cpu = ratios({"many": both.meter("token", effort.clients)}, both.meter("token", FEW), effort)["many"]
        few, many = (sum(both.calls("token", clients, COUNTED).values()) for clients in (FEW, effort.clients))
    return many / few, cpu


def growth(effort: Effort) -> Result:
    """Measure the curves; the value is the steepest: its dearest token as a multiple of its first point's."""
    shorter = replace(effort, rounds=max(3, effort.rounds // 2))
    with unheard():
        curves = {"clients": _clients(shorter), "scopes": _scopes(shorter), "keys": _keys(shorter)}
        curves["tokens issued"] = _issued(shorter)
    notes = ("growth, signatures a token",)
    lines = tuple(line for name, curve in curves.items() for line in _plot(name, curve))
    return Result(max(map(_steepness, curves.values())), notes=notes + lines)


def _steepness(curve: Curve) -> float:
    costs = [cost.median for cost in curve.values()]
    return max(costs) / costs[0]


def _clients(effort: Effort) -> Curve:
    counts = sorted({*CLIENTS, effort.clients})
    meters = {f"{count:,}": _among(count)[1] for count in counts}
    with _outside_the_garbage_collector():
        return ratios(meters, units.signature_meter(), effort)


def _scopes(effort: Effort) -> Curve:
    return ratios({str(count): _with_scopes(count) for count in SCOPES}, units.signature_meter(), effort)


def _with_scopes(count: int) -> Meter:
    scopes = tuple(f"{SCOPE_PREFIX}{number}" for number in range(count))
    asking = server(MemoryClientStore(client(scopes=scopes)))
    return in_process(issuing(asking, token_request.event(scope=" ".join(scopes))))


class _LaterKeys:
    """Keys that have come one after the other, the last of which signs: with the first one's private half."""

    def __init__(self, count: int) -> None:
        jwk = {"kty": "RSA", "n": "", "e": "AQAB"}
        self._timeline = Timeline(
            KeyRecord(f"kid-{number}", ISSUER, KMS, jwk, "key", None, NOW - 200, NOW - 100 + number, None, 93_600)
            for number in range(count)
        )

    def load(self, first: SigningKey) -> "_LaterKeys":
        self._first = first
        return self

    def active(self, now: float) -> SigningKey | None:
        record = self._timeline.active(now)
        return None if record is None else SigningKey(record.kid, self._first.jwk, self._first.sign)

    def published(self, now: float) -> list[dict[str, str]]:
        return [dict(record.jwk) for record in self._timeline.published(now)]


def _keys(effort: Effort) -> Curve:
    meters = {
        str(count): in_process(issuing(Simulator(environ=INFO, later=_LaterKeys(count - 1)), token_request.event()))
        for count in KEYS
    }
    return ratios(meters, units.signature_meter(), effort)


def _issued(effort: Effort) -> Curve:
    """Measure one server again and again while it issues tokens."""
    meter, curve, done = in_process(issuing(server(), token_request.event())), {}, 0
    for target in (0, effort.tokens // 10, effort.tokens):
        meter(target - done)
        done = target
        curve[f"{target:,}"] = ratios({"token": meter}, units.signature_meter(), effort)["token"]
    return curve


def _plot(name: str, curve: Curve) -> list[str]:
    most = max(cost.median for cost in curve.values())
    return [
        f"  {name:>13} {point:>9}  {'#' * round(BAR_WIDTH * cost.median / most):<{BAR_WIDTH}} {cost}"
        for point, cost in curve.items()
    ]
