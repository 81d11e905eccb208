"""Cost: what a million tokens cost by AWS's price list, from the calls, the CPU and the log lines that are counted."""

import math
from dataclasses import dataclass

from auth_server.signing_keys.key_record import DATA_KEY
from bench import deployed
from bench.aws_stand_in import CLIENT_PREFIX
from bench.issue_in_kms import Functions, functions
from bench.measure import Effort
from bench.row import Result
from infra.cloudformation import Function
from latchkey import prices
from latchkey.prices import MILLION

CLIENTS = 100
COUNTED = 200
KMS_OPERATIONS = ("Sign", "GetPublicKey", "Decrypt")
DYNAMODB_OPERATIONS = ("GetItem", "Scan")  # of the table of keys, a unit or two, once in five minutes


@dataclass(frozen=True, slots=True)
class Invocation:
    """What one invocation of a function takes: calls by operation, CPU seconds, bytes of log lines."""

    calls: dict[str, float]
    cpu_s: float
    log_bytes: int


def cost(effort: Effort) -> Result:  # noqa: ARG001 - a count needs no rounds
    """Price a million tokens of clients that ask again and again, by an HTTP API and by a REST API.

    A REST API asks the gate before the endpoint first; an HTTP API has no need of one.
    """
    stack = deployed.stack().functions()
    with functions() as both:
        parts, gate = price(_invocation(both, "token"), stack[deployed.TOKEN]), _invocation(both, "gate")
    with functions(DATA_KEY) as both:
        signed_here = price(_invocation(both, "token"), stack[deployed.TOKEN])
    gate_parts = {f"gate {name}": dollars for name, dollars in price(gate, stack[deployed.GATE]).items()}
    value = {
        f"{api}{signer}": MILLION * (request + sum(each.values()))
        for signer, each in (("", parts), (f", {DATA_KEY}", signed_here))
        for api, request in (
            ("HTTP API", prices.HTTP_API_REQUEST.dollars),
            ("REST API", prices.REST_API_REQUEST.dollars + sum(gate_parts.values())),
        )
    }
    waits = ", ".join(f"{name} {1000 * wait:.0f} ms" for name, wait in prices.WAIT_S.items())
    notes = (
        f"cost, USD per million: {_list(parts)}; {_list(gate_parts)}",
        f"cost, USD per million, {DATA_KEY}: {_list(signed_here)}",
        f"cost assumes that AWS answers within: {waits}; access logs and data transfer are not counted",
    )
    return Result(value, notes=notes)


def _invocation(both: Functions, work: str) -> Invocation:
    calls = both.calls(work, CLIENTS, COUNTED)
    cpu_s = both.meter(work, CLIENTS)(COUNTED) / COUNTED
    lines = both.process.ask("log_lines", work=work, client_id=f"{CLIENT_PREFIX}0")
    return Invocation(calls, cpu_s, sum(len(line.encode("utf-8")) + 1 for line in lines))


def price(invocation: Invocation, function: Function) -> dict[str, float]:
    """Give the dollars of one invocation, by what they are for."""
    calls = invocation.calls
    gb_s = _duration_s(invocation, function.memory) * function.memory / 1024
    return {
        "Lambda requests": prices.LAMBDA_REQUEST.dollars,
        "Lambda duration": gb_s * prices.LAMBDA_GB_SECOND[function.architecture].dollars,
        "KMS": sum(calls.get(name, 0) for name in KMS_OPERATIONS) * prices.KMS_REQUEST.dollars,
        "DynamoDB": sum(calls.get(name, 0) for name in DYNAMODB_OPERATIONS) * prices.DYNAMODB_READ_UNIT.dollars,
        "log lines": invocation.log_bytes * prices.LOG_BYTE.dollars,
        "Lambda's own log lines": prices.PLATFORM_LOG_BYTES * prices.LOG_BYTE.dollars,
    }


def _duration_s(invocation: Invocation, memory_mb: int) -> float:
    """Give the time that is billed, in whole milliseconds: CPU on the share that memory buys, and waits for AWS."""
    share = min(1.0, memory_mb / prices.MB_PER_VCPU)
    waits_s = sum(count * prices.WAIT_S[name] for name, count in invocation.calls.items())
    return math.ceil(1000 * (invocation.cpu_s / share + waits_s)) / 1000


def _list(parts: dict[str, float]) -> str:
    return ", ".join(f"{name} {MILLION * dollars:.2f}" for name, dollars in parts.items())
