"""Starts DynamoDB Local on a free port of the loopback interface; needs Java and Maven."""

import fcntl
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import BotoCoreError

HERE = Path(__file__).parent
JARS = HERE.parents[1] / ".artifacts" / "dynamodb-local"
START_SECONDS = 60


@contextmanager
def running() -> Iterator[str]:
    """Give the URL of a DynamoDB Local with no tables; skips the test where it cannot be had."""
    _fetch()
    port = _free_port()
    command = ["java", f"-Djava.library.path={JARS}", "-cp", f"{JARS}/*", str(HERE / "LoopbackServer.java")]
    command += ["-inMemory", "-port", str(port), "-disableTelemetry"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:  # noqa: S603 - our own arguments
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_for(url)
            yield url
        finally:
            process.terminate()


def _fetch() -> None:
    missing = [tool for tool in ("java", "mvn") if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"DynamoDB Local needs {' and '.join(missing)}")
    JARS.mkdir(parents=True, exist_ok=True)
    with (JARS / ".lock").open("w") as lock:  # test workers are processes of their own
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (JARS / ".fetched").exists():
            fetch = ["mvn", "--quiet", "--batch-mode", "dependency:copy-dependencies", f"-DoutputDirectory={JARS}"]
            result = subprocess.run(fetch, cwd=HERE, capture_output=True, text=True, check=False)  # noqa: S603 - our own arguments
            if result.returncode:
                pytest.skip(f"Maven could not fetch DynamoDB Local: {result.stdout[-300:]}")
            (JARS / ".fetched").touch()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _wait_for(url: str) -> None:
    client = boto3.client("dynamodb", endpoint_url=url)
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            client.list_tables()
        except BotoCoreError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return
