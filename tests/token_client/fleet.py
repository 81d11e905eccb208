"""Processes that ask for a token at the same moment, each with a client of its own, cold.

    python -m tests.token_client.fleet '{"processes": 20, "client": {...}, "table": "t", "endpoint_url": "..."}'

prints `{"pids": [...]}` once all of them stand at the barrier, waits for a line, lets them go, and prints for each
`{"pid", "token", "token_type", "lasts_s"}` or `{"pid", "error"}`. `key`, a client's id and its private key as PEM,
stands for a secret. They are forks of one process that has imported everything and made nothing: on two cores, twenty
interpreters that import boto3 would arrive one after the other, which is no stampede.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3.session  # noqa: F401 - imported before the fork, as above
import botocore.httpsession  # noqa: F401 - as above

from token_client import DynamoDBTokenStore, TokenClient
from token_client.credentials.private_key_jwt import PrivateKeyJWT
from token_client.errors import TokenClientError


def ask(told: Mapping[str, Any]) -> dict[str, Any]:
    """Make a client and ask it."""
    store = DynamoDBTokenStore(told["table"], endpoint_url=told["endpoint_url"]) if "table" in told else None
    key: dict[str, Any] = {"credentials": PrivateKeyJWT(*told["key"])} if "key" in told else {}
    with TokenClient(**told["client"], **key, store=store) as client:
        try:
            token = client.access_token()
            lasts_s = token.expires_at / 1000 - time.time()
            return {"pid": os.getpid(), "token": token.value, "token_type": token.token_type, "lasts_s": lasts_s}
        except TokenClientError as error:
            return {"pid": os.getpid(), "error": f"{type(error).__name__}: {error}"}


def _say(document: Mapping[str, Any]) -> None:
    os.write(1, json.dumps(document).encode() + b"\n")  # one write of under PIPE_BUF: lines of processes do not mix


def main(told: Mapping[str, Any]) -> None:
    """Fork, wait, let go."""
    barrier, gate = os.pipe()
    pids = []
    for _ in range(told["processes"]):
        if (pid := os.fork()) == 0:
            os.close(gate)
            os.read(barrier, 1)  # ends when the gate is closed
            _say(ask(told))
            os._exit(0)
        pids.append(pid)
    _say({"pids": pids})
    sys.stdin.readline()
    os.close(gate)
    for pid in pids:
        os.waitpid(pid, 0)


@dataclass(frozen=True)
class Fleet:
    """Processes at the barrier."""

    pids: list[int]
    process: "subprocess.Popen[str]"

    def go(self) -> None:
        """Let them go."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def said(self) -> list[dict[str, Any]]:
        """Give what each that lived has got, once all have ended."""
        assert self.process.stdout is not None
        return [json.loads(line) for line in self.process.stdout]


@contextmanager
def ready(processes: int, client: Mapping[str, Any], *, ahead: int = 0, **told: Any) -> Iterator[Fleet]:
    """Have processes stand at the barrier, their clocks `ahead` by these seconds."""
    document = json.dumps({"processes": processes, "client": client, **told})
    command = [sys.executable, "-m", "tests.token_client.ahead", str(ahead), "tests.token_client.fleet", document]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, start_new_session=True, **pipes) as process:  # noqa: S603 - our own arguments
        assert process.stdout is not None
        try:
            yield Fleet(json.loads(process.stdout.readline())["pids"], process)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)  # those that it forked, too, be they stopped


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
