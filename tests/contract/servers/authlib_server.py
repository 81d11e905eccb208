"""An authorization server and an API built on Authlib's server side and Flask, as their documentation shows.

    python -m tests.contract.servers.authlib_server '{"clients": [...]}'

prints where it listens as one line of JSON, and serves until it is killed. Its issuer has a path, and its tokens say
nothing to anybody but itself.
"""

import json
import sys
import time
from dataclasses import dataclass
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer, ResourceProtector, current_token
from authlib.oauth2.rfc6749 import ClientMixin, TokenMixin
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant
from authlib.oauth2.rfc6750 import BearerTokenValidator
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from flask import Flask, Response, jsonify
from joserfc.jwk import KeySet
from werkzeug.serving import WSGIRequestHandler, make_server

METHODS = ["client_secret_basic", "client_secret_post", "private_key_jwt"]


@dataclass(frozen=True)
class Client(ClientMixin):  # type: ignore[misc] # Authlib has no types
    """A registered client (RFC 7591 2)."""

    client_id: str
    scope: str
    token_endpoint_auth_method: str
    client_secret: str = ""
    jwks: dict[str, Any] | None = None

    def get_allowed_scope(self, scope: str) -> str:
        """Grant what it is registered for, of what it asks for."""
        allowed = self.scope.split()
        return " ".join(asked for asked in scope.split() if asked in allowed)

    def check_client_secret(self, client_secret: str) -> bool:
        """Compare the secret; a client with a key has none."""
        return bool(self.client_secret) and client_secret == self.client_secret

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        """Allow the one method of its registration."""
        return bool(endpoint == "token" and method == self.token_endpoint_auth_method)

    def check_grant_type(self, grant_type: str) -> bool:
        """Allow client credentials."""
        return grant_type == "client_credentials"


@dataclass(frozen=True)
class Token(TokenMixin):  # type: ignore[misc] # as above
    """A token that was issued."""

    client_id: str
    scope: str
    expires_at: float

    def get_scope(self) -> str:
        """Give its scope."""
        return self.scope

    def is_expired(self) -> bool:
        """Whether its time is over."""
        return time.time() >= self.expires_at

    def is_revoked(self) -> bool:
        """Nothing revokes here."""
        return False


class Grant(ClientCredentialsGrant):  # type: ignore[misc] # as above
    """Client credentials, with every method of authentication."""

    TOKEN_ENDPOINT_AUTH_METHODS = METHODS


class Assertions(JWTBearerClientAssertion):  # type: ignore[misc] # as above
    """private_key_jwt (RFC 7523 3), each assertion once."""

    CLIENT_AUTH_METHOD = "private_key_jwt"

    def __init__(self, audiences: list[str]) -> None:
        """Accept assertions for these audiences."""
        super().__init__()
        self.audiences, self.seen = audiences, set[str]()

    def get_audiences(self) -> list[str]:
        """Give them."""
        return self.audiences

    def validate_jti(self, _claims: Any, jti: str) -> bool:
        """Whether it is seen for the first time."""
        new = jti not in self.seen
        self.seen.add(jti)
        return new

    def resolve_client_public_key(self, client: Client) -> KeySet:
        """Give the keys that the client is registered with."""
        assert client.jwks is not None
        return KeySet.import_key_set(client.jwks)  # type: ignore[arg-type] # the JSON that it was registered with


def application(origin: str, clients: dict[str, Client]) -> Flask:
    """Give the server, whose issuer is `{origin}/tenant`, with its API."""
    app, issued = Flask(__name__), dict[str, Token]()
    issuer = f"{origin}/tenant"
    endpoint = f"{issuer}/token"

    def save_token(token: dict[str, Any], request: Any) -> None:
        expires_at = time.time() + token["expires_in"]
        issued[token["access_token"]] = Token(request.client.client_id, token.get("scope", ""), expires_at)

    class Validator(BearerTokenValidator):  # type: ignore[misc] # as above
        def authenticate_token(self, token_string: str) -> Token | None:
            return issued.get(token_string)

    server = AuthorizationServer(app, clients.get, save_token)
    server.register_client_auth_method("private_key_jwt", Assertions([issuer, endpoint]))
    server.register_grant(Grant)
    protected = ResourceProtector()
    protected.register_token_validator(Validator())

    @app.get("/.well-known/oauth-authorization-server/tenant")
    def metadata() -> dict[str, Any]:
        return {
            "issuer": issuer,
            "token_endpoint": endpoint,
            "response_types_supported": [],
            "grant_types_supported": ["client_credentials"],
            "token_endpoint_auth_methods_supported": METHODS,
            "token_endpoint_auth_signing_alg_values_supported": ["RS256"],
        }

    @app.post("/tenant/token")
    def token() -> Response:
        answer: Response = server.create_token_response()
        return answer

    @app.get("/items")
    @protected("items:read")  # type: ignore[untyped-decorator] # as above
    def items() -> Response:
        return jsonify(client_id=current_token.client_id)

    @app.post("/items")
    @protected("items:write")  # type: ignore[untyped-decorator] # as above
    def create_item() -> Response:
        return jsonify(client_id=current_token.client_id)

    return app


class Quiet(WSGIRequestHandler):
    """Serves without a line for each request."""

    def log_request(self, *_: Any) -> None:
        """Write nothing."""


def main(told: dict[str, Any]) -> None:
    """Serve on a free port."""
    clients = {item["client_id"]: Client(**item) for item in told["clients"]}
    app = Flask(__name__)
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    origin = f"http://127.0.0.1:{server.server_port}"
    server.app = application(origin, clients)
    announcement = {"issuer": f"{origin}/tenant", "token_endpoint": f"{origin}/tenant/token", "api": origin}
    print(json.dumps(announcement), flush=True)  # noqa: T201 - whoever started it reads it
    server.serve_forever()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
