"""`latchkey token inspect`: the authorizer's own answer about a token, and what the token says."""

import json
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from authorizer.errors import Reason
from latchkey.inspection import EXPLANATIONS
from tests.latchkey.command import Command, Result
from tests.latchkey.issuer import Issuer
from tests.simulator import AUDIENCE

FOREIGN_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def command(issuer: Issuer) -> Command:
    """Return the command with the issuer in its environment."""
    return Command({"LATCHKEY_ISSUER": issuer.url})


class Forge:
    """Makes tokens as the issuer would, with what the test changes about them."""

    def __init__(self, issuer: Issuer) -> None:
        """Start from a token that the issuer has issued."""
        answer = json.loads(issuer.simulator.token()["body"])
        self.good: str = answer["access_token"]
        self.claims = issuer.simulator.claims({"body": json.dumps(answer)})
        self.header = jwt.get_unverified_header(self.good)
        self.key = issuer.simulator.keys.private_key

    def token(
        self,
        claims: dict[str, Any] | None = None,
        header: dict[str, Any] | None = None,
        key: rsa.RSAPrivateKey | None = None,
    ) -> str:
        """Sign a token with these changes; None removes a claim."""
        said = {name: value for name, value in {**self.claims, **(claims or {})}.items() if value is not None}
        return jwt.encode(said, key or self.key, algorithm="RS256", headers={**self.header, **(header or {})})

    def unsigned(self, algorithm: str, secret: Any) -> str:
        """Protect the token in a way that takes no key of the issuer's."""
        return jwt.encode(self.claims, secret, algorithm, headers={**self.header, "alg": algorithm})


@pytest.fixture
def forge(issuer: Issuer) -> Forge:
    """Return a maker of tokens."""
    return Forge(issuer)


def inspect(command: Command, token: str, *options: str) -> Result:
    """Run `token inspect`."""
    return command.run("token", "inspect", *options, "--", token)


def test_a_good_token_is_valid(command: Command, forge: Forge) -> None:
    """Header and claims are shown as verified, with dates, and the status is 0."""
    result = inspect(command, forge.good, "--json", "--audience", AUDIENCE)
    assert (result.status, result.stderr) == (0, "")
    assert {name: result.json[name] for name in ("valid", "reason", "audience_compared")} == {
        "valid": True,
        "reason": None,
        "audience_compared": True,
    }
    assert result.json["claims"] == forge.claims
    assert result.json["header"] == forge.header
    assert set(result.json["times"]) == {"iat", "exp"}


def test_a_good_token_is_laid_out_for_people(command: Command, forge: Forge) -> None:
    """Times are dates, with how far off they are."""
    result = inspect(command, forge.token({"exp": forge.claims["iat"] + 3590}))
    assert result.status == 0
    assert result.stdout.startswith("Valid, if the API is what aud says")
    for text in ("Claims (verified)", "(in 59 min)", AUDIENCE, "RS256"):
        assert text in result.stdout
    assert inspect(command, forge.good, "--audience", AUDIENCE).stdout.startswith("Valid.\n")


def test_a_token_comes_from_stdin(command: Command, forge: Forge) -> None:
    """- reads the token from stdin, as `token get` prints it."""
    assert command.run("token", "inspect", "-", stdin=forge.good + "\n").status == 0


# What is wrong, how it is made, the authorizer's reason, and whether the issuer's signature still vouches for it.
REFUSED: dict[str, tuple[Callable[[Forge], str], Reason, bool]] = {
    "expired": (lambda f: f.token({"exp": f.claims["iat"] - 3600}), Reason.EXPIRED, True),
    "not yet valid": (lambda f: f.token({"nbf": f.claims["iat"] + 3600}), Reason.NOT_YET_VALID, True),
    "issued tomorrow": (lambda f: f.token({"iat": f.claims["iat"] + 86_400}), Reason.ISSUED_IN_THE_FUTURE, True),
    "another issuer": (lambda f: f.token({"iss": "https://other.example"}), Reason.ISSUER_REFUSED, True),
    "no audience": (lambda f: f.token({"aud": []}), Reason.AUDIENCE_REFUSED, True),
    "too much": (lambda f: f.token({"scope": " ".join(["products:read"] * 290)}), Reason.RESULT_TOO_LARGE, True),
    "no jti": (lambda f: f.token({"jti": None}), Reason.CLAIM_MISSING, False),
    "a bad time": (lambda f: f.token({"client_id": 7}), Reason.CLAIM_MALFORMED, False),
    "another key": (lambda f: f.token(key=FOREIGN_KEY), Reason.SIGNATURE_INVALID, False),
    "another kid": (lambda f: f.token(header={"kid": "other"}), Reason.KEY_UNKNOWN, False),
    "its own key": (
        lambda f: f.token(header={"kid": "other", "jku": "http://127.0.0.1:9/keys"}, key=FOREIGN_KEY),
        Reason.KEY_UNKNOWN,
        False,
    ),
    "an ID token": (lambda f: f.token(header={"typ": "JWT"}), Reason.TYP_REFUSED, False),
    "crit": (lambda f: f.token(header={"crit": ["x"]}), Reason.CRIT_REFUSED, False),
    "alg none": (lambda f: f.unsigned("none", None), Reason.ALG_REFUSED, False),
    "HS256": (lambda f: f.unsigned("HS256", "k" * 32), Reason.ALG_REFUSED, False),
    "a changed claim": (lambda f: f.good.replace(".", ".e30", 1), Reason.SIGNATURE_INVALID, False),
    "two parts": (lambda f: f.good.rpartition(".")[0], Reason.NOT_A_JWT, False),
    "nothing": (lambda _: "", Reason.AUTHORIZATION_MALFORMED, False),
    "a space": (lambda f: f.good + " x", Reason.AUTHORIZATION_MALFORMED, False),
    "not ASCII": (lambda _: "é.é.é", Reason.AUTHORIZATION_MALFORMED, False),
    "no UTF-8": (lambda _: "\udcff.\udcff.x", Reason.AUTHORIZATION_MALFORMED, False),
    "no end of it": (lambda f: f.good + "A" * 9000, Reason.AUTHORIZATION_TOO_LONG, False),
}


