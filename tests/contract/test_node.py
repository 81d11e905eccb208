"""Clients and verifiers from npm, unmodified, against the local stack.

`npm install --prefix tests/contract/node` installs them; without Node or without them the tests are skipped.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

HERE = Path(__file__).parent / "node"
Stack = dict[str, Any]

needs_node = pytest.mark.skipif(
    shutil.which("node") is None or not (HERE / "node_modules").exists(),
    reason="needs Node, and npm install --prefix tests/contract/node",
)


def run(script: str, told: dict[str, Any]) -> None:
    """Run a script; it is told what it needs as JSON, and says ok."""
    command = [str(shutil.which("node")), str(HERE / script), json.dumps(told)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)  # noqa: S603 - our own script
    assert (result.returncode, result.stdout) == (0, "ok\n"), result.stderr


def create_client(stack: Stack, *options: str) -> dict[str, Any]:
    """Create a client with the command line, give its document."""
    command = [sys.executable, "-m", "latchkey", "clients", "create", "--scope", "products:read", "--json"]
    command += ["--audience", stack["audience"], *options]
    environ = {**os.environ, "AWS_ENDPOINT_URL": stack["aws_endpoint_url"]}
    result = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)  # noqa: S603 - our own arguments
    document: dict[str, Any] = json.loads(result.stdout)
    return document


@pytest.fixture(scope="module")
def told(local_stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Give what the scripts need: the addresses, a client with a secret, and one with a key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = {**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key)), "kid": "contract", "alg": "RS256"}
    public = {name: private[name] for name in ("kty", "n", "e", "kid", "alg")}
    jwks = tmp_path_factory.mktemp("keys") / "jwks.json"
    jwks.write_text(json.dumps({"keys": [public]}), encoding="utf-8")
    clients = {
        "secret": create_client(local_stack),
        "key": create_client(local_stack, "--auth-method", "private_key_jwt", "--jwks", str(jwks)),
    }
    return {**local_stack, "clients": clients, "privateKey": {**private, "key_ops": ["sign"]}}


@needs_node
@pytest.mark.parametrize("script", ["openid-client.mjs", "oauth4webapi.mjs"])
def test_a_client_from_npm(told: dict[str, Any], script: str) -> None:
    """It discovers the server, gets tokens by every method and with DPoP, introspects, revokes and validates them."""
    run(script, told)


@needs_node
def test_aws_jwt_verify(local_stack: Stack) -> None:
    """AWS's own verifier accepts a token of this issuer, and refuses it for another audience."""
    auth = (local_stack["client_id"], local_stack["client_secret"])
    form = {"grant_type": "client_credentials"}
    token = httpx.post(f"{local_stack['issuer']}/oauth/token", data=form, auth=auth).json()["access_token"]
    jwks = httpx.get(f"{local_stack['issuer']}/.well-known/jwks.json").json()
    run("aws-jwt-verify.mjs", {**local_stack, "token": token, "jwks": jwks})
