"""The exchanges of docs/message-board.md, replayed with the sample API."""

import json
import re
from typing import Any

from resource_server.messages import LATEST, MAXIMUM_CHARACTERS, MAXIMUM_LINES
from tests.docs.test_exchanges import DOCS, Message, messages
from tests.resource_server.api import BoardInMemory, app_in_memory
from tests.resource_server.events import rest_event

PAGE = "message-board.md"
TEXT = (DOCS / PAGE).read_text(encoding="utf-8")


def without_random_bits(document: Any) -> Any:
    """Give a document with the part of its ids that is the time's."""
    return json.loads(re.sub(r'("id": "[0-9a-f]{8}-[0-9a-f]{4}-7)[^"]*', r"\1", json.dumps(document)))


def test_the_exchanges_are_those_of_the_api() -> None:
    """Each answer is what the page shows, on the day that it shows."""
    board = BoardInMemory()
    # The second exchange posts what the first one reads.
    (get, listed), (post, posted) = zip(*[iter(messages(PAGE))] * 2, strict=True)
    answers = [answer_to(post, board), answer_to(get, board)]
    for shown, (status, document) in zip((posted, listed), answers, strict=True):
        assert shown.start.split()[1] == str(status)
        assert shown.body is not None
        assert without_random_bits(json.loads(shown.body)) == without_random_bits(document)


def answer_to(request: Message, board: BoardInMemory) -> tuple[int, Any]:
    """Give the status and the document of an answer."""
    method, path, _ = request.start.split()
    is_known = "Authorization" in request.headers
    event = rest_event(method, path, permissions="messages:write" if is_known else None, body=request.body)
    if is_known:
        event["requestContext"]["authorizer"].update(sub="person:alice", identity_provider="login")
    response = app_in_memory(board=board).handle(event)
    return response.status, response.document


def test_the_limits_are_those_of_the_source() -> None:
    """What the page says of a message holds."""
    assert f"The latest {LATEST}," in TEXT
    assert f"1 to {MAXIMUM_CHARACTERS} characters (code points) in at most {MAXIMUM_LINES} lines" in TEXT


def test_the_files_are_those_of_the_folder() -> None:
    """Each script of the page has its line, and none is listed that is not there."""
    folder = {path.name for path in (DOCS.parent / "resource_server" / "web").glob("*.js")}
    assert set(re.findall(r"`(\w+\.js)`", TEXT)) == folder
