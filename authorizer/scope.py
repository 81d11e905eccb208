"""Access token scope (RFC 6749 3.3)."""

import re

# scope = scope-token *( SP scope-token ); scope-token = 1*( %x21 / %x23-5B / %x5D-7E )
_SCOPE_TOKEN = r"[\x21\x23-\x5B\x5D-\x7E]+"  # noqa: S105 - a grammar
_SCOPE = re.compile(rf"{_SCOPE_TOKEN}(?: {_SCOPE_TOKEN})*")


def is_scope(text: str) -> bool:
    """Whether `text` is one scope or several, with single spaces between them."""
    return _SCOPE.fullmatch(text) is not None
