"""The authorization server's API as it is deployed, behind the local gateway, with a store and a key in memory."""

import socket
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import uvicorn

from auth_server.audit import AuditLog
from auth_server.challenge import Gate
from auth_server.routes import ROUTES
from auth_server.throttle import Throttle
from bench import deployed, issue, units, worker
from infra.cloudformation import Stack
from infra.local.gateway import Gateway
from infra.local.gateway.server import server_config
from tests.simulator import MemoryClientStore, MemoryStateStore, client

if TYPE_CHECKING:
    from infra.local.lambda_runtime import Handler

API = "AuthApi"
UNGATED = "ungated"


def token_handler() -> "Handler":
    """Give the token function."""
    server = issue.server()
    return lambda event, _context: server.send(event)


def challenge_handler() -> "Handler":
    """Give the authorizer before it."""
    throttle = Throttle(MemoryStateStore(), time.time)
    gate = Gate(MemoryClientStore(client()), throttle, AuditLog("INFO"), time.time)

    def handle(event: Any, _context: Any) -> dict[str, Any]:
        answer = gate.answer(event)
        if answer is None:
            raise Exception("Unauthorized")  # noqa: TRY002 - the word that API Gateway knows
        return answer

    return handle


def gateway(stack: Stack, *, gated: bool) -> Gateway:
    """Give the gateway of the deployed document, or of the same one without authorizers; raises `DocumentError`."""
    modules = {"auth_server.handler": token_handler(), "auth_server.challenge_handler": challenge_handler()}
    handlers = {
        stack.resolve({"Fn::GetAtt": [name, "Arn"]}): modules[function.module]
        for name, function in stack.functions().items()
        if function.module in modules
    }
    document = stack.api(API)
    # What other functions answer is not measured here.
    measured = {**document, "paths": {path: item for path, item in document["paths"].items() if path in ROUTES}}
    return Gateway(
        measured if gated else ungated(measured),
        handlers,
        stage=stack.properties(API)["StageName"],
        region=stack.resolve({"Ref": "AWS::Region"}),
        account_id=stack.resolve({"Ref": "AWS::AccountId"}),
        api_id=stack.resolve({"Ref": API}),
    )


def ungated(document: dict[str, Any]) -> dict[str, Any]:
    """Give the document without its authorizers."""
    paths = {
        path: {
            method: {**operation, "security": []} for method, operation in item.items() if isinstance(operation, dict)
        }
        for path, item in document["paths"].items()
    }
    components = {name: part for name, part in document["components"].items() if name != "securitySchemes"}
    return {**document, "paths": paths, "components": components}


def main() -> None:
    """Serve until standard input ends; with the argument `ungated`, without the gate before the endpoint."""
    answers = worker.take_stdout()
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(server_config(gateway(deployed.stack(), gated=UNGATED not in sys.argv)))
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    sign = units.signature_meter()
    worker.serve({"port": lambda: listener.getsockname()[1], "cpu": time.process_time, "sign": sign}, answers)
    server.should_exit = True
    thread.join()


if __name__ == "__main__":
    main()
