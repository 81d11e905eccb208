"""Usernames: 3 to 64 ASCII letters, digits, dots, underscores and hyphens, of which the first is a letter or digit.

In ASCII no two letters look alike but for their case, which does not count, and Unicode's normalisation changes
nothing: so no two people can have what reads as one name. Anything else is refused, and never turned into a name.
"""

import re
from typing import Final

_USERNAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{2,63}")

RULE: Final = (
    "A username is 3 to 64 letters (a to z), digits, dots, underscores and hyphens; a letter or digit is first."
)
# Looked up in the place of what cannot be a username, so that it takes the same work. Nobody is called so.
NOBODY: Final = "-"


def normalise(text: str) -> str | None:
    """Give the username in lower case, None where it is none."""
    return text.lower() if _USERNAME.fullmatch(text) else None
