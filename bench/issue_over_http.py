"""Issuing over HTTP: what a token costs the process that serves it, through the local gateway."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from bench import deployed, gateway_process, load, worker
from bench.issue import UnansweredError
from bench.measure import Effort, Meter, Spread, ratios
from bench.row import Result, measured
from bench.worker import Worker
from infra.local.gateway import DocumentError
from tests.simulator import SECRET

PATH_BELOW_STAGE = "/oauth/token"
LONGER_TURNS = 5  # 16 connections need some hundred requests to be busy all the time
LEAST_ROUNDS = 3
SIGNATURES = 50
THE_GATEWAY = "the gateway"


def issue_http(effort: Effort) -> Result:
    """Measure the server process, by its own CPU clock, while another process keeps 16 connections busy.

    The document that is served is the deployed one, and so the gate before the endpoint is asked as well.
    """
    longer = replace(effort, rounds=max(LEAST_ROUNDS, effort.rounds * 2 // 3), turn_s=effort.turn_s * LONGER_TURNS)
    refusal = _refusal()
    with ExitStack() as processes:
        generator = processes.enter_context(worker.running("bench.load"))
        ungated = processes.enter_context(worker.running("bench.gateway_process", gateway_process.UNGATED))
        servers = {"without the gate": ungated, **processes.enter_context(_bare_node())}
        if not refusal:
            servers = {THE_GATEWAY: processes.enter_context(worker.running("bench.gateway_process")), **servers}
        meters = {name: _tokens(server, generator) for name, server in servers.items()}
        costs = ratios(meters, _signatures(ungated), longer)
        signature_s = _signatures(ungated)(SIGNATURES) / SIGNATURES
    seen, notes = _seen(costs), _rates(costs, signature_s)
    return Result(None, seen=seen, notes=notes, reason=refusal) if refusal else _measured(costs, seen, notes)


def _measured(costs: dict[str, Spread], seen: str, notes: tuple[str, ...]) -> Result:
    return measured(costs[THE_GATEWAY], seen=seen, notes=notes)


def _refusal() -> str:
    """Say why the local gateway does not serve the deployed document; nothing where it does."""
    try:
        gateway_process.gateway(deployed.stack(), gated=True)
    except DocumentError as error:
        return f"the local gateway does not serve the deployed document: {error}"
    return ""


def _signatures(server: Worker) -> Meter:
    return lambda times: float(server.ask("sign", times=times))


@contextmanager
def _bare_node() -> Iterator[dict[str, Worker]]:
    """Run the reference, where there is Node."""
    node = shutil.which("node")
    if node is None:
        yield {}
        return
    with worker.running_command([node, str(worker.ROOT / "bench" / "bare_node.mjs"), "demo", SECRET]) as reference:
        yield {"bare node": reference}


def _tokens(server: Worker, generator: Worker) -> Meter:
    port = server.ask("port")

    def measure(times: int) -> float:
        begun = server.ask("cpu")
        answers = generator.ask("run", port=port, path=PATH_BELOW_STAGE, requests=times)
        if answers["ok"] != times:
            raise UnansweredError(f"{answers['ok']} tokens where {times} were asked for")
        return float(server.ask("cpu")) - float(begun)

    return measure


def _seen(costs: dict[str, Spread]) -> str:
    return ", ".join(f"{name} {cost}" for name, cost in costs.items() if name != THE_GATEWAY)


def _rates(costs: dict[str, Spread], signature_s: float) -> tuple[str, ...]:
    rates = ", ".join(f"{name} {1 / (cost.median * signature_s):.0f}" for name, cost in costs.items())
    return (f"issue_http, tokens a second per core: {rates} ({load.CONNECTIONS} connections)",)
