"""Messages: what may stand in one, who is its author, and the latest of them, over moto and DynamoDB Local."""

import json
import re
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resource_server.aws.messages_table import MessagesTable
from resource_server.errors import InvalidRequest
from resource_server.messages import Message, new_message, time_ordered_id
from tests.resource_server.api import Api, app_in_memory, log_lines
from tests.resource_server.conftest import create_messages_table
from tests.resource_server.events import BUILDERS, EVERYTHING, GOOD_MESSAGE, Event, rest_event

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
UUID_7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
both_formats = pytest.mark.parametrize("build", BUILDERS)


def kept(text: object) -> str:
    """Return the text of the message that is made of a text."""
    return new_message(json.dumps({"text": text}).encode(), author="alice", now=NOW).text


def refusal(body: bytes | None) -> str:
    """Return the text with which a body is refused."""
    with pytest.raises(InvalidRequest) as caught:
        new_message(body, author="alice", now=NOW)
    return caught.value.description


def refusal_of(text: object) -> str:
    """Return the text with which a text is refused."""
    return refusal(json.dumps({"text": text}).encode())


def with_sub(event: Event, sub: str | None, provider: str | None = "login") -> Event:
    """Return the event of a token with another subject, and who vouches for it."""
    authorizer = event["requestContext"]["authorizer"]
    authorizer.get("lambda", authorizer).update(sub=sub, identity_provider=provider)
    return event


@both_formats
def test_a_message_is_posted_and_read_by_anyone(api: Api, build: Callable[..., Event]) -> None:
    """201 shows the message as it is kept; whoever has no token reads it."""
    event = with_sub(build("POST", "/messages", permissions="messages:write", body=GOOD_MESSAGE), "person:alice")
    answer = api(event)
    assert answer.status == 201
    assert "Location" not in answer.headers
    assert answer.document.keys() == {"id", "text", "author", "created_at"}
    assert (answer.document["text"], answer.document["author"]) == ("Tea at four?", "alice")
    assert UUID_7.fullmatch(answer.document["id"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", answer.document["created_at"])
    read = api(build("GET", "/messages", permissions=None))
    assert (read.status, read.document) == (200, {"messages": [answer.document]})


@pytest.mark.parametrize(
    ("sub", "provider", "author"),
    [
        ("person:alice", "login", "alice"),
        ("cognito:5f", "cognito", "cognito:5f"),
        ("person:alice", "embedded", "person:alice"),
        ("alice", None, "client:alice"),
        ("person:alice", None, "client:person:alice"),
        ("person:", "login", None),
        (None, "login", None),
        (None, None, None),
    ],
)
def test_the_author_is_who_the_token_says(api: Api, sub: str | None, provider: str | None, author: str | None) -> None:
    """A person who logged in goes by the name alone, anyone else by more than a name: nobody can pass for a person."""
    event = with_sub(rest_event("POST", "/messages", permissions=EVERYTHING, body=GOOD_MESSAGE), sub, provider)
    assert api(event).document["author"] == author
    assert api(rest_event("GET", "/messages")).document["messages"][0]["author"] == author


@pytest.mark.parametrize("member", ["author", "id", "created_at", "<script>"])
def test_a_caller_chooses_nothing_but_the_text(member: str) -> None:
    """An unknown member is refused, and its name is not repeated."""
    body = json.dumps({"text": "Tea?", member: "mine"}).encode()
    assert refusal(body) == "The body has an unknown member; a message has text."


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (None, "The body cannot be decoded."),
        (b"", "The request has no body; it must be a JSON object."),
        (b"text=Tea", "The body is not JSON."),
        (b'["Tea"]', "The body must be a JSON object."),
        (b"{}", "The member text is missing."),
        (b'{"text": "Tea", "text": "Milk"}', "A member of a JSON object is there twice."),
    ],
)
def test_a_body_that_is_no_message_is_refused(body: bytes | None, text: str) -> None:
    """JSON only, and read strictly."""
    assert refusal(body) == text


@pytest.mark.parametrize("text", [5, None, ["Tea"], {"text": "Tea"}, True])
def test_a_text_that_is_no_string_is_refused(text: object) -> None:
    """Nothing is turned into a string."""
    assert refusal_of(text) == "text must be a string."


@pytest.mark.parametrize("text", ["", " ", "\n\t\u3000", "a" * 501, "👩" * 501])
def test_a_text_that_is_too_short_or_too_long_is_refused(text: str) -> None:
    """A text has 1 to 500 characters once the blanks around it are gone."""
    assert "1 to 500 characters" in refusal_of(text)


@pytest.mark.parametrize("text", ["a" * 500, " " * 99 + "👩" * 500 + "\n"])
def test_a_text_of_500_characters_is_kept_without_the_blanks_around_it(text: str) -> None:
    """A character is a code point, in any writing."""
    assert kept(text) == text.strip()


def test_a_line_has_one_ending() -> None:
    """Ten lines are good, eleven are not, and CR LF is one end of a line."""
    assert kept("a\r\nb\n\nc") == "a\nb\n\nc"
    assert kept("\n".join("1234567890")) == "\n".join("1234567890")
    assert refusal_of("\n".join("12345678901")) == "text must have at most 10 lines."


