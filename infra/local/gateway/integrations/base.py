"""What an integration is, and what it is compiled with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.local.gateway.functions import Functions
    from infra.local.gateway.request import Exchange
    from infra.local.gateway.responses import Response


class Integration(Protocol):
    """What answers a request that has passed its authorizer and validator."""

    async def respond(self, exchange: Exchange) -> Response:
        """Answer, or raise GatewayError."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What surrounds an integration in the document: its operation, the functions, the API's binary media types."""

    operation: Mapping[str, Any]
    functions: Functions
    binary_media_types: frozenset[str]
