"""What a forked process begins anew: locks that a thread of its parent held, and connections that are its parent's."""

import os
from typing import Protocol
from weakref import WeakSet


class Forgetful(Protocol):
    """What has something of its process."""

    def forget(self) -> None:
        """Begin anew: this is another process."""
        ...


_every: WeakSet[Forgetful] = WeakSet()


def tell(one: Forgetful) -> None:
    """Have it begin anew in each process that is forked from this one, for as long as it lives."""
    _every.add(one)


def _forget_all() -> None:
    for one in list(_every):
        one.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