@pytest.mark.parametrize("character", ["\0", "\t", "\r", "\x1b", "\x7f", "\x85", "\u2028", "\u2029", "\ud800"])
def test_a_character_that_cannot_be_shown_is_refused(character: str) -> None:
    """Control characters, other ends of lines, and halves of surrogate pairs."""
    assert "must not hold control characters" in refusal_of(f"Tea{character}?")


@pytest.mark.parametrize("character", list("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"))
def test_a_character_that_turns_what_is_around_it_is_refused(character: str) -> None:
    """With an override, "exe.cod" is read for what it is not."""
    assert "bidirectional controls" in refusal_of(f"Tea {character}exe.doc")


@pytest.mark.parametrize("text", ["\u200b", "\ufeff", "\u200d\u200c", "\u0301", "\u2060 \u00ad"])
def test_a_text_that_shows_nothing_is_refused(text: str) -> None:
    """Characters of no width alone are no message."""
    assert refusal_of(text) == "text must hold something to be seen."


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", "שלום\u200f!", "می\u200cز", "👩\u200d🍳", "é", "{{7*7}}", "?"]
)
def test_a_text_in_any_writing_is_kept_as_it_is(api: Api, text: str) -> None:
    """Marks and joiners that languages need stay; markup is text, and comes back as it was sent."""
    event = rest_event("POST", "/messages", permissions=EVERYTHING, body=json.dumps({"text": text}))
    assert api(event).document["text"] == text
    assert api(rest_event("GET", "/messages")).document["messages"][0]["text"] == text


def test_a_refused_message_is_not_kept(api: Api) -> None:
    """Neither without the scope, nor without a text."""
    for permissions, body, status in (("products:write", GOOD_MESSAGE, 403), (EVERYTHING, '{"text": " "}', 400)):
        assert api(rest_event("POST", "/messages", permissions=permissions, body=body)).status == status
    assert api(rest_event("GET", "/messages")).document == {"messages": []}


def test_the_log_has_no_word_of_a_message(capsys: pytest.CaptureFixture[str]) -> None:
    """A line says that a message was posted, not which."""
    app_in_memory().handle(rest_event("POST", "/messages", permissions=EVERYTHING, body='{"text": "secret"}'))
    (line,) = log_lines(capsys)
    assert (line["route"], line["status"]) == ("/messages", 201)
    assert "secret" not in str(line)


@given(st.binary() | st.text().map(lambda text: json.dumps({"text": text}).encode()))
def test_any_bytes_are_a_message_or_a_refusal(body: bytes) -> None:
    """There is no third outcome, and what is accepted is within its bounds."""
    try:
        message = new_message(body, author="alice", now=NOW)
    except InvalidRequest:
        return
    assert 1 <= len(message.text) <= 500
    assert message.text == message.text.strip()
    assert message.text.encode()


@pytest.mark.spec("RFC 9562", "5.7")
def test_the_order_of_ids_is_that_of_time() -> None:
    """A later millisecond has a greater id, whatever the random bits are."""
    ids = [time_ordered_id(NOW + timedelta(milliseconds=number)) for number in range(300)]
    assert ids == sorted(ids)
    assert all(map(UUID_7.fullmatch, ids))
    assert uuid.UUID(ids[0]).int >> 80 == int(NOW.timestamp() * 1000)
    assert len({time_ordered_id(NOW) for _ in range(1000)}) == 1000


@pytest.fixture(scope="module", params=["aws_endpoint", "dynamodb_local_endpoint"])
def board(request: pytest.FixtureRequest) -> MessagesTable:
    """Give an empty board on each endpoint in turn."""
    client: Any = boto3.client("dynamodb", endpoint_url=request.getfixturevalue(request.param))
    name = f"messages-{uuid.uuid4()}"
    create_messages_table(client, name)
    return MessagesTable(client, name)


def test_the_latest_twenty_come_newest_first_by_one_query(board: MessagesTable) -> None:
    """Of 45 posted in any order, the 20 latest; posting one again is posting it once; what is read is counted."""
    at = [NOW + timedelta(seconds=number) for number in range(45)]
    body = json.dumps({"text": "a" * 500}).encode()
    messages = [new_message(body, author="alice" if number % 2 else None, now=now) for number, now in enumerate(at)]
    for message in [*messages[::2], *messages[1::2], messages[44]]:
        board.post(message)
    calls: list[dict[str, Any]] = []
    client: Any = board.client
    client.meta.events.register("after-call.dynamodb", lambda parsed, **_: calls.append(parsed))
    assert board.latest() == tuple(messages[:24:-1])
    (answer,) = calls
    assert (answer["Count"], answer["ScannedCount"]) == (20, 20)


def test_another_board_is_another_board(board: MessagesTable) -> None:
    """Only the partition that is this board is read."""
    elsewhere = {"board": "other", **Message("ffffffff", "Tea?", "eve", "2026-01-31T12:00:00Z").document()}
    board.client.put_item(TableName=board.table, Item={name: {"S": str(value)} for name, value in elsewhere.items()})
    assert "eve" not in {message.author for message in board.latest()}


def test_no_message_is_an_empty_list(board: MessagesTable) -> None:
    """A board without messages is one."""
    name = f"messages-{uuid.uuid4()}"
    create_messages_table(board.client, name)
    assert replace(board, table=name).latest() == ()
