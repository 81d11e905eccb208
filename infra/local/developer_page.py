"""The page at the local issuer's root: ask for a token, read it, call the API with it (ADR 41).

It is served from infra/local/web as it stands there, and learns of the stack from config.json, which this makes.
"""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from auth_server import access_token
from auth_server.access_token import Grant
from auth_server.aws.kms import KmsKeySource
from authorizer.urls import is_loopback
from infra.local.static_site import StaticSite, security_headers

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from infra.local.stack import LocalStack

WEB = Path(__file__).parent / "web"
EXPIRED_SECONDS_AGO = 7_200
_TOLD = ("issuer", "api", "client_id", "client_secret", "scope", "audience")  # of what `latchkey local --json` prints


def with_developer_page(stack: "LocalStack", gateway: "ASGIApp") -> "ASGIApp":
    """Put the page in front of the issuer's gateway.

    Only on loopback: the page is told the demo client's secret.
    """
    if not is_loopback(urlsplit(stack.issuer).hostname or ""):
        return gateway
    return StaticSite(
        WEB,
        headers=security_headers(stack.api),
        documents={"config.json": json.dumps(_config(stack)).encode()},
        origin=stack.issuer,
        otherwise=gateway,
    )


def expired_token(stack: "LocalStack") -> str:
    """Sign a token with the stack's own key that was good until an hour ago."""
    announced = stack.announcement()
    key = KmsKeySource(stack.aws("kms"), stack.signing_key_id).load()
    grant = Grant(announced["client_id"], ("products:read",), (stack.api,), lifetime=EXPIRED_SECONDS_AGO // 2)
    return access_token.mint(grant, issuer=stack.issuer, key=key, now=int(time.time()) - EXPIRED_SECONDS_AGO).value


def _config(stack: "LocalStack") -> dict[str, str]:
    announced = stack.announcement()
    return {name: announced[name] for name in _TOLD} | {"expired_token": expired_token(stack)}
