"""The map from scopes to routes, as it is read, and what it says of a token's scopes."""

import copy
import json
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authorizer import base64url, route_map
from authorizer.route_map import MAX_MAP_BYTES, REMEMBERED_POLICIES, Patterns, RouteMap, compact

_STAGE = "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/prod"
_MAP: dict[str, Any] = {
    "latchkey_routes": 1,
    "groups": [
        {
            "any_of": [["products:read"], ["admin", "audit"]],
            "routes": ["GET /products", "GET /products/{id}"],
            "allow": ["GET/products", "GET/products/*"],
            "deny": [],
        },
        {
            "any_of": [["products:special"]],
            "routes": ["GET /products/special"],
            "allow": ["GET/products/special"],
            "deny": [{"pattern": "GET/products/special", "against": [0]}],
        },
        {"any_of": [[]], "routes": ["ANY /", "$default"], "allow": ["*/"], "deny": []},
    ],
    "closed": {
        "routes": ["ANY /products", "POST /products/{id}"],
        "deny": [{"pattern": "GET/products/*/secret", "against": [0, 1]}],
    },
    "connect": [["chat"], ["admin"]],
}
_PER_CALL: dict[str, Any] = {
    **_MAP,
    "groups": [{"any_of": group["any_of"], "routes": group["routes"]} for group in _MAP["groups"]],
    "closed": {"routes": _MAP["closed"]["routes"]},
}


def parse(document: object) -> RouteMap:
    """Read a document that is yet to be written."""
    return RouteMap.parse(json.dumps(document).encode())


def scopes(text: str) -> frozenset[str]:
    """Give the scopes of a text."""
    return frozenset(text.split())


@pytest.mark.parametrize(
    ("scope", "allow", "deny"),
    [
        ("", ("*/",), ()),
        ("products:read", ("GET/products", "GET/products/*", "*/"), ("GET/products/special", "GET/products/*/secret")),
        ("products:special", ("GET/products/special", "*/"), ("GET/products/*/secret",)),
        (
            "products:read products:special",
            ("GET/products", "GET/products/*", "GET/products/special", "*/"),
            ("GET/products/*/secret",),
        ),
        ("admin", ("*/",), ()),
        ("audit", ("*/",), ()),
        ("admin audit", ("GET/products", "GET/products/*", "*/"), ("GET/products/special", "GET/products/*/secret")),
        ("Products:Read products products:read:more *", ("*/",), ()),
    ],
)
def test_scopes_have_patterns(scope: str, allow: tuple[str, ...], deny: tuple[str, ...]) -> None:
    """An alternative needs all of its scopes; what is not granted is denied where something granted reaches it."""
    assert parse(_MAP).policy_for(scopes(scope)) == Patterns(allow, deny)


def test_nothing_may_be_allowed() -> None:
    """Scopes that open nothing have an empty list, which is the caller's to deny."""
    without_open = {**_MAP, "groups": _MAP["groups"][:2]}
    read = parse(without_open)
    assert read.policy_for(scopes("other")) == ((), ())
    assert read.statements_for(scopes("other"), _STAGE) == ((), True, len("[]"))


def test_the_statements_are_those_of_the_patterns() -> None:
    """Each pattern stands below the stage; a statement of nothing is left out."""
    read = parse(_MAP)
    found = read.statements_for(scopes("products:special"), _STAGE)
    assert found == (
        (
            {
                "Action": "execute-api:Invoke",
                "Effect": "Allow",
                "Resource": [f"{_STAGE}/GET/products/special", f"{_STAGE}/*/"],
            },
            {"Action": "execute-api:Invoke", "Effect": "Deny", "Resource": [f"{_STAGE}/GET/products/*/secret"]},
        ),
        False,
        len(json.dumps(found.statements)),
    )
    (allow,) = read.statements_for(scopes(""), _STAGE.replace("prod", "test")).statements
    assert allow["Resource"] == [f"{_STAGE.replace('prod', 'test')}/*/"]


