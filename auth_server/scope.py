"""Access token scope (RFC 6749 3.3)."""

import re
from collections.abc import Iterable

from auth_server.errors import InvalidScopeError

# scope = scope-token *( SP scope-token ); scope-token = 1*( %x21 / %x23-5B / %x5D-7E )
_CHARACTERS = r"[\x21\x23-\x5B\x5D-\x7E]+"
_SCOPE_TOKEN = re.compile(_CHARACTERS)
_SCOPE = re.compile(rf"{_CHARACTERS}(?: {_CHARACTERS})*")


def is_scope_token(text: str) -> bool:
    """Whether `text` is a single scope."""
    return _SCOPE_TOKEN.fullmatch(text) is not None


def parse(text: str) -> tuple[str, ...]:
    """Split a `scope` parameter into its scopes, each once, in the order given; raises `InvalidScopeError`."""
    if _SCOPE.fullmatch(text) is None:
        raise InvalidScopeError("The scope is malformed: scopes are separated by single spaces.")
    return tuple(dict.fromkeys(text.split(" ")))


def render(scopes: Iterable[str]) -> str:
    """Join scopes into the `scope` parameter's form."""
    return " ".join(scopes)
