"""An authorizer over the test issuer's keys, asked without a Lambda around it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from authorizer import event
from authorizer.decision import Allow, Decision, Deny, Rules, Unauthorized, decide
from authorizer.errors import Reason
from authorizer.event import Kind
from authorizer.issuers import Issuers
from authorizer.proof_of_possession import PossessionVerifier
from authorizer.route_map import RouteMap
from authorizer.token_verifier import TokenVerifier
from tests.authorizer.authorizer_events import event_of
from tests.authorizer.issuer import NOW, Clock, claims, encode, header, key_set, sign, trusted
from tests.authorizer.proofs import ES256, Signer, proof

ORIGIN = "https://api.example.com"
# The URL of the recorded events' call, as a client of each kind of API writes it.
URLS = {
    Kind.REST_REQUEST: f"{ORIGIN}/prod/products/kettle",
    Kind.HTTP_1: f"{ORIGIN}/products/kettle",
    Kind.HTTP_2: f"{ORIGIN}/products/kettle",
}
# Two scopes, one of which is for a route under the other's pattern.
ROUTES = RouteMap.parse(
    json.dumps(
        {
            "latchkey_routes": 1,
            "groups": [
                {
                    "any_of": [["products:read"]],
                    "routes": ["GET /products", "GET /products/{id}"],
                    "allow": ["GET/products", "GET/products/*"],
                    "deny": [],
                },
                {
                    "any_of": [["prices:read"]],
                    "routes": ["GET /products/{id}/price"],
                    "allow": ["GET/products/*/price"],
                    "deny": [{"pattern": "GET/products/*/price", "against": [0]}],
                },
            ],
            "closed": {"routes": ["DELETE /products"], "deny": []},
            "connect": [["chat"]],
        }
    ).encode()
)


@dataclass
class Deciding:
    """A warm Lambda with these rules, whose clock stands until it is moved."""

    rules: Rules = field(default_factory=Rules)
    origin: str = ORIGIN
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        """Build the parts once: they remember."""
        self._verifier = TokenVerifier(Issuers(trusted(key_set())), self.clock)
        self._possessions = PossessionVerifier(self.origin, 60, self.clock)

    def on(self, asked: Mapping[str, Any]) -> Decision:
        """Decide about an event."""
        return decide(event.parse(asked), self._verifier, self._possessions, self.rules)

    def about(self, kind: Kind, text: str) -> Decision:
        """Decide about an event of this kind with a bearer token."""
        return self.on(event_of(kind, f"Bearer {text}"))


def token(**members: Any) -> str:
    """Sign a good token with some claims changed."""
    return sign(header(), claims(**members))


def bound_to(signer: Signer = ES256, **members: Any) -> str:
    """Sign a good token that is bound to a key (RFC 9449 6.1)."""
    return token(cnf={"jkt": jkt(signer)}, **members)


def jkt(signer: Signer = ES256) -> str:
    """Give the RFC 7638 thumbprint of a key on P-256."""
    members = {name: signer.jwk[name] for name in ("crv", "kty", "x", "y")}
    return encode(hashlib.sha256(json.dumps(members, separators=(",", ":")).encode()).digest())


def proof_for(text: str, url: str, signer: Signer = ES256, **members: Any) -> str:
    """Make a proof for a call of GET with this token."""
    ath = encode(hashlib.sha256(text.encode()).digest())
    return proof(signer, claims={"htm": "GET", "htu": url, "ath": ath, "iat": NOW} | members)


def allowed(decision: Decision) -> dict[str, Any]:
    """Give the result of a decision that is Allow."""
    assert isinstance(decision, Allow), decision
    return decision.result


def denied(decision: Decision) -> tuple[Reason, dict[str, Any]]:
    """Give reason and result of a decision that is Deny."""
    assert isinstance(decision, Deny), decision
    return decision.refusal.reason, decision.result


def unauthorized(decision: Decision) -> Reason:
    """Give the reason of a decision that is Unauthorized."""
    assert isinstance(decision, Unauthorized), decision
    return decision.refusal.reason


def statements(result: Mapping[str, Any]) -> dict[str, list[str]]:
    """Give what a policy allows and denies, from the stage's name on."""
    found: dict[str, list[str]] = {}
    for statement in result["policyDocument"]["Statement"]:
        assert statement["Action"] == "execute-api:Invoke"
        assert statement["Effect"] not in found
        found[statement["Effect"]] = [resource.split("/", 1)[1] for resource in statement["Resource"]]
    return found