@pytest.mark.parametrize(("make", "reason", "verified"), REFUSED.values(), ids=REFUSED.keys())
def test_a_bad_token_is_refused_for_the_authorizers_reason(
    command: Command, forge: Forge, make: Callable[[Forge], str], reason: Reason, *, verified: bool
) -> None:
    """The reason is the authorizer's own, the status 1, and what nobody vouches for is called unverified."""
    token = make(forge)
    result = inspect(command, token, "--json")
    assert result.status == 1
    result.said("would be refused", EXPLANATIONS[reason], f"({reason})")
    document = result.json
    assert (document["valid"], document["reason"]) == (False, reason)
    assert ("claims" in document, "unverified_claims" in document) == (verified, not verified)
    assert ("header" in document, "unverified_header" in document) == (verified, not verified)
    shown = inspect(command, token)
    assert (shown.status, shown.stderr) == (1, "Error: the token would be refused\n")
    assert shown.stdout.startswith(f"Would be refused: {EXPLANATIONS[reason]}")
    assert shown.stdout.count(f"({reason})") == 1
    assert "(verified)" not in shown.stdout or verified


def test_another_audience_is_refused(command: Command, forge: Forge) -> None:
    """--audience is what the API is called; of several one suffices."""
    other = ("--audience", "https://other.example")
    assert inspect(command, forge.good, *other, "--json").json["reason"] == Reason.AUDIENCE_REFUSED
    assert inspect(command, forge.good, *other, "--audience", AUDIENCE).status == 0


def test_another_issuers_token_is_named_so(command: Command, forge: Forge) -> None:
    """Of a token whose key the issuer does not know, it is said whose it claims to be."""
    token = forge.token({"iss": "https://other.example"}, {"kid": "other"}, FOREIGN_KEY)
    inspect(command, token, "--json").said("https://other.example", "key_unknown")
    (verdict, *_) = inspect(command, token).stdout.splitlines()
    assert "https://other.example" in verdict


def test_unverified_claims_are_labelled_for_people(command: Command, forge: Forge) -> None:
    """Nobody takes a forged claim for the truth."""
    printed = inspect(command, forge.token({"sub": "root"}, key=FOREIGN_KEY)).stdout
    for title in ("Header", "Claims"):
        assert f"{title} (UNVERIFIED: anybody can have written this)" in printed.splitlines()
    assert "root" in printed


@pytest.mark.parametrize("json_option", [(), ("--json",)], ids=["plain", "json"])
def test_a_token_cannot_move_the_cursor(command: Command, forge: Forge, json_option: tuple[str, ...]) -> None:
    """Control characters in header and claims are shown escaped, on stdout as on stderr."""
    nasty = "\x1b[2J\x07\x7f\x9b\u202e\nValid."
    token = forge.token({"iss": nasty, "sub": nasty, nasty: [nasty]}, {"kid": nasty}, FOREIGN_KEY)
    result = inspect(command, token, *json_option)
    assert not set("\x1b\x07\x7f\x9b\u202e") & set(result.stdout + result.stderr)
    assert "\nValid." not in result.stdout
    assert "key_unknown" in result.stdout
    result.said("would be refused")


@pytest.mark.parametrize("at", [1e300, -1e300, 10**30, -1, True, "soon", 0.5, [1]])
def test_times_of_any_kind_can_be_shown(command: Command, forge: Forge, at: object) -> None:
    """A time that is in no calendar is shown as it is."""
    token = forge.token(key=FOREIGN_KEY, claims={"x": 1, "auth_time": at})
    for options in ((), ("--json",)):
        result = inspect(command, token, *options)
        assert "signature_invalid" in result.stdout
        result.said("would be refused")


def test_keys_that_cannot_be_had_decide_nothing(command: Command, issuer: Issuer, forge: Forge) -> None:
    """An issuer that does not answer is status 3, and neither yes nor no."""
    inspect(command, forge.good, "--issuer", "http://127.0.0.1:9").refused(3, "does not answer")
    for status, body in ((200, b"{}"), (200, b"<html>"), (500, b"")):
        issuer.instead["/.well-known/jwks.json"] = (status, body)
        inspect(command, forge.good).refused(3, "keys")


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(st.one_of(st.text(), st.sampled_from(["e30", "eyJhbGciOiJSUzI1NiJ9", "W10", ""])), max_size=5))
def test_any_text_gets_an_answer(command: Command, parts: list[str]) -> None:
    """Whatever is inspected: a document, a line why, and never a traceback."""
    result = command.run("token", "inspect", "-", "--json", stdin=".".join(parts).encode("utf-8", "replace"))
    assert (result.status, result.json["valid"]) == (1, False)
    result.said("would be refused")


def test_every_reason_is_explained() -> None:
    """There is a sentence for each reason that the authorizer has."""
    assert set(EXPLANATIONS) == set(Reason)
