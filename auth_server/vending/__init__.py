"""Token vending: short-lived, narrow tokens for browsers, whoever knows the people. See docs/token-vending.md."""

from auth_server.vending.identity import Identity
from auth_server.vending.vending import Terms, Vended, Vending

__all__ = ["Identity", "Terms", "Vended", "Vending"]
