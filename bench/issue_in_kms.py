"""Issuing in `kms` mode: the CPU of the function, and the calls to AWS that it makes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from auth_server.signing_keys.key_record import DATA_KEY, KMS
from bench import worker
from bench.measure import Effort, Meter, ratios
from bench.row import Result, measured
from bench.worker import Worker
from tests.simulator import ENVIRON

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_EC2_METADATA_DISABLED": "true"}
REGION = {"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"}
CLIENTS = (1, 1_000, 2_000)  # the last are more than the gate remembers
COUNTED = 200
OPERATIONS = ("GetItem", "Sign", "GetPublicKey", "Scan", "Decrypt", "UpdateItem")
KEYS = {"KEYS_TABLE": "keys", "KEY_ENCRYPTION_KEY_ID": "alias/data-keys"}


@dataclass(frozen=True, slots=True)
class Functions:
    """The functions in a process of theirs, and the stand-in for AWS in another."""

    process: Worker
    aws: Worker

    def meter(self, work: str, clients: int = 100) -> Meter:
        """Meter one kind of work, CPU of the functions' process alone."""
        return lambda times: float(self.process.ask("run", work=work, times=times, clients=clients))

    def meter_with_signatures(self, work: str) -> Meter:
        """Meter one kind of work, with the CPU of the stand-in's own signatures."""
        own = self.meter(work)

        def measure(times: int) -> float:
            before = self.aws.ask("counts")["signature_cpu_s"]
            cpu_s = own(times)
            return cpu_s + float(self.aws.ask("counts")["signature_cpu_s"]) - float(before)

        return measure

    def signature(self, times: int) -> float:
        """Meter the unit in the functions' process."""
        return float(self.process.ask("sign", times=times))

    def calls(self, work: str, clients: int, times: int) -> dict[str, float]:
        """Count the calls of a steady state: what each request takes once every client has been there."""
        self.process.ask("run", work=work, times=min(clients, times), clients=clients)
        before = self.aws.ask("counts")
        self.process.ask("run", work=work, times=times, clients=clients)
        after = self.aws.ask("counts")
        return {name: (after[name] - before[name]) / times for name in OPERATIONS}


@contextmanager
def functions(signer: str = KMS) -> Iterator[Functions]:
    """Start both processes; tokens are signed so."""
    with worker.running("bench.aws_stand_in") as aws:
        endpoint = f"http://127.0.0.1:{aws.ask('port')}"
        environ = {
            **ENVIRON,
            **KEYS,
            "SIGNER": signer,
            **CREDENTIALS,
            **REGION,
            "LOG_LEVEL": "INFO",
            "AWS_ENDPOINT_URL": endpoint,
        }
        with worker.running("bench.lambda_process", environ=environ) as process:
            yield Functions(process, aws)


def issue_kms(effort: Effort) -> Result:
    """Measure the token function as deployed, with the signature that the stand-in makes where KMS would."""
    with functions() as both:
        meters = {name: both.meter_with_signatures(name) for name in ("token", "plain", "gate")}
        costs = ratios(meters, both.signature, effort)
    seen = f"a plain boto3 handler {costs['plain']}"
    notes = (f"issue_kms, beside it on a REST API: the gate before the endpoint {costs['gate']} signatures",)
    return measured(costs["token"], seen=seen, notes=notes)


def aws_calls(effort: Effort) -> Result:  # noqa: ARG001 - a count needs no rounds
    """Count the calls of a token in steady state, those of the gate before the endpoint among them."""
    with functions() as both:
        counted = {clients: _calls_per_token(both, clients) for clients in CLIENTS}
    named = {name_of(clients): calls for clients, calls in counted.items()}
    with functions(DATA_KEY) as both:
        named[DATA_KEY] = _calls_per_token(both, CLIENTS[0])
    notes = tuple(f"aws_calls, {name}: {_list(calls)}" for name, calls in named.items())
    return Result({name: sum(calls.values()) for name, calls in named.items()}, notes=notes)


def _calls_per_token(both: Functions, clients: int) -> dict[str, float]:
    token = both.calls("token", clients, COUNTED)
    gate = both.calls("gate", clients, max(COUNTED, clients))
    return {**{f"token {name}": count for name, count in token.items()}, "gate GetItem": gate["GetItem"]}


def _list(calls: dict[str, float]) -> str:
    return ", ".join(f"{name} {count:g}" for name, count in calls.items())


def name_of(clients: int) -> str:
    """Name the value for so many clients."""
    return f"{clients:,} client{'s' * (clients > 1)}"
