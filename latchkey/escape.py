"""Text that is safe to print.

A name, a claim or an error code may come from somebody who wishes the terminal ill: nothing reaches it with control
characters in it.
"""


def printable(text: object) -> str:
    """Escape everything that is not to be printed: control and format characters, halves of surrogate pairs."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in str(text))
