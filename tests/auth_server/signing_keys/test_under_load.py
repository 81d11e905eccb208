"""Ten thousand tokens, issued and verified while keys rotate three times and secrets twice: none is refused.

Two servers, each with what it last read of the keys; a cache between them and everybody, as long as the key set allows;
an authorizer with its own `JwksCache`; and a verifier that asks for keys every two hours and never in between, as an
HTTP API does. One clock for all of them.
"""

import heapq
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from auth_server import jwk
from auth_server.app import App
from auth_server.audit import AuditLog
from auth_server.aws.signing_keys import EndorsedKeySource
from auth_server.client_registration import new_secret, rotate_secret
from auth_server.key_ring import KeyRing
from auth_server.last_use import LastUse
from auth_server.quota import Quota
from auth_server.remote_keys import RemoteKeys
from auth_server.routes import ROUTES
from auth_server.services import Services
from auth_server.settings import Settings
from auth_server.signing_keys.key_record import DATA_KEY, KMS, SIGNERS
from auth_server.signing_keys.rotation import MadeKey
from auth_server.throttle import Throttle
from auth_server.token_reuse import TokenReuse
from auth_server.wire import response_to_event
from authorizer.access_token import Expectation
from authorizer.document_cache import CacheTimes
from authorizer.issuers import Issuer, Issuers
from authorizer.jwks import KeySet, KeySource, parse_jwks
from authorizer.jwks_cache import JwksCache
from authorizer.revocations import NOT_READ
from authorizer.token_verifier import TokenVerifier
from tests.auth_server.signing_keys.world import DAY, FIRST_KEY, HOUR, RULES, World
from tests.simulator import (
    AUDIENCE,
    ENVIRON,
    ISSUER,
    NOW,
    SECRET,
    LocalKeySource,
    MemoryClientStore,
    MemoryStateStore,
    basic,
    client,
    event,
)

TOKENS = {DATA_KEY: 10_000, KMS: 2_000}
ROTATIONS, SECRETS = 3, 2
SECONDS = ROTATIONS * DAY
LIFETIME = 3_600
OVERLAP = HOUR  # of secrets


class Kms:
    """Keys in this process: KMS as far as tokens need it, as fast as ten thousand of them need it."""

    def __init__(self) -> None:
        """Have none."""
        self.private: dict[str, rsa.RSAPrivateKey] = {}

    def make(self, signer: str, key_id: str) -> MadeKey:
        """Make a key."""
        private = self.private[key_id] = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        public = jwk.from_der(private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
        return MadeKey(public, key_id) if signer == KMS else MadeKey(public, encrypted_key=key_id.encode())

    def decrypt(self, *, CiphertextBlob: bytes, **_: Any) -> dict[str, bytes]:  # noqa: N803 - KMS's name
        """Decrypt what stands for a private key."""
        private = self.private[CiphertextBlob.decode()]
        return {"Plaintext": private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())}

    def sign(self, *, KeyId: str, Message: bytes, **_: Any) -> dict[str, bytes]:  # noqa: N803 - KMS's names
        """Sign."""
        return {"Signature": self.private[KeyId].sign(Message, padding.PKCS1v15(), hashes.SHA256())}


@dataclass
class Busy:
    """All of it, and one clock."""

    signer: str
    clients: MemoryClientStore = field(default_factory=lambda: MemoryClientStore(client()))
    kms: Kms = field(default_factory=Kms)
    chance: Random = field(default_factory=lambda: Random(7))  # noqa: S311 - which server answers

    def __post_init__(self) -> None:
        """Start two servers."""
        self.world = World(RULES[self.signer], pairs=self.kms.make)
        self.servers = [self._server(), self._server()]
        self.secret = SECRET

    def clock(self) -> float:
        """Tell the time."""
        return self.world.now

    def _server(self) -> App[Services]:
        settings = Settings.from_environ({**ENVIRON, "LOG_LEVEL": "ERROR"})
        later = EndorsedKeySource(
            self.kms, self.world, issuer=ISSUER, signer=self.signer, key_encryption_key_id="alias/encrypting"
        )
        state = MemoryStateStore()
        services = Services(
            settings=settings,
            clients=self.clients,
            state=state,
            keys=KeyRing(LocalKeySource(), max_age=settings.key_cache_seconds, clock=self.clock, later=later),
            remote_keys=RemoteKeys(clock=self.clock, loopback=False),
            clock=self.clock,
            throttle=Throttle(state, self.clock),
            last_use=LastUse(state, self.clock),
            quota=Quota(state, self.clock),
            reuse=TokenReuse(state, self.clock, by_default=settings.reuses_tokens),
        )
        return App(services, AuditLog(settings.log_level), ROUTES)

    def send(self, request: dict[str, Any]) -> dict[str, Any]:
        """Ask one of the servers, whichever."""
        return response_to_event(self.chance.choice(self.servers).handle(request))

    def token(self) -> str:
        """Ask for a token."""
        answer = self.send(
            event("POST", "/oauth/token", body="grant_type=client_credentials", headers=basic("demo", self.secret))
        )
        assert answer["statusCode"] == 200, answer["body"]
        token: str = json.loads(answer["body"])["access_token"]
        return token

    def jwks(self) -> tuple[bytes, int]:
        """Ask for the keys; also how long the answer may be kept."""
        answer = self.send(event("GET", "/.well-known/jwks.json"))
        assert answer["statusCode"] == 200
        return answer["body"].encode(), int(answer["headers"]["Cache-Control"].rpartition("=")[2])

    def rotate_secret(self) -> str:
        """Give the client another secret, the old one being good for a while."""
        secret, record = new_secret(imported=None, now=self.world.now)
        kept = self.clients.clients["demo"]
        self.clients.clients["demo"] = rotate_secret(kept, record, overlap=OVERLAP, now=self.world.now)
        return secret


