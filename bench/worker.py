"""A process of its own for one part of a measurement: a line of JSON in, a line of JSON out.

It ends when its standard input does, so nothing is left behind by a parent that was killed.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parent.parent
# What a process needs of the machine; nothing else of the caller's environment reaches it.
BASE_ENVIRONMENT = ("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH")
STOP_SECONDS = 10


class WorkerError(Exception):
    """The process failed or ended early; its traceback is on standard error."""


class Worker:
    """The parent's end."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        """`process` has pipes at both ends."""
        self._process = process

    def ask(self, command: str, **arguments: Any) -> Any:
        """Have a command run and give its answer; raises `WorkerError`."""
        requests, answers = self._process.stdin, self._process.stdout
        if requests is None or answers is None:
            raise WorkerError("the process has no pipes")
        try:
            requests.write(json.dumps([command, arguments]) + "\n")
            requests.flush()
        except BrokenPipeError:
            raise WorkerError(f"{command}: the process has ended") from None
        line = answers.readline()
        if not line:
            raise WorkerError(f"{command}: the process has ended")
        return json.loads(line)


@contextmanager
def running(module: str, *arguments: str, environ: Mapping[str, str] | None = None) -> Iterator[Worker]:
    """Run a module of this repository that calls `serve`; `environ` is laid over the few variables of the machine."""
    with running_command([sys.executable, "-m", module, *arguments], environ) as process:
        yield process


@contextmanager
def running_command(command: list[str], environ: Mapping[str, str] | None = None) -> Iterator[Worker]:
    """Run a program that answers as `serve` does."""
    process = subprocess.Popen(  # noqa: S603 - a program of ours
        command,
        cwd=ROOT,
        env={**base_environment(), **(environ or {})},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Worker(process)
    finally:
        _stop(process)


def base_environment() -> dict[str, str]:
    """Give the variables that every process gets."""
    return {name: os.environ[name] for name in BASE_ENVIRONMENT if name in os.environ}


def _stop(process: "subprocess.Popen[str]") -> None:
    try:
        process.communicate(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()


def serve(commands: Mapping[str, Callable[..., Any]], answers: IO[str]) -> None:
    """Answer commands, the child's end, until standard input ends."""
    for line in sys.stdin:
        command, arguments = json.loads(line)
        answers.write(json.dumps(commands[command](**arguments)) + "\n")
        answers.flush()


def take_stdout() -> IO[str]:
    """Give this process's standard output for answers, and let whatever else is printed go to the null device."""
    null = Path(os.devnull).open("w", buffering=1, encoding="utf-8")  # noqa: SIM115 - for as long as the process lives
    answers, sys.stdout = sys.stdout, null
    return answers
