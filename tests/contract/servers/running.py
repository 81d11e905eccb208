"""Starts each of the servers, registers the same clients with it, and says how a client reaches it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from joserfc.jwk import RSAKey

from tests.latchkey.command import Command

NODE: Final = Path(__file__).parents[1] / "node"
SECRET: Final = "a secret of forty-three characters, or so ."
ODD_SECRET: Final = "with a colon: a per cent %, a plus +, an ampersand &, a slash /"  # RFC 6749 A.2: any of VSCHAR
METHODS: Final = ("client_secret_basic", "client_secret_post", "private_key_jwt")
KEY: Final = RSAKey.generate_key(2048)
Clock = Mapping[str, int]


@dataclass(frozen=True)
class Server:
    """A running server: its addresses, its clients by their method, and what its API wants.

    Each client may ask for `read` alone. `api` is the address that `read` may GET, and may not POST to.
    """

    name: str
    issuer: str
    token_endpoint: str
    api: str
    read: str
    resource: str | None
    secrets: Mapping[str, tuple[str, str]]
    key_client_id: str
    binds_tokens: bool

    @property
    def wanted(self) -> dict[str, Any]:
        """Give the arguments of a `TokenClient` that say what is asked for."""
        return {"scope": self.read, "resource": self.resource}


def pem() -> str:
    """Give the private key of the clients that have one."""
    return KEY.as_pem(private=True).decode()


def jwks() -> dict[str, Any]:
    """Give its public half, as clients are registered with it."""
    return {"keys": [{**KEY.as_dict(private=False), "kid": KEY.thumbprint(), "alg": "RS256", "use": "sig"}]}


def registered(secret: str) -> list[dict[str, Any]]:
    """Give a client of each method (RFC 7591 2)."""
    with_secret = [
        {"client_id": method, "client_secret": secret, "scope": "items:read", "token_endpoint_auth_method": method}
        for method in METHODS[:2]
    ]
    key = {"client_id": "key", "scope": "items:read", "token_endpoint_auth_method": "private_key_jwt", "jwks": jwks()}
    return [*with_secret, key]


def latchkey_command(stack: Mapping[str, Any], *arguments: str) -> dict[str, Any]:
    """Run the command line on a stack, give its document."""
    environ = {"AWS_ENDPOINT_URL": stack["aws_endpoint_url"], "HOME": os.devnull}
    result = Command(environ).run(*arguments, "--json")
    assert result.status == 0, result.stderr
    document: dict[str, Any] = result.json
    return document


def local(stack: Mapping[str, Any], folder: Path) -> Server:
    """Register the clients with a local stack that runs."""
    keys = folder / "jwks.json"
    keys.write_text(json.dumps(jwks()), encoding="utf-8")
    create = ("clients", "create", "--scope", "products:read", "--audience", stack["audience"])
    reader = latchkey_command(stack, *create)
    key = latchkey_command(stack, *create, "--auth-method", "private_key_jwt", "--jwks", str(keys))
    return Server(
        name="latchkey",
        issuer=stack["issuer"],
        token_endpoint=f"{stack['issuer']}/oauth/token",
        api=f"{stack['api']}/products",
        read="products:read",
        resource=stack["audience"],
        secrets=dict.fromkeys(METHODS[:2], (reader["client_id"], reader["client_secret"])),
        key_client_id=key["client_id"],
        binds_tokens=True,
    )


@contextmanager
def node_oidc_provider(*, ahead: int = 0) -> Iterator[Server]:
    """Run node-oidc-provider, its clock `ahead` by these seconds. Skips without Node, but for a CI job: that has it."""
    node = shutil.which("node")
    if node is None or not (NODE / "node_modules" / "oidc-provider").exists():
        assert os.environ.get("CI") != "true", "a CI job has it: npm install --prefix tests/contract/node"
        pytest.skip("needs Node, and npm install --prefix tests/contract/node")
    told = {"clients": registered(ODD_SECRET), "scope": "items:read items:write", "ahead": ahead}
    with _running(node, str(NODE / "oidc-provider.mjs"), json.dumps(told)) as said:
        yield _foreign("node-oidc-provider", said, ODD_SECRET, resource=said["api"], binds_tokens=True)


@contextmanager
def authlib(*, ahead: int = 0) -> Iterator[Server]:
    """Run Authlib's server. It reads Basic as RFC 7617 has it, so its secret has no character that RFC 6749 encodes."""
    secret = SECRET.translate(dict.fromkeys(map(ord, " ,."), "-"))
    told = json.dumps({"clients": registered(secret)})
    program = ("tests.token_client.ahead", str(ahead), "tests.contract.servers.authlib_server")
    with _running(sys.executable, "-m", *program, told) as said:
        yield _foreign("authlib", said, secret, resource=None, binds_tokens=False)


FOREIGN: Final[Mapping[str, Callable[..., AbstractContextManager[Server]]]] = {
    "node-oidc-provider": node_oidc_provider,
    "authlib": authlib,
}


@contextmanager
def _running(*command: str) -> Iterator[dict[str, str]]:
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:  # noqa: S603 - our own arguments
        try:
            assert process.stdout is not None
            said: dict[str, str] = json.loads(process.stdout.readline())
            yield said
        finally:
            process.terminate()


def _foreign(name: str, said: Mapping[str, str], secret: str, *, resource: str | None, binds_tokens: bool) -> Server:
    return Server(
        name=name,
        issuer=said["issuer"],
        token_endpoint=said["token_endpoint"],
        api=f"{said['api']}/items",
        read="items:read",
        resource=resource,
        secrets={method: (method, secret) for method in METHODS[:2]},
        key_client_id="key",
        binds_tokens=binds_tokens,
    )