@pytest.mark.parametrize(
    ("method", "template", "scope", "permitted"),
    [
        ("GET", "/products", "products:read", True),
        ("GET", "/products", "products:special", False),
        ("GET", "/products", "", False),
        ("GET", "/products/{id}", "admin audit", True),
        ("GET", "/products/{id}", "admin", False),
        ("GET", "/products/{other}", "products:read", False),
        ("GET", "/products/", "products:read", False),
        ("GET", "/PRODUCTS", "products:read", False),
        ("get", "/products", "products:read", False),
        ("GET", "/products/special", "products:special", True),
        ("GET", "/products/special", "products:read", False),
        ("POST", "/products", "products:read admin audit", False),
        ("ANY", "/products", "products:read admin audit", False),
        ("POST", "/products/{id}", "products:read admin audit", False),
        ("DELETE", "/", "", True),
        ("ANY", "/", "", True),
        ("$default", "", "", True),
        ("ANY", "$default", "", True),
        ("GET", "/nowhere", "products:read admin audit", False),
        ("", "", "", False),
    ],
)
def test_a_route_is_permitted_exactly(method: str, template: str, scope: str, *, permitted: bool) -> None:
    """The route of the method stands before the one of ANY, also where it is closed; what is not there is closed."""
    for document in (_MAP, _PER_CALL):
        assert parse(document).permits(method, template, scopes(scope)) is permitted


def test_connect_is_closed_unless_it_is_there() -> None:
    """WebSocket's $connect has alternatives of its own."""
    read = parse(_MAP)
    assert [read.permits_connect(scopes(scope)) for scope in ("chat", "admin x", "cha", "")] == [
        True,
        True,
        False,
        False,
    ]
    without = {name: value for name, value in _MAP.items() if name != "connect"}
    assert not parse(without).permits_connect(scopes("chat admin"))


def test_a_map_for_single_calls_has_no_policies() -> None:
    """It decides about routes, and nobody gets a policy of the stage from it."""
    read = parse(_PER_CALL)
    assert (read.has_patterns, parse(_MAP).has_patterns) == (False, True)
    for ask in (lambda: read.policy_for(scopes("")), lambda: read.statements_for(scopes(""), _STAGE)):
        with pytest.raises(ValueError, match="compiled for single calls"):
            ask()


def test_the_compact_form_is_the_same_map() -> None:
    """Base64url of deflate, with or without a newline at its end."""
    text = compact(json.dumps(_MAP).encode())
    assert text.isascii()
    assert len(text) < len(json.dumps(_MAP))
    for data in (text, text + "\n"):
        assert RouteMap.parse(data.encode()).policy_for(scopes("admin")) == parse(_MAP).policy_for(scopes("admin"))


def test_a_compact_form_does_not_inflate_without_end() -> None:
    """A few kilobytes that would become gigabytes are refused before they do."""
    bomb = compact(b'{"groups": "' + b" " * 100_000_000)
    assert len(bomb) < 200_000
    with pytest.raises(ValueError, match="larger than 1048576 bytes"):
        RouteMap.parse(bomb.encode())
    with pytest.raises(ValueError, match="larger than"):
        RouteMap.parse(b"{" * (MAX_MAP_BYTES + 1))


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:-8],
        lambda text: text + "AAAA",
        lambda text: "=" + text,
        lambda text: text[:40] + "!" + text[40:],
        lambda _: "",
        lambda _: "[]",
        lambda _: "\u00fc",
        lambda text: text + "=",
        lambda text: base64url.encode(b"x" + base64url.decode(text)),
    ],
    ids=["cut", "longer", "padded", "odd", "empty", "list", "foreign", "padding", "shifted"],
)
def test_a_damaged_compact_form_is_refused(damage: Any) -> None:
    """What does not inflate to the end, or goes on behind it, is no map."""
    with pytest.raises(ValueError, match=r"neither JSON|cut off|is empty"):
        RouteMap.parse(damage(compact(json.dumps(_MAP).encode())).encode())


