"""The processes beside a measurement: workers, the stand-in for AWS, cold starts."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3.session
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from auth_server.aws.client_item import from_item
from bench import artifacts, cold_start, worker
from bench.worker import Worker

# Stands where Lambda's runtime client would, and asks for what its argument says.
RUNTIME_CLIENT = """
import os, socket, sys
host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
api = socket.create_connection((host, int(port)))
api.sendall(f"{sys.argv[1]} /2018-06-01/runtime/invocation/next HTTP/1.1\\r\\n\\r\\n".encode())
api.recv(1)
"""


@pytest.fixture(scope="module")
def aws() -> Iterator[Worker]:
    """Run the stand-in."""
    with worker.running("bench.aws_stand_in") as stand_in:
        yield stand_in


def _client(aws: Worker, service: str) -> Any:
    session = boto3.session.Session("local", "local", region_name="us-east-1")
    return session.client(service, endpoint_url=f"http://127.0.0.1:{aws.ask('port')}")  # type: ignore[call-overload] # the stubs want a literal name


def test_the_stand_in_knows_every_client_of_its_kind_and_no_other(aws: Worker) -> None:
    """boto3 takes its answers for DynamoDB's."""
    dynamodb = _client(aws, "dynamodb")
    answer = dynamodb.get_item(TableName="clients", Key={"client_id": {"S": "client-987654"}})
    assert from_item(answer["Item"]).client_id == "client-987654"
    assert "ConsumedCapacity" not in answer
    nobody = dynamodb.get_item(TableName="clients", Key={"client_id": {"S": "nobody"}}, ReturnConsumedCapacity="TOTAL")
    assert "Item" not in nobody
    assert nobody["ConsumedCapacity"]["CapacityUnits"] == 1


def test_the_stand_in_signs_in_earnest_and_counts(aws: Worker) -> None:
    """The signature verifies with the key that it publishes, and its CPU and the call are counted."""
    kms, before = _client(aws, "kms"), aws.ask("counts")
    key = load_der_public_key(kms.get_public_key(KeyId="alias/latchkey")["PublicKey"])
    signed = kms.sign(KeyId="k", Message=b"message", MessageType="RAW", SigningAlgorithm="RSASSA_PKCS1_V1_5_SHA_256")
    assert isinstance(key, RSAPublicKey)
    key.verify(signed["Signature"], b"message", padding.PKCS1v15(), hashes.SHA256())
    after = aws.ask("counts")
    assert (after["Sign"] - before["Sign"], after["GetPublicKey"] - before["GetPublicKey"]) == (1, 1)
    assert after["signature_cpu_s"] > before["signature_cpu_s"]


def test_a_worker_that_fails_is_an_error_and_not_a_wait() -> None:
    """Whoever asks a process that has ended is told so."""
    command = [sys.executable, "-c", "import sys; sys.stdin.readline()"]
    with worker.running_command(command) as ended, pytest.raises(worker.WorkerError):
        ended.ask("port")


def _folder(tmp_path: Path) -> Path:
    package = tmp_path / "awslambdaric"
    package.mkdir()
    (package / "__main__.py").write_text(RUNTIME_CLIENT, "utf-8")
    return tmp_path


def test_a_cold_start_ends_where_the_function_asks_for_its_first_event(tmp_path: Path) -> None:
    """Its CPU and the time that went by are both known."""
    start = cold_start.start(_folder(tmp_path), "GET", {}, Path(sys.executable))
    assert start.cpu_s > 0
    assert start.elapsed_s > 0


def test_a_function_that_reports_an_error_has_not_started(tmp_path: Path) -> None:
    """A function that fails early is quick: it would make a fine figure."""
    with pytest.raises(cold_start.ColdStartError):
        cold_start.start(_folder(tmp_path), "POST", {}, Path(sys.executable))


def test_an_artifact_is_weighed_as_it_is_uploaded(tmp_path: Path) -> None:
    """Zipped, in MB of a million bytes: what repeats itself weighs next to nothing."""
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "module.py").write_bytes(b"x" * 1_000_000)
    assert 0 < artifacts.zipped_mb(tmp_path) < 0.01
