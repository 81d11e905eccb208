"""The token function and the gate before it, as they are deployed, in a process that counts its own CPU.

Beside them the plain design that they are held against: a handler that reads an item and has KMS sign, and no more.
"""

import io
import os
import sys
import time
from collections.abc import Callable

import boto3

from auth_server.challenge_handler import lambda_handler as challenge
from auth_server.handler import lambda_handler as issue
from bench import token_request, units, worker
from bench.aws_stand_in import CLIENT_PREFIX
from bench.issue import require_token

_dynamodb, _kms = boto3.client("dynamodb"), boto3.client("kms")
STRIDE = 7_919  # a prime, so that as many requests as there are clients are one of each


def _token(client_id: str) -> None:
    require_token(issue(token_request.event(client_id), None))


def _gate(client_id: str) -> None:
    challenge(token_request.authorizer_event(client_id), None)


def _plain(client_id: str) -> None:
    _dynamodb.get_item(TableName=os.environ["CLIENTS_TABLE"], Key={"client_id": {"S": client_id}}, ConsistentRead=True)
    key_id = os.environ["SIGNING_KEY_ID"]
    _kms.sign(KeyId=key_id, Message=units.MESSAGE, MessageType="RAW", SigningAlgorithm="RSASSA_PKCS1_V1_5_SHA_256")


WORK: dict[str, Callable[[str], None]] = {"token": _token, "gate": _gate, "plain": _plain}


def run(work: str, times: int, clients: int) -> float:
    """Do the work for so many requests, by clients from all over so many; give the CPU seconds it took."""
    do, ids = WORK[work], [f"{CLIENT_PREFIX}{number * STRIDE % clients}" for number in range(times)]
    begun = time.process_time()
    for client_id in ids:
        do(client_id)
    return time.process_time() - begun


def log_lines(work: str, client_id: str) -> list[str]:
    """Do the work once; give the lines it wrote to standard output."""
    null, sys.stdout = sys.stdout, io.StringIO()
    try:
        WORK[work](client_id)
        return sys.stdout.getvalue().splitlines()
    finally:
        sys.stdout = null


if __name__ == "__main__":
    answers = worker.take_stdout()
    worker.serve({"run": run, "log_lines": log_lines, "sign": units.signature_meter()}, answers)
