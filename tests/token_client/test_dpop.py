"""The client's half of DPoP, verified by the server's (token_client/dpop.py)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from authorizer.dpop import Expectation, ProofError, verify
from tests.token_client.test_flight import in_a_fork
from token_client.dpop import DPoPKey, Nonces, htu, origin
from token_client.errors import ConfigurationError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

NOW = 1_790_000_000.75
URL = "https://api.example.com/products"
KEY = DPoPKey.generate()
EC_KEY = ec.generate_private_key(ec.SECP256R1())


def pem(key: PrivateKeyTypes, form: PrivateFormat = PrivateFormat.PKCS8) -> str:
    """Write a private key."""
    return key.private_bytes(Encoding.PEM, form, NoEncryption()).decode()


@pytest.mark.spec("RFC 9449", "4.2")
def test_a_proof_is_what_our_server_takes() -> None:
    """The proof for a request with a token is good for it, and names the key by its thumbprint."""
    proof = verify(
        KEY.proof("GET", URL, now=NOW, access_token="t"), Expectation("GET", URL, 0), now=int(NOW), access_token="t"
    )
    assert (proof.jkt, KEY.thumbprint, proof.iat) == (KEY.jkt, KEY.jkt, int(NOW))


# One change of the request that the proof is for.
OTHERS = [
    (Expectation("POST", URL, 60), NOW, "t"),
    (Expectation("GET", URL + "/1", 60), NOW, "t"),
    (Expectation("GET", URL, 60), NOW + 61, "t"),
    (Expectation("GET", URL, 60), NOW, "another"),
]


@pytest.mark.parametrize(("expected", "now", "token"), OTHERS)
def test_a_proof_is_for_nothing_else(expected: Expectation, now: float, token: str) -> None:
    """With another method, URL, time or token it is refused."""
    with pytest.raises(ProofError):
        verify(KEY.proof("GET", URL, now=NOW, access_token="t"), expected, now=now, access_token=token)


def test_no_two_proofs_are_the_same() -> None:
    """A proof is good once, so each has an id of its own."""
    expected = Expectation("GET", URL, 60)
    ids = {verify(KEY.proof("GET", URL, now=NOW), expected, now=NOW, access_token=None).jti for _ in range(100)}
    assert len(ids) == 100
    assert min(map(len, ids)) >= 16


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def test_a_key_is_read_from_its_pem_text(form: PrivateFormat) -> None:
    """Tokens that are bound to it outlive the process: the thumbprint is the same again."""
    first, second = (DPoPKey.from_pem(pem(EC_KEY, form)) for _ in range(2))
    assert first.jkt == second.jkt != KEY.jkt
    text = first.proof("GET", URL, now=NOW)
    assert verify(text, Expectation("GET", URL, 60), now=NOW, access_token=None).jkt == first.jkt


REFUSED = {
    "nothing": "",
    "no PEM": "secret-words",
    "PEM of nothing": "-----BEGIN PRIVATE KEY-----\nsecret-words\n-----END PRIVATE KEY-----\n",
    "RSA": pem(rsa.generate_private_key(public_exponent=65537, key_size=2048)),
    "another curve": pem(ec.generate_private_key(ec.SECP384R1())),
    "Ed25519": pem(ed25519.Ed25519PrivateKey.generate()),
    "a public key": EC_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
    "an encrypted key": EC_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")).decode(),
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_another_key_is_refused(text: str) -> None:
    """What is not a private key on P-256 is refused at once, and not repeated in the error."""
    with pytest.raises(ConfigurationError, match="the DPoP key is not") as raised:
        DPoPKey.from_pem(text)
    assert "secret-words" not in str(raised.value)
    assert raised.value.__cause__ is None


def test_a_key_is_not_shown() -> None:
    """Its repr tells nothing."""
    assert repr(DPoPKey.from_pem(pem(EC_KEY))) == "DPoPKey()"


# A URL, and what a proof names it (RFC 9449 4.2, RFC 3986 6.2.3).
NAMED = {
    "https://api.example.com": "https://api.example.com/",
    "https://api.example.com:443/a?b#c": "https://api.example.com/a",
    "http://api.example.com:80/": "http://api.example.com/",
    "http://api.example.com:443/": "http://api.example.com:443/",
    "https://API.example.com:8443/A%20b": "https://api.example.com:8443/A%20b",
    "https://user:secret@api.example.com/": "https://api.example.com/",
    "https://[::1]:443/x": "https://[::1]/x",
    "https://api.example.com/a;b?": "https://api.example.com/a;b",
}


@pytest.mark.parametrize(("url", "named"), NAMED.items())
def test_a_url_is_named_without_query_and_fragment(url: str, named: str) -> None:
    """Servers that compare letter by letter are served too: nothing is left in that need not be."""
    assert htu(url) == named
    verify(KEY.proof("GET", url, now=NOW), Expectation("GET", named, 60), now=NOW, access_token=None)


@given(st.from_regex(r"https?://[a-z0-9.-]{1,20}(:[0-9]{1,5})?(/[!-~]*)?", fullmatch=True))
def test_a_name_stays_what_it_is(url: str) -> None:
    """Naming twice changes nothing, and keeps the origin."""
    assert htu(htu(url)) == htu(url)
    assert origin(htu(url)) == origin(url)


@pytest.mark.spec("RFC 9449", "8.2")
def test_nonces_are_kept_by_origin() -> None:
    """The last nonce of an origin is for all of its URLs and for no other's; an answer without one changes nothing."""
    nonces = Nonces()
    nonces.hear("https://a.example:443/x", "1")
    nonces.hear("https://a.example/y?z", "2")
    nonces.hear("https://a.example", None)
    assert [nonces.of(f"https://{host}/z") for host in ("a.example", "b.example", "a.example:8443")] == [
        "2",
        None,
        None,
    ]
    assert nonces.of("http://a.example/x") is None


def test_nonces_are_bounded() -> None:
    """The hundred origins heard of last are kept, and no nonce of more than a kilobyte."""
    nonces = Nonces()
    nonces.hear("https://first.example", "old")
    for number in range(99):
        nonces.hear(f"https://{number}.example", str(number))
    nonces.hear("https://first.example", "first")
    nonces.hear("https://99.example", "99")
    kept = [number for number in range(100) if nonces.of(f"https://{number}.example")]
    assert (kept, nonces.of("https://first.example")) == (list(range(1, 100)), "first")
    nonces.hear("https://first.example", "x" * 1_025)
    assert nonces.of("https://first.example") == "first"


def test_a_fork_hears_nonces_though_a_thread_was_just_hearing_one() -> None:
    """The lock of a thread that is not in the child is not either."""
    nonces = Nonces()
    with nonces._lock:  # noqa: SLF001 - as if a thread were just hearing one

        def hears() -> bool:
            nonces.hear(URL, "nonce")
            return nonces.of(URL) == "nonce"

        assert in_a_fork(hears)
