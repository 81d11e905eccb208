"""Messages: the value, what a caller may send for one, and the board that keeps them.

    {"id": "019c1234-5678-7abc-8def-0123456789ab", "text": "Tea at four?", "author": "alice",
     "created_at": "2026-01-31T12:00:00Z"}

What may not stand in a text: characters that show nothing, and those that change how text around them is shown.
"""

import secrets
import unicodedata
import uuid
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from resource_server.caller import Caller
from resource_server.errors import InvalidRequest
from resource_server.json_body import json_object

LATEST: Final = 20
MAXIMUM_CHARACTERS: Final = 500
MAXIMUM_LINES: Final = 10
# Who vouches for a person that logged in, and what the authorization server puts before that person's name in `sub`.
LOGIN: Final = "login"
PERSON: Final = "person:"

# Unicode's general categories of control characters, halves of surrogate pairs, and separators of lines and paragraphs.
# A line feed is the one way to begin a line.
_UNFIT: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
# Embeddings, overrides and isolates (UAX 9, 2.1 to 2.4) make text read otherwise than it was sent, also beyond its own
# end where they are not closed. The marks of 2.6, which words of two directions need, change nothing around them.
_BIDIRECTIONAL_CONTROLS: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Letters, numbers, punctuation and symbols: the first letters of the categories that leave a mark on a screen.
_VISIBLE: Final = frozenset("LNPS")


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it is kept: ids are in the order of time; `author` is None where the token named nobody."""

    id: str
    text: str
    author: str | None
    created_at: str

    def document(self) -> dict[str, object]:
        """Return the message's JSON members."""
        return asdict(self)


class MessageBoard(Protocol):
    """Where messages are kept. Every method raises `TemporarilyUnavailable` while the board does not answer."""

    def post(self, message: Message) -> None:
        """Keep the message; doing so twice is doing so once."""
        ...

    def latest(self) -> tuple[Message, ...]:
        """Return the latest `LATEST` messages, newest first."""
        ...


def author_of(caller: Caller) -> str | None:
    """Return the name that a message has for its author: `alice` for a person, `client:alice` for a client of that id.

    No person's name has a colon, so that nobody but the person goes by it.
    """
    if caller.sub is None:
        return None
    if caller.identity_provider is None:
        return f"client:{caller.sub}"
    is_person = caller.identity_provider == LOGIN and caller.sub.startswith(PERSON)
    return caller.sub.removeprefix(PERSON) or None if is_person else caller.sub


def new_message(body: bytes | None, *, author: str | None, now: datetime) -> Message:
    """Return the message in the JSON object `{"text": "Tea at four?"}`, by its author.

    Raises `InvalidRequest`, with a text that names the member, for anything else.
    """
    return Message(
        id=time_ordered_id(now),
        text=_text(json_object(body)),
        author=author,
        created_at=now.strftime("%Y-%m-%dT%H:%M:%SZ"),
    )


def time_ordered_id(now: datetime) -> str:
    """Return a UUID of version 7 (RFC 9562 5.7): milliseconds first, so that the order of ids is that of time."""
    milliseconds = int(now.timestamp() * 1000) % 2**48
    # RFC 9562 4.1 and 4.2: four bits of version after 48 of time, two of variant after 12 more; the rest is random.
    return str(
        uuid.UUID(int=milliseconds << 80 | 7 << 76 | secrets.randbits(12) << 64 | 2 << 62 | secrets.randbits(62))
    )


def _text(members: dict[str, Any]) -> str:
    if members.keys() - {"text"}:  # not repeated: an unknown name is the caller's own word
        raise InvalidRequest("The body has an unknown member; a message has text.")
    if "text" not in members:
        raise InvalidRequest("The member text is missing.")
    if not isinstance(members["text"], str):
        raise InvalidRequest("text must be a string.")
    text = members["text"].replace("\r\n", "\n").strip()
    if not 1 <= len(text) <= MAXIMUM_CHARACTERS:
        raise InvalidRequest(f"text must have 1 to {MAXIMUM_CHARACTERS} characters, blanks around it not counted.")
    if text.count("\n") >= MAXIMUM_LINES:
        raise InvalidRequest(f"text must have at most {MAXIMUM_LINES} lines.")
    if any(_is_unfit(character) for character in text):
        raise InvalidRequest("text must not hold control characters, bidirectional controls or lone surrogates.")
    if not any(unicodedata.category(character)[0] in _VISIBLE for character in text):
        raise InvalidRequest("text must hold something to be seen.")
    return text


def _is_unfit(character: str) -> bool:
    return character in _BIDIRECTIONAL_CONTROLS or (character != "\n" and unicodedata.category(character) in _UNFIT)