def _set(*path: Any, to: Any) -> Any:
    def change(document: Any) -> None:
        for step in path[:-1]:
            document = document[step]
        document[path[-1]] = to

    return change


def _drop(*path: Any) -> Any:
    def change(document: Any) -> None:
        for step in path[:-1]:
            document = document[step]
        del document[path[-1]]

    return change


_DENY = ("groups", 1, "deny", 0)

MALFORMED: dict[str, tuple[Any, str]] = {
    "another version": (_set("latchkey_routes", to=2), "latchkey_routes is not 1"),
    "a version like it": (_set("latchkey_routes", to=True), "latchkey_routes is not 1"),
    "no version": (_drop("latchkey_routes"), "the map is not an object of"),
    "no groups": (_drop("groups"), "the map is not an object of"),
    "no closed": (_drop("closed"), "the map is not an object of"),
    "a stranger": (_set("default", to="allow"), "the map is not an object of"),
    "groups by name": (_set("groups", to={}), "groups is not a list"),
    "a group of nothing": (_set("groups", 0, to=[]), r"groups\[0\] is not an object"),
    "a member more": (_set("groups", 0, "effect", to="Allow"), r"groups\[0\] is not an object"),
    "no allow": (_drop("groups", 0, "allow"), r"groups\[0\] is not an object"),
    "no deny": (_drop("groups", 2, "deny"), r"groups\[2\] is not an object"),
    "closed without deny": (_drop("closed", "deny"), r"groups\[0\] is not an object"),
    "no alternative": (_set("groups", 0, "any_of", to=[]), "any_of has no alternative"),
    "scopes alone": (_set("groups", 0, "any_of", to=["products:read"]), "any_of is not a list"),
    "scopes of a text": (_set("groups", 0, "any_of", to="products:read"), "any_of is not a list"),
    "two scopes in one": (_set("groups", 0, "any_of", to=[["a b"]]), "other than scopes"),
    "an empty scope": (_set("groups", 0, "any_of", to=[[""]]), "other than scopes"),
    "a number as scope": (_set("groups", 0, "any_of", to=[[1]]), "other than scopes"),
    "connect of nobody": (_set("connect", to=[]), "connect has no alternative"),
    "a route twice": (_set("groups", 1, "routes", 0, to="GET /products"), "GET /products is there twice"),
    "open and closed": (_set("closed", "routes", 0, to="GET /products"), "GET /products is there twice"),
    "a path alone": (_set("groups", 0, "routes", 0, to="/products"), "not a route"),
    "a small method": (_set("groups", 0, "routes", 0, to="get /products"), "not a route"),
    "routes of numbers": (_set("groups", 0, "routes", to=[1]), "not a route"),
    "a question mark": (_set("groups", 0, "allow", 0, to="GET/product?"), "not a pattern"),
    "a variable": (_set("groups", 0, "allow", 0, to="GET/${aws:username}"), "not a pattern"),
    "a quote": (_set("groups", 0, "allow", 0, to='GET/"'), "not a pattern"),
    "a blank": (_set("groups", 0, "allow", 0, to="GET/a b"), "not a pattern"),
    "an empty pattern": (_set("groups", 0, "allow", 0, to=""), "not a pattern"),
    "a pattern of none": (_set("groups", 0, "allow", 0, to=None), "not a pattern"),
    "a deny alone": (_set(*_DENY, to="GET/products/special"), "deny is not an object"),
    "a deny of nothing": (_set(*_DENY, "pattern", to="\u00fc"), "not a pattern"),
    "against nobody": (_set(*_DENY, "against", to=[]), "not the numbers of other groups"),
    "against itself": (_set(*_DENY, "against", to=[1]), "not the numbers of other groups"),
    "against a stranger": (_set(*_DENY, "against", to=[3]), "not the numbers of other groups"),
    "against the last": (_set(*_DENY, "against", to=[-1]), "not the numbers of other groups"),
    "against a truth": (_set(*_DENY, "against", to=[False]), "not the numbers of other groups"),
}


