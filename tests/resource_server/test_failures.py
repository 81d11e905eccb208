"""DynamoDB failing in each way: 503 with Retry-After, no trace of it in the answer, and recovery."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from botocore.stub import Stubber

from resource_server.aws.dynamodb import dynamodb_client
from resource_server.aws.messages_table import MessagesTable
from resource_server.aws.products_table import ProductsTable
from resource_server.products import Page
from tests.resource_server.api import Answer, app_in_memory, cold_start, log_lines
from tests.resource_server.events import EVERYTHING, GOOD_BODY, GOOD_MESSAGE, rest_event

CALLS = {
    "Scan": rest_event("GET", "/products"),
    "GetItem": rest_event("GET", "/products/1"),
    "PutItem": rest_event("POST", "/products", body=GOOD_BODY),
    "Query": rest_event("GET", "/messages"),
    "PutItem of a message": rest_event("POST", "/messages", body=GOOD_MESSAGE, permissions=EVERYTHING),
}
# What a table that answers makes of each.
GOOD_STATUS = {"Scan": 200, "GetItem": 404, "PutItem": 201, "Query": 200, "PutItem of a message": 201}
OPERATIONS = {
    "Scan": "scan",
    "GetItem": "get_item",
    "PutItem": "put_item",
    "Query": "query",
    "PutItem of a message": "put_item",
}
each_call = pytest.mark.parametrize("call", sorted(CALLS))


def assert_unavailable(answer: Answer, call: str) -> None:
    """Hold an answer against the one text for a table that fails."""
    what = CALLS[call]["path"].split("/")[1]
    assert answer.status == 503
    assert answer.headers["Retry-After"] == "1"
    assert answer.document == {
        "error": "temporarily_unavailable",
        "error_description": f"The {what} cannot be reached at the moment. Try again.",
    }


class Table(BaseHTTPRequestHandler):
    """A DynamoDB endpoint that gives one and the same answer to everything."""

    status = 200
    body = b""
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Read the request and give the answer."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(self.status)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving(table: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serve an endpoint on a free port and yield its URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), table) as server, running(server):
        yield f"http://127.0.0.1:{server.server_address[1]}"


@contextmanager
def running(server: ThreadingHTTPServer) -> Iterator[None]:
    """Answer requests in another thread, to the end also where the test fails."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()


def answering(status: int, body: bytes) -> type[Table]:
    """Return an endpoint with one answer."""
    return type("Answering", (Table,), {"status": status, "body": body})


