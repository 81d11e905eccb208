"""`ISSUERS`: several issuers in one setting, read strictly."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authorizer.errors import SettingsError
from authorizer.settings import Settings
from authorizer.trusted_issuer import TrustedIssuer
from tests.authorizer.issuer import AUDIENCE, ISSUER, jwk, jwks, without_none

OTHER = "https://idp.example.net"
GOOD = {"issuer": ISSUER, "audiences": [AUDIENCE]}


def entry(**members: Any) -> dict[str, Any]:
    """Give a good entry with some members changed; None takes one away."""
    return without_none(GOOD | members)


def read(value: Any) -> tuple[TrustedIssuer, ...]:
    """Read a value of the setting, or a text as it is."""
    return Settings.from_environ({"ISSUERS": value if isinstance(value, str) else json.dumps(value)}).issuers


def test_an_entry_has_the_usual_addresses() -> None:
    """Issuer and audiences suffice: keys and feed are where our issuer has them."""
    assert read([GOOD]) == (
        TrustedIssuer(
            ISSUER, frozenset({AUDIENCE}), ISSUER + "/.well-known/jwks.json", None, ISSUER + "/oauth/revocations"
        ),
    )


def test_each_entry_is_what_it_says() -> None:
    """Audiences, keys and feed are each issuer's own."""
    keys, feed = "https://idp.example.net/keys?v=1", "https://feed.example.net/revoked"
    first, second, third = read(
        [
            entry(audiences=["a", "b"], jwks=json.loads(jwks())),
            entry(issuer=OTHER, jwks_uri=keys, revocations_uri="off"),
            entry(issuer=OTHER + "/tenant", revocations_uri=feed),
        ]
    )
    assert first.audiences == {"a", "b"}
    assert first.jwks is not None
    assert first.jwks.find("key-1") is not None
    assert first.jwks_uri == ""
    assert (second.jwks_uri, second.revocations_uri) == (keys, "")
    assert (third.jwks_uri, third.revocations_uri) == (OTHER + "/tenant/.well-known/jwks.json", feed)


def test_an_issuer_may_end_with_a_slash() -> None:
    """Other vendors' do: the name stays as it is, and no address gets two slashes."""
    (trusted,) = read([entry(issuer=OTHER + "/")])
    assert trusted.issuer == OTHER + "/"
    assert trusted.jwks_uri == OTHER + "/.well-known/jwks.json"
    assert trusted.revocations_uri == OTHER + "/oauth/revocations"


REFUSED: dict[str, tuple[Any, str]] = {
    "no JSON": ("[", "strict JSON"),
    "a member twice": (json.dumps([GOOD])[:-2] + ',"issuer":"https://x.example"}]', "strict JSON"),
    "nested deeply": ("[" * 40 + "]" * 40, "strict JSON"),
    "no array": (GOOD, "a JSON array of one issuer or several"),
    "an empty array": ([], "a JSON array of one issuer or several"),
    "a string": ([ISSUER], "number 1 .* object"),
    "no issuer": ([entry(issuer=None)], "number 1 .* issuer must be a string"),
    "an issuer that is null": ('[{"issuer": null, "audiences": ["a"]}]', "issuer must be a string"),
    "an issuer of http": ([GOOD, entry(issuer="http://x.example")], "number 2 .* issuer must be an https URL"),
    "an issuer with a query": ([entry(issuer=ISSUER + "?x")], "issuer must be a URL without"),
    "an issuer that is empty": ([entry(issuer="")], "issuer must be a URL"),
    "no audiences": ([entry(audiences=None)], "audiences must be an array"),
    "audiences empty": ([entry(audiences=[])], "audiences must be an array"),
    "audiences a string": ([entry(audiences=AUDIENCE)], "audiences must be an array"),
    "an audience empty": ([entry(audiences=[""])], "audiences must be an array"),
    "an audience of two": ([entry(audiences=["a b"])], "without spaces"),
    "an audience that is a number": ([entry(audiences=[7])], "audiences must be an array"),
    "an audience that is an array": ([entry(audiences=[["a"]])], "audiences must be an array"),
    "an audience with a control character": ([entry(audiences=["a\x07"])], "audiences must be an array"),
    "an audience twice": ([entry(audiences=["a", "a"])], "no audience twice"),
    "an issuer twice": ([GOOD, entry(audiences=["other"])], "names no issuer twice"),
    "keys from two places": ([entry(jwks=json.loads(jwks()), jwks_uri=OTHER)], "jwks and jwks_uri exclude"),
    "keys that are null": ('[{"issuer": "https://x.example", "audiences": ["a"], "jwks": null}]', "jwks must be"),
    "keys without a key": ([entry(jwks={"keys": []})], "jwks must be a JWK Set"),
    "keys that are text": ([entry(jwks=jwks().decode())], "jwks must be a JWK Set"),
    "keys of one name": ([entry(jwks={"keys": [jwk(), jwk()]})], "jwks must be a JWK Set"),
    "keys of http": ([entry(jwks_uri="http://x.example/keys")], "jwks_uri must be an https URL"),
    "keys of nowhere": ([entry(jwks_uri="")], "jwks_uri must be a URL"),
    "a feed of http": ([entry(revocations_uri="http://x.example")], "revocations_uri must be an https URL"),
    "a feed of nowhere": ([entry(revocations_uri="")], "revocations_uri must be a URL"),
    "a feed that is false": ([entry(revocations_uri=False)], "revocations_uri must be a string"),
    "OFF": ([entry(revocations_uri="OFF")], "revocations_uri must be a URL"),
    "a member misspelt": ([entry(revocation_uri="off")], "members beside issuer, audiences, jwks_uri"),
    "half a surrogate pair": ('[{"issuer": "\udc80", "audiences": ["a"]}]', "is not text"),
    "half a pair, escaped": ([entry(audiences=["\ud800"])], "audiences must be an array"),
}


@pytest.mark.parametrize(("value", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_a_value_with_one_thing_wrong_stops_the_cold_start(value: Any, words: str) -> None:
    """The error names the variable, the entry and the member, and quotes nothing of what stands there."""
    with pytest.raises(SettingsError, match=rf"^ISSUERS .*{words}") as raised:
        read(value)
    assert "example" not in str(raised.value)
    assert raised.value.__suppress_context__


@pytest.mark.parametrize("name", ["ISSUER", "AUDIENCE", "JWKS_URI", "JWKS", "REVOCATIONS_URI"])
def test_several_issuers_and_one_exclude_each_other(name: str) -> None:
    """Which of them would count is not guessed, whatever the other variable holds; empty is absent."""
    for value in (ISSUER, "off", " "):
        with pytest.raises(SettingsError, match=f"^ISSUERS and {name} exclude each other$"):
            Settings.from_environ({"ISSUERS": json.dumps([GOOD]), name: value})
    assert Settings.from_environ({"ISSUERS": json.dumps([GOOD]), name: ""}).issuers


def test_an_empty_value_is_an_absent_one() -> None:
    """Where ISSUERS is empty, ISSUER and AUDIENCE are required as ever."""
    with pytest.raises(SettingsError, match=r"^ISSUER is required$"):
        Settings.from_environ({"ISSUERS": ""})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.sampled_from([*GOOD, "jwks"]), inner),
    max_leaves=8,
)


@given(st.text(min_size=1) | json_values.map(json.dumps) | json_values.map(lambda value: json.dumps([value])))
def test_a_value_of_any_shape_is_refused(text: str) -> None:
    """Whatever the variable holds, it is a setting that is wrong and nothing else."""
    with pytest.raises(SettingsError):
        read(text)