@pytest.mark.parametrize(("change", "words"), MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_map_is_refused(change: Any, words: str) -> None:
    """One thing is wrong in an otherwise good map; the error says where."""
    document = copy.deepcopy(_MAP)
    change(document)
    with pytest.raises(ValueError, match=words):
        parse(document)


@pytest.mark.parametrize("data", [b'{"latchkey_routes": 1, "latchkey_routes": 1}', b"{", b'{"a": NaN}', b"\xff{}"])
def test_only_strict_json_is_a_map(data: bytes) -> None:
    """No member twice, nothing that is not JSON."""
    with pytest.raises(ValueError, match=r"strict JSON|neither JSON"):
        RouteMap.parse(data)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(
                    ["latchkey_routes", "groups", "closed", "connect", "routes", "deny", "any_of", "allow"]
                ),
                inner,
            )
        ),
    )
)
def test_any_json_is_read_or_refused(value: object) -> None:
    """Whatever there is: a map, or a `ValueError`."""
    try:
        parse(value)
    except ValueError:
        return


def test_a_policy_is_made_once() -> None:
    """For scopes that were there before, with whatever others beside them, the same objects are given out again."""
    read = parse(_MAP)
    first = read.statements_for(scopes("products:read jti:1"), _STAGE)
    assert read.statements_for(scopes("products:read jti:2 other"), _STAGE) is first
    assert read.policy_for(scopes("products:read x")) is read.policy_for(scopes("y products:read"))


def test_what_is_remembered_is_bounded() -> None:
    """Whoever comes with ever new combinations of known scopes fills no memory."""
    names = [f"s{number}" for number in range(12)]
    groups = [{"any_of": [[name]], "routes": [f"GET /{name}"], "allow": [f"GET/{name}"], "deny": []} for name in names]
    read = parse({**_MAP, "groups": groups, "closed": {"routes": [], "deny": []}})
    for number in range(2 * REMEMBERED_POLICIES):
        read.statements_for(frozenset(name for bit, name in enumerate(names) if number >> bit & 1), _STAGE)
    assert read._statements.cache_info().currsize == REMEMBERED_POLICIES  # noqa: SLF001 - what is kept shows nowhere else
    assert read._patterns.cache_info().currsize == REMEMBERED_POLICIES  # noqa: SLF001 - as above


def test_threads_may_share_a_map() -> None:
    """Each gets the answer for its own scopes."""
    read = parse(_MAP)
    wanted = {
        scope: parse(_MAP).policy_for(scopes(scope))
        for scope in ("", "products:read", "products:special", "admin audit")
    }
    wrong: list[str] = []

    def ask(scope: str) -> None:
        answers = (read.policy_for(scopes(f"{scope} x{number}")) for number in range(2000))
        wrong.extend(scope for answer in answers if answer != wanted[scope])

    threads = [threading.Thread(target=ask, args=(scope,)) for scope in wanted]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_the_example_of_the_docstring_is_a_map() -> None:
    """What the module shows is what it reads."""
    lines = (route_map.__doc__ or "").splitlines()
    start, end = lines.index(next(line for line in lines if "latchkey_routes" in line)), lines.index("", 3)
    example = "\n".join(line.partition("  #")[0] for line in lines[start:end])
    assert parse(json.loads(example)).permits("GET", "/products", scopes("admin"))


def test_what_is_missing_is_said_of_each_route() -> None:
    """None where nothing is, the rest of each alternative else, and no alternative of what is closed."""
    assert parse(_MAP).missing(scopes("audit products:special")) == {
        "GET /products": [["products:read"], ["admin"]],
        "GET /products/{id}": [["products:read"], ["admin"]],
        "GET /products/special": None,
        "ANY /": None,
        "$default": None,
        "ANY /products": [],
        "POST /products/{id}": [],
    }
