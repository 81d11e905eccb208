"""The least that answers as DynamoDB and KMS. Its Sign makes a real RSA signature, and its Decrypt gives a real key.

It stands where AWS would, so that the CPU of a function that calls AWS can be measured without AWS, and it counts the
calls. It knows every client whose id begins with `client-`, however many: its table is as large as it is asked to be.
"""

import asyncio
import base64
import json
import re
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from auth_server import jwk
from auth_server.aws.client_item import to_item
from auth_server.aws.keys_table import to_item as to_key_item
from auth_server.aws.kms import ALGORITHM
from auth_server.signing_keys.key_record import DATA_KEY, KeyRecord
from bench import worker
from tests.simulator import ISSUER, PRIVATE_KEY, LocalKeySource, client

KEY_ARN = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
CLIENT_PREFIX = "client-"
_TARGET = re.compile(rb"\r\nx-amz-target: *\w+\.(\w+)\r\n", re.IGNORECASE)
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_DER = PRIVATE_KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

Document = dict[str, Any]

_calls: Counter[str] = Counter()
_signature_cpu_s = 0.0


def _get_item(request: Document) -> Document:
    client_id = request["Key"]["client_id"]["S"]
    item = {"Item": to_item(client(client_id=client_id))} if client_id.startswith(CLIENT_PREFIX) else {}
    # A strongly consistent read of up to 4 KB is one unit.
    asked = request.get("ReturnConsumedCapacity", "NONE") != "NONE"
    return {**item, **({"ConsumedCapacity": {"TableName": request["TableName"], "CapacityUnits": 1}} if asked else {})}


def _data_key() -> KeyRecord:
    """Give the record of a data key that signs wherever data keys may; its private half is not encrypted."""
    plaintext = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    der = plaintext.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    public = jwk.from_der(plaintext.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    record = KeyRecord(public["kid"], ISSUER, DATA_KEY, public, None, der, 0, 0, None, 93_600)
    return record.endorsed_by(LocalKeySource().load())


_ITEM = to_key_item(_data_key())


def _scan(request: Document) -> Document:
    """Give the table of later signing keys."""
    capacity = {"TableName": request["TableName"], "CapacityUnits": 1}
    return {"Items": [_ITEM], "Count": 1, "ScannedCount": 1, "ConsumedCapacity": capacity}


def _decrypt(request: Document) -> Document:
    return {"KeyId": KEY_ARN, "Plaintext": request["CiphertextBlob"], "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}


def _get_public_key(_: Document) -> Document:
    return {
        "KeyId": KEY_ARN,
        "PublicKey": _DER,
        "KeySpec": "RSA_2048",
        "KeyUsage": "SIGN_VERIFY",
        "SigningAlgorithms": [ALGORITHM],
    }


def _sign(request: Document) -> Document:
    global _signature_cpu_s  # noqa: PLW0603 - one total for the one process that this is
    message = base64.b64decode(request["Message"])
    begun = time.thread_time()
    signature = PRIVATE_KEY.sign(message, padding.PKCS1v15(), hashes.SHA256())
    _signature_cpu_s += time.thread_time() - begun
    return {"KeyId": KEY_ARN, "Signature": signature, "SigningAlgorithm": ALGORITHM}


def _update_item(request: Document) -> Document:
    return {"ConsumedCapacity": {"TableName": request["TableName"], "CapacityUnits": 1}}


OPERATIONS: dict[str, Callable[[Document], Document]] = {
    "GetItem": _get_item,
    "Scan": _scan,
    "GetPublicKey": _get_public_key,
    "Decrypt": _decrypt,
    "Sign": _sign,
    "UpdateItem": _update_item,
}


def counts() -> dict[str, float]:
    """Give how often each operation was called so far, and the CPU seconds of the signatures made."""
    return {**{name: _calls[name] for name in OPERATIONS}, "signature_cpu_s": _signature_cpu_s}


def answer(operation: str, body: bytes) -> bytes:
    """Answer one call; raises KeyError for an operation that is none of these."""
    _calls[operation] += 1
    document = OPERATIONS[operation](json.loads(body))
    text = json.dumps(document, default=lambda value: base64.b64encode(value).decode("ascii")).encode("ascii")
    # DynamoDB sends a checksum, which boto3 verifies.
    lines = [
        b"HTTP/1.1 200 OK",
        b"Content-Type: application/x-amz-json-1.0",
        b"x-amzn-RequestId: 0123456789",
        b"x-amz-crc32: %d" % zlib.crc32(text),
        b"Content-Length: %d" % len(text),
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n" + text


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            target, length = _TARGET.search(head), _LENGTH.search(head)
            if target is None or length is None:
                break
            writer.write(answer(target[1].decode("ascii"), await reader.readexactly(int(length[1]))))
    except (asyncio.IncompleteReadError, ConnectionError):
        pass  # the other end has left
    finally:
        writer.close()


async def _listen(ready: "threading.Event", ports: list[int]) -> None:
    server = await asyncio.start_server(_serve, "127.0.0.1", 0)
    ports.append(server.sockets[0].getsockname()[1])
    ready.set()
    await server.serve_forever()


def start() -> int:
    """Serve in a thread that ends with the process; give the port."""
    ready, ports = threading.Event(), list[int]()
    threading.Thread(target=lambda: asyncio.run(_listen(ready, ports)), daemon=True).start()
    ready.wait()
    return ports[0]


if __name__ == "__main__":
    answers = worker.take_stdout()
    port = start()
    worker.serve({"port": lambda: port, "counts": counts}, answers)
