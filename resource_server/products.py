"""Products: the value, what a caller may send for one, and the store that keeps them.

    {"id": "3f0c...", "name": "Kettle", "price": "24.90", "created_by": "shop", "created_at": "2026-01-31T12:00:00Z"}

A price is a decimal string, never a JSON number: most readers take a number for a binary fraction, which loses cents.
The sample's shop has one currency, so a price names none.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Protocol

from resource_server.errors import InvalidRequest
from resource_server.json_body import json_object

MAXIMUM_NAME_CHARACTERS: Final = 100
# RFC 3986 2.3: unreserved characters, so that an id stands in a URL as it is. Ids made here are UUIDs (36 of them).
PRODUCT_ID: Final = re.compile(r"[A-Za-z0-9._~-]{1,64}")
_PRICE: Final = re.compile(r"(0|[1-9][0-9]{0,8})(?:\.([0-9]{1,2}))?")
# Unicode's control characters and halves of surrogate pairs: neither can be shown, and the second cannot be stored.
_UNFIT_FOR_A_NAME: Final = frozenset({"Cc", "Cs"})


@dataclass(frozen=True, slots=True)
class NewProduct:
    """What a caller sends; `price` has exactly two decimals."""

    name: str
    price: str


@dataclass(frozen=True, slots=True)
class Product:
    """A product as it is kept: `created_at` in UTC (RFC 3339), `created_by` a client id, None where none was known."""

    id: str
    name: str
    price: str
    created_by: str | None
    created_at: str

    def document(self) -> dict[str, object]:
        """Return the product's JSON members."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Page:
    """Some products, and the id of the last one where there may be more."""

    products: tuple[Product, ...]
    last_id: str | None


class ProductStore(Protocol):
    """Where products are kept. Every method raises `TemporarilyUnavailable` while the store does not answer."""

    def get(self, product_id: str) -> Product | None:
        """Return the product, or None."""
        ...

    def put(self, product: Product) -> None:
        """Keep the product; doing so twice is doing so once."""
        ...

    def page(self, limit: int, after_id: str | None) -> Page:
        """Return at most `limit` products, in the store's own order, from after `after_id` on."""
        ...


def parse_new_product(body: bytes | None) -> NewProduct:
    """Return the product in the JSON object `{"name": "Kettle", "price": "24.90"}`.

    Raises `InvalidRequest`, with a text that names the member, for anything else.
    """
    members = json_object(body)
    # An unknown name is the caller's own word and may be anything, so the answer does not repeat it.
    if members.keys() - MEMBERS.keys():
        raise InvalidRequest(f"The body has an unknown member; a product has {' and '.join(MEMBERS)}.")
    return NewProduct(**{name: _member(members, name) for name in MEMBERS})


def _member(members: Mapping[str, Any], name: str) -> str:
    if name not in members:
        raise InvalidRequest(f"The member {name} is missing.")
    return MEMBERS[name](members[name])


def _name(value: Any) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= MAXIMUM_NAME_CHARACTERS or not value.strip():
        raise InvalidRequest(f"name must be a string of 1 to {MAXIMUM_NAME_CHARACTERS} characters, not all blank.")
    if any(unicodedata.category(character) in _UNFIT_FOR_A_NAME for character in value):
        raise InvalidRequest("name must not hold control characters or lone surrogates.")
    return value


def _price(value: Any) -> str:
    parts = _PRICE.fullmatch(value) if isinstance(value, str) else None
    if parts is None:
        raise InvalidRequest('price must be a decimal string such as "24.90", from "0" to "999999999.99".')
    return f"{parts[1]}.{(parts[2] or '').ljust(2, '0')}"


MEMBERS: Final[Mapping[str, Callable[[Any], str]]] = {"name": _name, "price": _price}