def kept_for(seconds: Callable[[int], int], ask: Callable[[], tuple[bytes, int]], clock: Callable[[], float]) -> Any:
    """Give a cache in front of the keys; `seconds` says how long one keeps what may be kept so long."""
    kept: list[tuple[float, bytes]] = [(0.0, b"")]

    def get() -> bytes:
        if clock() >= kept[0][0]:
            body, max_age = ask()
            kept[0] = (clock() + seconds(max_age), body)
        return kept[0][1]

    return get


class TwoHours:
    """Keys that are asked for every two hours, and for no reason in between."""

    def __init__(self, get: Callable[[], bytes], clock: Callable[[], float]) -> None:
        """Ask by `get`."""
        self._keys: Callable[[], bytes] = kept_for(lambda _: 2 * HOUR, lambda: (get(), 0), clock)
        self._parsed: tuple[bytes, KeySet] = (b"", KeySet({}))

    def find(self, kid: str) -> Any:
        """Find a key."""
        text = self._keys()
        if text != self._parsed[0]:
            self._parsed = (text, parse_jwks(text))
        return self._parsed[1].find(kid)


def verifiers(busy: Busy) -> list[TokenVerifier]:
    """Give the authorizer, and the verifier that hardly asks."""
    between = kept_for(lambda max_age: max_age, busy.jwks, busy.clock)
    failures: list[Any] = []
    sources: list[KeySource] = [
        JwksCache(between, CacheTimes(300, 10, 3_600), clock=busy.clock, on_failure=failures.append),
        TwoHours(between, busy.clock),
    ]
    expected = Expectation(ISSUER, frozenset({AUDIENCE}), 60)
    return [TokenVerifier(Issuers(Issuer(expected, keys, NOT_READ)), busy.clock) for keys in sources]


@pytest.mark.parametrize("signer", SIGNERS)
def test_no_token_is_refused_while_keys_and_secrets_rotate(signer: str) -> None:
    """Each token is good when it is issued, and in the last second of its life."""
    busy, step = Busy(signer), SECONDS / TOKENS[signer]
    verify = verifiers(busy)
    kids, outstanding, secrets = set[str](), list[tuple[float, str]](), [busy.secret]
    next_run, switch_at = 0.0, float("inf")
    for number in range(TOKENS[signer]):
        busy.world.now = NOW + int(number * step)
        while outstanding and outstanding[0][0] < busy.world.now + step:
            _, old = heapq.heappop(outstanding)
            for verifier in verify:
                verifier.verify(old)
        if busy.world.now >= next_run:
            busy.world.rotation().run()
            next_run = busy.world.now + HOUR
        if len(secrets) <= SECRETS and number >= len(secrets) * TOKENS[signer] // (SECRETS + 1):
            secrets.append(busy.rotate_secret())
            switch_at = busy.world.now + OVERLAP / 2
        if busy.world.now >= switch_at:
            busy.secret, switch_at = secrets[-1], float("inf")
        token = busy.token()
        kids.update(verifier.verify(token).kid for verifier in verify)
        heapq.heappush(outstanding, (busy.world.now + LIFETIME, token))
    assert len(kids - {FIRST_KEY.kid}) == ROTATIONS
    assert (len(secrets), busy.secret) == (SECRETS + 1, secrets[-1])
