"""What a password may be (NIST SP 800-63B-4 3.1.1.2): long, and not what is tried first. Nothing about its composition.

Lengths are in code points. A password is normalised (NFKC) before it is judged or hashed, so that every keyboard's way
to write it is the same password.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

MIN_LENGTH: Final = 15  # where the password is all that is asked for
MAX_LENGTH: Final = 256  # the standard wants 64 at the least
# What the longest password can be before it is normalised: of no more than 4 code points does Unicode compose one. More
# is no password, and is never normalised: putting marks in order takes time by the square of how many there are.
MAX_UNNORMALISED_LENGTH: Final = 4 * MAX_LENGTH

# Control characters, halves of surrogate pairs, and code points that mean nothing yet: what Unicode makes of those may
# change, and with that the hash (UAX 15 12.1, Stabilized Strings).
_REFUSED_CATEGORIES: Final = frozenset({"Cc", "Cs", "Cn"})

# What the passwords that are tried first are made of, besides digits and punctuation.
_COMMON: Final = frozenset(
    """
    abc abcd access account admin administrator angel apple asdf asdfgh asdfghjkl baby badge banana baseball
    basketball batman butterfly change changeit changeme charlie cheese chocolate computer cookie correct default demo
    diamond dragon enter example family flower football forever freedom friend friends god google guest hello hockey
    hunter iloveyou internet jesus jordan killer king letmein liverpool login london love lovely maggie manager master
    michael mine monkey mother mustang my mypassword nothing pass passphrase password passwords passwort pepper
    princess purple qwerty qwertyuiop qwertz qwertzuiop root samsung secret server shadow soccer starwars summer
    sunshine superman system temp temporary test tester testing the this thomas trustno user username welcome whatever
    winter words you your zxcvbn zxcvbnm
    """.split()  # noqa: SIM905 - a list of so many short words is read best as it is
)
# Along keyboards and alphabets, from left to right; the other way is judged too.
_ROWS: Final = (
    "abcdefghijklmnopqrstuvwxyz",
    "1234567890",
    "0123456789",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
)
_ROUNDS: Final = MAX_LENGTH // 10 + 2  # of the shortest row, enough for the longest password
_SEQUENCES: Final = tuple(text for row in _ROWS for text in (row * _ROUNDS, row[::-1] * _ROUNDS))
_MIN_CONTEXT_LENGTH: Final = 3


def normalise(text: str) -> str:
    """Give the password as it is hashed."""
    return unicodedata.normalize("NFKC", text)


def why_not(text: str, context: Iterable[str]) -> str | None:
    """Tell which rule the password breaks, in words that quote nothing of it; None where it breaks none.

    `context` are words that anybody would try here: the username, and the names of the service.
    """
    password = normalise(text[: MAX_LENGTH + 1])
    lengths = (len(text), len(password))  # one code point may become many, and many one: neither is a way around
    if min(lengths) < MIN_LENGTH:
        return f"The password must have at least {MIN_LENGTH} characters."
    if max(lengths) > MAX_LENGTH:
        return f"The password must have at most {MAX_LENGTH} characters."
    if any(unicodedata.category(character) in _REFUSED_CATEGORIES for character in text):
        return "The password must be text, without control characters or characters that are not assigned."
    if _is_tried_first(password.casefold(), context):
        return "The password is one of those that are tried first: choose one that is harder to guess."
    return None


def _is_tried_first(password: str, context: Iterable[str]) -> bool:
    letters = _letters(password)
    joined = "".join(character for character in password if character.isalnum())
    words = _COMMON | {word for each in context if len(word := _letters(each.casefold())) >= _MIN_CONTEXT_LENGTH}
    return (
        _repeats(password)
        or (2 * len(joined) >= len(password) and any(joined in sequence for sequence in _SEQUENCES))
        or (bool(letters) and _is_made_of(letters, words))
    )


def _letters(text: str) -> str:
    return re.sub(r"[\W\d_]+", "", text)


def _repeats(text: str) -> bool:
    """Whether the text is a shorter one again and again, the last time perhaps in part."""
    return any(text[period:] == text[:-period] for period in range(1, len(text) // 2 + 1))


def _is_made_of(text: str, words: frozenset[str]) -> bool:
    """Whether the text is some of these words, one after another, however often."""
    reached = [True] + [False] * len(text)
    for end in range(1, len(text) + 1):
        reached[end] = any(reached[end - len(word)] for word in words if text.endswith(word, 0, end))
    return reached[-1]