@each_call
def test_a_refused_connection_is_a_503_and_is_over_when_it_is_over(call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same warm Lambda answers again as soon as the table does."""
    good = answering(200, b'{"Items": [], "ConsumedCapacity": {"TableName": "products"}}')
    # Bound and not listening: connections are refused, and nobody else gets the port.
    with ThreadingHTTPServer(("127.0.0.1", 0), good, bind_and_activate=False) as server:
        server.server_bind()
        api = cold_start(monkeypatch, f"http://127.0.0.1:{server.server_address[1]}", "products")
        assert_unavailable(api(CALLS[call]), call)
        server.server_activate()
        with running(server):
            assert api(CALLS[call]).status == GOOD_STATUS[call]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b'{"__type": "com.amazonaws.dynamodb.v20120810#InternalServerError"}'),
        (400, b'{"__type": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"}'),
        (400, b'{"__type": "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException"}'),
        (503, b"<html>Service Unavailable</html>"),
        (500, b"\xff\xfe"),
        (200, b""),
        (200, b"<html>garbage</html>"),
        (200, b"\xff\xfe"),
        (200, b"{}"),
        (200, b"[]"),
        (200, b'{"Item": 1, "Items": 1, "ConsumedCapacity": 1}'),
        (200, b'{"Item": {"id": 1}, "Items": [1], "ConsumedCapacity": 1}'),
        (200, b'{"Item": {}, "Items": [null], "ConsumedCapacity": 1}'),
    ],
    ids=lambda value: str(value)[:16],
)
@each_call
def test_a_failing_table_is_a_503(call: str, status: int, body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors, throttling and garbage are all the same to a caller; an empty answer is not "no such product"."""
    with serving(answering(status, body)) as endpoint:
        assert_unavailable(cold_start(monkeypatch, endpoint, "products")(CALLS[call]), call)


@pytest.mark.parametrize(
    "members",
    ['"Items": null', '"Items": [null]', '"Items": [{}]', '"Items": [], "LastEvaluatedKey": {}', '"Count": 0'],
)
def test_a_page_that_is_none_is_a_503(members: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer to a Scan has items and, where it goes on, the id at which it does."""
    body = f'{{{members}, "ConsumedCapacity": {{"TableName": "products"}}}}'.encode()
    with serving(answering(200, body)) as endpoint:
        assert_unavailable(cold_start(monkeypatch, endpoint, "products")(CALLS["Scan"]), "Scan")


@pytest.mark.parametrize(
    ("call", "attribute"),
    [(call, name) for call in ("Scan", "GetItem", "PutItem") for name in ("id", "name", "price", "created_at")]
    + [("Query", name) for name in ("id", "text", "created_at")],
)
@pytest.mark.parametrize("damage", ["missing", {"N": "1"}, {"S": 5}, {"S": None}, None], ids=str)
def test_an_item_that_is_no_product_or_message_is_a_503(
    call: str, attribute: str, damage: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A damaged item is not shown in part; writing does not read it."""
    item: dict[str, object] = {name: {"S": "x"} for name in ("id", "name", "text", "price", "created_at")}
    item[attribute] = damage
    if damage == "missing":
        del item[attribute]
    body = json.dumps({"Item": item, "Items": [item], "ConsumedCapacity": {"TableName": "products"}}).encode()
    with serving(answering(200, body)) as endpoint:
        answer = cold_start(monkeypatch, endpoint, "products")(CALLS[call])
    if call == "PutItem":
        assert answer.status == 201
    else:
        assert_unavailable(answer, call)


def test_a_table_that_does_not_answer_is_a_503(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that hangs is given up well before API Gateway gives up on us."""
    over = threading.Event()

    class Hanging(Table):
        """Reads and never answers."""

        def do_POST(self) -> None:
            """Wait for the test's end."""
            over.wait()
            self.close_connection = True

    with serving(Hanging) as endpoint:
        answer = cold_start(monkeypatch, endpoint, "products")(CALLS["GetItem"])
        over.set()
    assert_unavailable(answer, "GetItem")


def test_the_time_outs_are_short_and_there_is_one_retry(stubbed_table: ProductsTable) -> None:
    """One second to connect, two to read, two attempts in all."""
    config: Any = stubbed_table.client.meta.config  # its attributes are made at run time
    assert (config.connect_timeout, config.read_timeout) == (1, 2)
    assert config.retries["total_max_attempts"] == 2


@pytest.fixture
def stubbed_table(monkeypatch: pytest.MonkeyPatch) -> ProductsTable:
    """Return a table whose client is not let out."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    return ProductsTable(dynamodb_client(), "products")


@pytest.mark.parametrize("code", ["ThrottlingException", "RequestLimitExceeded", "AccessDeniedException"])
@each_call
def test_throttling_is_a_503_and_the_next_request_is_good(
    call: str, code: str, stubbed_table: ProductsTable, capsys: pytest.CaptureFixture[str]
) -> None:
    """The log says why; the caller is told to come back, and is answered when it does."""
    operation, client = OPERATIONS[call], stubbed_table.client
    app = app_in_memory(stubbed_table, board=MessagesTable(client, "messages"))
    with Stubber(client) as stubber:
        stubber.add_client_error(operation, code, "secret-detail", 400)
        good: dict[str, object] = {"Items": []} if call in {"Scan", "Query"} else {}
        stubber.add_response(operation, {**good, "ConsumedCapacity": {"TableName": "products"}})
        assert app.handle(CALLS[call]).status == 503
        assert app.handle(CALLS[call]).status == GOOD_STATUS[call]
    lines = log_lines(capsys)
    assert [(line["level"], line["status"], line.get("reason")) for line in lines] == [
        ("ERROR", 503, code),
        ("INFO", GOOD_STATUS[call], None),
    ]
    assert "secret-detail" not in str(lines)


def test_a_page_that_stops_early_goes_on_where_it_stopped(stubbed_table: ProductsTable) -> None:
    """DynamoDB may end a page before the limit; the last key it saw is what counts."""
    with Stubber(stubbed_table.client) as stubber:
        stubber.add_response(
            "scan",
            {"Items": [], "LastEvaluatedKey": {"id": {"S": "b"}}, "ConsumedCapacity": {}},
            {
                "TableName": "products",
                "Limit": 5,
                "ExclusiveStartKey": {"id": {"S": "a"}},
                "ReturnConsumedCapacity": "TOTAL",
            },
        )
        assert stubbed_table.page(5, "a") == Page((), "b")


class BrokenStore:
    """A store with a fault that nobody foresaw."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        """Raise whatever is called."""

        def fail(*_: object) -> None:
            raise LookupError("secret-in-the-text")

        return fail


@pytest.mark.parametrize("product_id", ["", "%00", "a" * 65, "%2F"], ids=["empty", "nul", "long", "slash"])
def test_the_table_is_not_asked_for_an_impossible_product(product_id: str) -> None:
    """An id that no product can have is not found without a call, which DynamoDB might refuse."""
    response = app_in_memory(BrokenStore()).handle(rest_event("GET", f"/products/{product_id}"))
    assert response.status == 404


@each_call
def test_an_unforeseen_fault_is_a_plain_500(call: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The caller learns nothing; the log learns the type and the place, not the text, which may quote the request."""
    response = app_in_memory(BrokenStore(), board=BrokenStore()).handle(CALLS[call])
    assert response.status == 500
    assert response.document == {"error": "server_error", "error_description": "The request could not be answered."}
    exception, request = log_lines(capsys)
    assert (exception["event"], exception["type"]) == ("unexpected_exception", "LookupError")
    assert exception["location"][-1].endswith(" fail")
    assert (request["event"], request["status"], request["reason"]) == ("request", 500, "LookupError")
    assert "secret" not in str(exception) + str(request)
