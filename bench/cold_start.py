"""Cold starts: the CPU that a built artifact takes under Lambda's own runtime client until it asks for its first event.

What it is held against is the same packages, as an installer leaves them, with a handler that imports them alone.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median

from bench import deployed
from bench.artifacts import WORKPLACE, built
from bench.issue_in_kms import CREDENTIALS, REGION
from bench.measure import Effort, Spread
from bench.row import Result, measured
from bench.worker import ROOT, base_environment
from infra.build import BuildError
from infra.cloudformation import Function

RUNTIME_CLIENT = ROOT / "tests" / "artifact" / "requirements.txt"  # the one that the artifacts are tested with
NEXT = b"GET /2018-06-01/runtime/invocation/next "
START_SECONDS = 60
REFERENCE_HANDLER = "reference.lambda_handler"
REFERENCES: Mapping[str, tuple[str, str]] = {  # the package whose lock file it shares, and what it imports
    deployed.AUTHORIZER: (
        "authorizer",
        "from jwt.algorithms import RSAAlgorithm\n\nRS256 = RSAAlgorithm(RSAAlgorithm.SHA256)\n",
    ),
    deployed.TOKEN: ("auth_server", "import boto3\n\nDYNAMODB, KMS = boto3.client('dynamodb'), boto3.client('kms')\n"),
}
HANDLER = "\n\ndef lambda_handler(event, context):\n    return {}\n"


class ColdStartError(Exception):
    """The function did not come as far as its first event."""


@dataclass(frozen=True, slots=True)
class Start:
    """One cold start: CPU and elapsed seconds."""

    cpu_s: float
    elapsed_s: float


def cold_authorizer(effort: Effort) -> Result:
    """Measure the authorizer."""
    return _cold(deployed.AUTHORIZER, effort)


def cold_token(effort: Effort) -> Result:
    """Measure the token function."""
    return _cold(deployed.TOKEN, effort)


def _cold(logical_id: str, effort: Effort) -> Result:
    try:
        artifact, plain, python = built(logical_id), reference(logical_id), runtime_python()
    except BuildError as error:
        return Result(None, reason=str(error))
    return compare(artifact, plain, deployed.stack().functions()[logical_id], python, effort)


def compare(artifact: Path, plain: Path, function: Function, python: Path, effort: Effort) -> Result:
    """Start the artifact and its reference in turns; the first turn, which fills the file cache, does not count."""
    settings = function.environment
    turns = [
        (start(artifact, function.handler, settings, python), start(plain, REFERENCE_HANDLER, settings, python))
        for _ in range(effort.cold_starts + 1)
    ][1:]
    own, other = (1000 * median(run.elapsed_s for run in runs) for runs in zip(*turns, strict=True))
    spread = Spread.of([ours.cpu_s / theirs.cpu_s for ours, theirs in turns])
    return measured(spread, seen=f"elapsed {own:.0f} ms, the reference {other:.0f} ms")


@cache
def reference(logical_id: str) -> Path:
    """Make the folder of the reference: the packages that the function's lock file names, as an installer leaves them.

    They come without bytecode. Raises `BuildError`.
    """
    package, imports = REFERENCES[logical_id]
    folder = WORKPLACE / f"{logical_id}-reference"
    shutil.rmtree(folder, ignore_errors=True)
    lock = ROOT / package / "requirements.txt"
    _uv("pip", "install", "--require-hashes", "--python", sys.executable, "--target", folder, "--requirement", lock)
    (folder / "reference.py").write_text(imports + HANDLER, "utf-8")
    return folder


def start(folder: Path, handler: str, settings: Mapping[str, str], python: Path) -> Start:
    """Start a function cold, and end it where it asks for its first event; raises `ColdStartError`.

    No bytecode is written, so that every start finds what the first one found.
    """
    with socket.create_server(("127.0.0.1", 0)) as runtime_api:
        runtime_api.settimeout(START_SECONDS)
        begun = time.perf_counter()
        process = subprocess.Popen(  # noqa: S603 - Lambda's runtime client and an artifact of ours
            [python, "-m", "awslambdaric", handler],
            cwd=folder,
            env=_environ(folder, settings, runtime_api.getsockname()[1]),
            stdout=subprocess.DEVNULL,
        )
        try:
            connection, _ = runtime_api.accept()
            # The answer is still awaited when the process ends: what a failed request costs is not counted.
            with connection:
                first_request = connection.recv(len(NEXT), socket.MSG_WAITALL)
                elapsed_s = time.perf_counter() - begun
                cpu_s = _end(process)
        except TimeoutError:
            _end(process)
            raise ColdStartError(f"{handler} asks for no event within {START_SECONDS} s") from None
    if first_request != NEXT:
        raise ColdStartError(f"{handler} does not start")
    return Start(cpu_s, elapsed_s)


def _environ(folder: Path, settings: Mapping[str, str], port: int) -> dict[str, str]:
    runtime = {"AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}", "LAMBDA_TASK_ROOT": str(folder)}
    return {**base_environment(), **CREDENTIALS, **REGION, **settings, **runtime, "PYTHONDONTWRITEBYTECODE": "1"}


def _end(process: "subprocess.Popen[bytes]") -> float:
    """End a process, and give the CPU seconds of its life."""
    process.kill()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime


@cache
def runtime_python() -> Path:
    """Give the Python of an environment that holds Lambda's runtime client alone; raises `BuildError`."""
    folder = WORKPLACE / f"runtime-{deployed.runtime()}"
    python = folder / "bin" / "python"
    _uv("venv", "--allow-existing", "--python", sys.executable, folder)
    _uv("pip", "install", "--require-hashes", "--python", python, "--requirement", RUNTIME_CLIENT)
    return python


def _uv(*arguments: str | Path) -> None:
    command = [sys.executable, "-m", "uv", "--quiet", *arguments]
    run = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - uv of this environment
    if run.returncode:
        raise BuildError(f"uv {arguments[0]}: {(run.stderr or run.stdout).strip()}")
