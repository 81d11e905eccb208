"""Which page of a list a caller asks for: `limit` and the opaque cursor `next`."""

import base64
import re
from dataclasses import dataclass
from typing import Final

from resource_server.errors import InvalidRequest
from resource_server.products import PRODUCT_ID

DEFAULT_LIMIT: Final = 20
MAXIMUM_LIMIT: Final = 100
_LIMIT: Final = re.compile(r"[1-9][0-9]{0,2}")


@dataclass(frozen=True, slots=True)
class PageQuery:
    """At most `limit` products, from after `after_id` on; from the start where that is None."""

    limit: int
    after_id: str | None


def parse_page_query(query: tuple[tuple[str, str], ...]) -> PageQuery:
    """Return the page asked for; other parameters are ignored. Raises `InvalidRequest`."""
    limit = _only(query, "limit")
    cursor = _only(query, "next")
    return PageQuery(
        limit=DEFAULT_LIMIT if limit is None else _limit(limit),
        after_id=None if cursor is None else id_of_cursor(cursor),
    )


def cursor_of_id(product_id: str) -> str:
    """Return the cursor of the page after a product: its id in base64url (RFC 4648 5) without padding."""
    return base64.urlsafe_b64encode(product_id.encode()).rstrip(b"=").decode()


def id_of_cursor(cursor: str) -> str:
    """Return the id in a cursor; raises `InvalidRequest` unless it is one that `cursor_of_id` could have made."""
    try:
        product_id = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
    except ValueError:
        product_id = ""
    # Bits that base64 leaves unused are ignored in decoding, so only the way back shows that they were zero.
    if not PRODUCT_ID.fullmatch(product_id) or cursor_of_id(product_id) != cursor:
        raise InvalidRequest("next is not a cursor that this API gave out.")
    return product_id


def _only(query: tuple[tuple[str, str], ...], name: str) -> str | None:
    values = [value for given, value in query if given == name]
    if len(values) > 1:
        raise InvalidRequest(f"The parameter {name} is there twice.")
    return values[0] if values else None


def _limit(value: str) -> int:
    if not _LIMIT.fullmatch(value) or int(value) > MAXIMUM_LIMIT:
        raise InvalidRequest(f"limit must be a number from 1 to {MAXIMUM_LIMIT}.")
    return int(value)
