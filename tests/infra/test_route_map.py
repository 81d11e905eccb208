"""From the security entries of an OpenAPI document to the map from scopes to routes."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

import infra
from authorizer.route_map import Patterns, RouteMap
from infra.route_map import Compiled, Room, RouteMapError, compile_routes
from infra.route_map.globs import families, matches, widest
from infra.route_map.requirement import can_be_apart, smallest
from infra.template_yaml import load

Document = dict[str, Any]

_SCHEMES: Document = {
    "oauth": {"type": "oauth2", "flows": {}},
    "openid": {"type": "openIdConnect", "openIdConnectUrl": "https://auth.example/.well-known/openid-configuration"},
    "token": {"type": "apiKey", "name": "Authorization", "in": "header"},
}
_MOCK = {"x-amazon-apigateway-integration": {"type": "mock"}}
_ANY_FOR_A = {"x-amazon-apigateway-any-method": "a"}
_WRITTEN_BY_A = {"patch": "a", "post": "a", "put": "a", "x-amazon-apigateway-any-method": "b"}


def document(paths: Document, **root: Any) -> Document:
    """Give a document of these paths, in which a text is an operation for that scope."""
    written = {
        path: {method: needs(value) if isinstance(value, str) else value for method, value in item.items()}
        for path, item in paths.items()
    }
    return {"openapi": "3.0.1", "paths": written, "components": {"securitySchemes": _SCHEMES}, **root}


def needs(scope: str) -> Document:
    """Give an operation that needs a scope."""
    return {"security": [{"oauth": scope.split()}]}


def compiled(paths: Document, **root: Any) -> Compiled:
    """Compile a document of these paths."""
    return compile_routes(document(paths, **root))


def policy(result: Compiled, scope: str) -> Patterns:
    """Give the patterns for scopes, as the authorizer reads them from the map."""
    return RouteMap.parse(result.json.encode()).policy_for(frozenset(scope.split()))


def group_of(result: Compiled, route: str) -> Any:
    """Give the group of a route; of a closed one, None."""
    return next((group for group in result.map["groups"] if route in group["routes"]), None)


def test_the_sample_api_has_a_map() -> None:
    """The document that is deployed, with CloudFormation's functions in it: readers read, writers write."""
    result = compile_routes(load(Path(infra.__file__).parent / "openapi" / "resource_server.yaml"))
    assert result.warnings == ()
    assert result.map["groups"] == [
        {
            "any_of": [["products:read"]],
            "routes": ["GET /products", "GET /products/{id}"],
            "allow": ["GET/products", "GET/products/*"],
            "deny": [],
        },
        {"any_of": [["products:write"]], "routes": ["POST /products"], "allow": ["POST/products"], "deny": []},
        {"any_of": [["messages:write"]], "routes": ["POST /messages"], "allow": ["POST/messages"], "deny": []},
    ]
    assert "ANY /products" in result.map["closed"]["routes"]
    assert result.map["closed"]["deny"] == []
    assert len(result.compact) < 400


@pytest.mark.parametrize(
    ("operation", "any_of"),
    [
        ({"security": [{"oauth": ["a"]}]}, [["a"]]),
        ({"security": [{"openid": ["a", "b"]}]}, [["a", "b"]]),
        ({"security": [{"oauth": ["a"]}, {"openid": ["b"]}]}, [["a"], ["b"]]),
        ({"security": [{"oauth": ["a"], "openid": ["b"]}]}, [["a", "b"]]),
        ({"security": [{"oauth": ["a"]}, {"oauth": ["a", "b"]}]}, [["a"]]),
        ({"security": [{"token": []}], "x-latchkey-scopes": ["a", "b"]}, [["a", "b"]]),
        ({"security": [{"token": []}, {"oauth": ["b"]}], "x-latchkey-scopes": ["a"]}, [["a"]]),
        ({"security": [{"token": []}]}, [[]]),
        ({"security": []}, [[]]),
        ({"security": [{"oauth": ["a"]}, {}]}, [[]]),
        ({}, None),
        ({"x-amazon-apigateway-integration": {"type": "mock"}}, None),
    ],
)
def test_security_is_alternatives_of_which_all_is_needed(operation: Document, any_of: list[list[str]] | None) -> None:
    """A list of alternatives; of each, all schemes with all scopes; `{}` and [] are every token; nothing is closed."""
    result = compiled({"/a": {"get": operation}})
    group = group_of(result, "GET /a")
    assert (group and group["any_of"]) == any_of
    assert (group is None) is ("GET /a" in result.map["closed"]["routes"])


def test_the_documents_own_security_is_the_default_and_is_warned_of() -> None:
    """OpenAPI has it; API Gateway ignores it."""
    paths = {"/a": {"get": {}, "post": needs("b"), "put": {"security": []}, "options": _MOCK}}
    result = compiled(paths, security=[{"oauth": ["a"]}])
    assert [group_of(result, f"{method} /a")["any_of"] for method in ("GET", "POST", "PUT")] == [[["a"]], [["b"]], [[]]]
    assert result.map["closed"]["routes"] == ["OPTIONS /a"]
    (warning,) = result.warnings
    assert "API Gateway ignores security at the root" in warning


def test_an_operation_without_scopes_is_warned_of() -> None:
    """A scheme without scopes is every good token, which may be meant."""
    assert compiled({"/a": {"get": {"security": [{"token": []}]}}}).warnings == (
        "GET /a names no scope: every good token may call it",
    )


@pytest.mark.parametrize(
    ("paths", "scope", "allow", "deny"),
    [
        ({"/": {"get": "a"}}, "a", ("GET/",), ()),
        ({"/a/{id}/b": {"get": "a"}}, "a", ("GET/a/*/b",), ()),
        ({"/a/{rest+}": {"get": "a"}}, "a", ("GET/a/*",), ()),
        ({"/a": {"x-amazon-apigateway-any-method": "a"}}, "a", ("*/a",), ()),
        ({"$default": {"x-amazon-apigateway-any-method": "a"}}, "a", ("*",), ()),
        ({"/$default": {"x-amazon-apigateway-any-method": "a"}}, "a", ("*",), ()),
        # A literal is no value of a parameter.
        ({"/a/{id}": {"get": "a"}, "/a/me": {"get": "b"}}, "a", ("GET/a/*",), ("GET/a/me", "GET/a/me/")),
        ({"/a/{id}": {"get": "a"}, "/a/me": {"get": "b"}}, "b", ("GET/a/me",), ()),
        ({"/a/{id}": {"get": "a"}, "/a/me": {"get": "b"}}, "a b", ("GET/a/*", "GET/a/me"), ()),
        # `*` holds slashes too.
        ({"/a/{id}": {"get": "a"}, "/a/{id}/b": {"get": "b"}}, "a", ("GET/a/*",), ("GET/a/*/b", "GET/a/*/b/")),
        # What is less specific does not open what is more so.
        ({"/{all+}": {"get": "a"}, "/b/c": {"get": "b"}}, "a", ("GET/*",), ("GET/b/c", "GET/b/c/")),
        # A slash at the end may lead to the same route.
        ({"/a/{id}": {"get": "a"}, "/a": {"get": "b"}}, "a", ("GET/a/*",), ("GET/a/",)),
        # ANY is the methods that the path has no operation of its own for.
        (
            {"/a": {"x-amazon-apigateway-any-method": "a", "get": "b"}},
            "a",
            ("DELETE/a", "HEAD/a", "OPTIONS/a", "PATCH/a", "POST/a", "PUT/a"),
            (),
        ),
        # Closed is closed, also to what reaches it.
        ({"/a/{id}": {"get": "a"}, "/a/me": {"get": {}}}, "a", ("GET/a/*",), ("GET/a/me", "GET/a/me/")),
        # A preflight has no authorizer, and nothing behind it.
        ({"/{all+}": {"x-amazon-apigateway-any-method": "a"}, "/a": {"options": _MOCK}}, "a", ("*/*",), ()),
        # Who may call all of it needs no denial.
        ({"/a/{id}": {"get": "a b"}, "/a/me": {"get": "b"}}, "a b", ("GET/a/*", "GET/a/me"), ()),
    ],
)  # fmt: skip
def test_routes_have_patterns(paths: Document, scope: str, allow: tuple[str, ...], deny: tuple[str, ...]) -> None:
    """What is allowed, and what of that is another route's and denied."""
    assert policy(compiled(paths), scope) == (allow, deny)


@pytest.mark.parametrize(
    ("paths", "scope"),
    [
        ({"/a": {"x-amazon-apigateway-any-method": "b", "get": "a"}, "$default": _ANY_FOR_A}, "a"),
        ({f"/a/{name}": _WRITTEN_BY_A for name in ("b", "c", "d")}, "a"),
    ],
)
@pytest.mark.parametrize("method", ["LINK", "PROPFIND", "P-T", "POT"])
def test_a_method_without_a_name_opens_nothing_of_another_scopes(paths: Document, scope: str, method: str) -> None:
    """ANY takes every method, so that neither one pattern for all nor one for POST and PUT may hold the rest."""
    plain = compiled(paths)
    tight = compile_routes(document(paths), Room(reserve=Room().reserve + plain.room_bytes - plain.most_bytes + 1))
    for patterns in (policy(plain, scope), policy(tight, scope)):
        text = f"{method}/a/b" if "/a/b" in paths else f"{method}/a"
        allowed = any(matches(each, text) for each in patterns.allow)
        assert patterns.allow
        assert not allowed or any(matches(each, text) for each in patterns.deny)


def test_what_no_token_can_lack_is_not_in_the_way() -> None:
    """Who may read users and friends may read posts here, so that a denial of posts meets no friend called posts."""
    paths = {"/u/{id}": {"get": "a"}, "/u/{id}/posts": {"get": "a b"}, "/u/{id}/friends/{f}": {"get": "b"}}
    result = compiled(paths)
    assert "GET/u/*/posts" in policy(result, "a").deny
    assert policy(result, "a b").deny == ()


def test_extensions_of_others_are_passed_over() -> None:
    """OpenAPI allows members that begin with x- wherever there is an object."""
    paths = {"x-other": {}, "/a": {"x-other": 1, "get": {**needs("a"), "x-other": 1}}}
    assert compiled(paths, **{"x-other": 1}).map == compiled({"/a": {"get": "a"}}).map


def test_nobody_is_denied_what_follows_from_what_they_have() -> None:
    """Where one scope is enough for both, there is no pattern that denies."""
    paths = {"/a/{id}": {"get": "a"}, "/a/me": {"get": {"security": [{"oauth": ["a"]}, {"oauth": ["b"]}]}}}
    assert not any(group["deny"] for group in compiled(paths).map["groups"])


_APART: dict[str, tuple[Document, tuple[str, ...]]] = {
    "an id like a literal": (
        {"/u/{id}": {"get": "u"}, "/u/{id}/posts": {"get": "p"}, "/u/{id}/friends/{f}": {"get": "f"}},
        ("GET /u/{id}/posts (p)", "GET /u/{id}/friends/{f} (f)", "GET /u/x/friends/posts"),
    ),
    "everything below, and one level of it": (
        {"/{all+}": {"get": "a"}, "/a/{id}": {"get": "b"}},
        ("GET /a/{id} (b)", "GET /{all+} (a)", "GET /a/x/x"),
    ),
    "an order that is not documented": (
        {"/a/{x}/c": {"get": "a"}, "/a/b/{rest+}": {"get": "b"}},
        ("GET /a/{x}/c", "GET /a/b/{rest+}", "GET /a/b/c"),
    ),
    "a method or ANY in an HTTP API": (
        {
            "/a/{x}": {"get": {**needs("a"), "x-amazon-apigateway-integration": {"payloadFormatVersion": "2.0"}}},
            "/a/b": {"x-amazon-apigateway-any-method": "b"},
        },
        ("GET /a/{x}", "ANY /a/b", "GET /a/b"),
    ),
    "a path of any depth": (
        {"/a/{x}/z": {"get": "a"}, "/a/{x}/{y}/z": {"get": "b"}, "/a/{x}/c/{y}": {"get": "c"}},
        ("GET /a/{x}/c/{y}",),
    ),
}


@pytest.mark.parametrize(("paths", "words"), _APART.values(), ids=_APART.keys())
def test_what_one_policy_cannot_tell_apart_is_refused(paths: Document, words: tuple[str, ...]) -> None:
    """The error names the routes, a request, and what to do; the same document has a map for single calls."""
    with pytest.raises(RouteMapError, match="one policy cannot tell these routes apart") as raised:
        compiled(paths)
    for word in (*words, "the same scopes", "--per-call", "POLICY_FOR=call"):
        assert word in str(raised.value)
    read = RouteMap.parse(compile_routes(document(paths), per_call=True).json.encode())
    assert not read.has_patterns
    same = {
        path: {method: {**value, **needs("s")} if isinstance(value, dict) else "s" for method, value in item.items()}
        for path, item in paths.items()
    }
    assert policy(compiled(same), "s").deny == ()


_REFUSED: dict[str, tuple[Any, str]] = {
    "another version": ({"openapi": "2.0"}, "not OpenAPI 3.0 or 3.1"),
    "swagger": ({"openapi": None}, "not OpenAPI 3.0 or 3.1"),
    "a path of a star": ({"paths": {"/a*": {}}}, "mean something else in an IAM policy"),
    "a path of a question": ({"paths": {"/a?": {}}}, "mean something else in an IAM policy"),
    "a path of a variable": ({"paths": {"/${aws:username}": {}}}, "mean something else in an IAM policy"),
    "a path without slash": ({"paths": {"a": {}}}, "a path starts with a slash"),
    "a slash at the end": ({"paths": {"/a/": {}}}, "a slash at the end"),
    "an empty segment": ({"paths": {"/a//b": {}}}, "a segment is empty"),
    "half a parameter": ({"paths": {"/a/{id}.json": {}}}, "neither plain text"),
    "a parameter inside": ({"paths": {"/a/v{id}": {}}}, "neither plain text"),
    "an encoded path": ({"paths": {"/a%20b": {}}}, "neither plain text"),
    "a foreign path": ({"paths": {"/\u00fc": {}}}, "neither plain text"),
    "a quote": ({"paths": {'/"': {}}}, "neither plain text"),
    "a line": ({"paths": {"/a\n": {}}}, "neither plain text"),
    "a greedy middle": ({"paths": {"/{a+}/b": {}}}, "a greedy parameter comes last"),
    "one path twice": ({"paths": {"/{a}": {"get": {}}, "/{b}": {"get": {}}}}, "the same path as /{a}"),
    "paths of a list": ({"paths": ["/a"]}, "paths: not an object"),
    "paths of a function": ({"paths": {"Fn::If": []}}, "Fn::If is known when the stack is deployed"),
    "a path of a function": ({"paths": {"/a": {"Fn::If": []}}}, "Fn::If is known when the stack is deployed"),
    "security of a function": ({"paths": {"/a": {"get": {"security": {"Fn::If": []}}}}}, "security is not a list"),
    "a reference": ({"paths": {"/a": {"$ref": "#/x"}}}, "write the operations out"),
    "an unknown scheme": ({"paths": {"/a": {"get": {"security": [{"none": []}]}}}}, "no security scheme none"),
    "scopes as a text": ({"paths": {"/a": {"get": {"security": [{"oauth": "a"}]}}}}, "not a list of scopes"),
    "a scope of two": ({"paths": {"/a": {"get": {"security": [{"oauth": ["a b"]}]}}}}, "an item of its own"),
    "a scope of a star": ({"paths": {"/a": {"get": {"security": [{"oauth": ['"']}]}}}}, "not a list of scopes"),
    "scopes and no security": ({"paths": {"/a": {"get": {"x-latchkey-scopes": ["a"]}}}}, "without security"),
    "scopes and open": ({"paths": {"/a": {"get": {"x-latchkey-scopes": ["a"], "security": []}}}}, "open to everybody"),
    "a default of one method": ({"paths": {"$default": {"get": {}}}}, "the default route has any method"),
    "an operation of a text": ({"paths": {"/a": {"get": "x"}}}, "not an object"),
    "scopes of a path": ({"paths": {"/a": {"x-latchkey-scopes": ["a"]}}}, "is not read here"),
    "scopes of all": ({"x-latchkey-scopes": ["a"]}, "the document: x-latchkey-scopes is not read here"),
    "scopes misspelt": ({"paths": {"/a": {"get": {"x-latchkey-scope": ["a"], "security": []}}}}, "is not read here"),
    "connect of a text": ({"x-latchkey-connect-scopes": "a"}, "not a list of scopes"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "words"), _REFUSED.values(), ids=_REFUSED.keys())
def test_what_cannot_be_read_is_refused(change: Document, words: str) -> None:
    """One thing is wrong in an otherwise good document, and is named."""
    with pytest.raises(RouteMapError, match=re.escape(words)):
        compile_routes({**document({}), **change})


def test_path_and_scope_inject_nothing() -> None:
    """Every character that a path and a scope may have is taken for itself."""
    path, scope = "/._~!$&'()+,;=:@-", "!#$%&'()*+,-./:;<=>?@[]^_`{|}~"
    result = compiled({path: {"get": scope}, "/b": {"get": "b"}})
    assert policy(result, scope) == (("GET" + path,), ())
    assert policy(result, "*") == policy(result, "!") == ((), ())


def test_connect_is_all_of_a_list_or_one_of_several() -> None:
    """x-latchkey-connect-scopes of the document; without it, $connect is closed."""
    assert compiled({}, **{"x-latchkey-connect-scopes": ["a", "b"]}).map["connect"] == [["a", "b"]]
    assert compiled({}, **{"x-latchkey-connect-scopes": [["a"], ["b"]]}).map["connect"] == [["a"], ["b"]]
    assert compiled({}, **{"x-latchkey-connect-scopes": []}).map["connect"] == [[]]
    assert "connect" not in compiled({}).map


def layout(resources: int, children: int) -> Document:
    """Give the usual layout: resources with CRUD, below each some of its own, and scopes to read and to write."""
    paths: Document = {}
    for number in range(resources):
        name = f"resource{number}"
        read, write = f"{name}:read", f"{name}:write"
        paths[f"/{name}"] = {"get": read, "post": write, "options": _MOCK}
        paths[f"/{name}/{{id}}"] = {"get": read, "put": write, "delete": write, "options": _MOCK}
        for child in range(children):
            paths[f"/{name}/{{id}}/child{child}"] = {"get": read, "post": write}
            paths[f"/{name}/{{id}}/child{child}/{{child}}"] = {"get": read, "patch": write, "delete": write}
    return paths


@pytest.mark.parametrize(("resources", "children", "routes"), [(4, 1, 40), (15, 3, 300), (18, 5, 540)])
def test_hundreds_of_routes_fit(resources: int, children: int, routes: int) -> None:
    """With a stage of 12 letters, the longest Region and every scope: under 8 KB less what the context needs."""
    paths = layout(resources, children)
    result = compiled(paths)
    assert sum(len(item.keys() - {"options"}) for item in paths.values()) == routes
    assert result.most_bytes <= result.room_bytes
    scopes = [f"resource{number}:{verb}" for number in range(resources) for verb in ("read", "write")]
    stage = "arn:aws-us-gov:execute-api:us-isob-east-1:123456789012:abcdef1234/" + "s" * 12
    read = RouteMap.parse(result.json.encode())
    for chosen in (scopes, scopes[::2], scopes[1::2], scopes[:9], scopes[5:6], []):
        written = {
            "policyDocument": {
                "Version": "2012-10-17",
                "Statement": read.statements_for(frozenset(chosen), stage).statements,
            }
        }
        assert len(json.dumps(written)) < 8_192 - 2_560


def test_few_routes_have_a_pattern_each() -> None:
    """Where there is room, a policy is read as the document is."""
    assert policy(compiled(layout(1, 1)), "resource0:read").allow == (
        "GET/resource0",
        "GET/resource0/*",
        "GET/resource0/*/child0",
        "GET/resource0/*/child0/*",
    )


def test_many_routes_share_patterns() -> None:
    """Where there is not, patterns stand for several routes and methods, and match nothing that is another scope's."""
    assert policy(compiled(layout(15, 3)), "resource0:read").allow == ("GET/resource0*",)
    assert policy(compiled(layout(15, 3)), "resource1:read") == (
        ("GET/resource1*",),
        tuple(f"GET/resource{number}*" for number in range(10, 15)),
    )


def test_what_does_not_fit_is_refused() -> None:
    """The error says by how much, and which scopes need most."""
    paths = {f"/resource{number}": {"get": f"scope{number}"} for number in range(80)}
    with pytest.raises(RouteMapError, match=r"may need \d+ bytes more than the \d+ ") as raised:
        compiled(paths)
    for word in ("scope10: 97 bytes", "--stage", "--per-call", "POLICY_FOR=call"):
        assert word in str(raised.value)
    assert len(compile_routes(document(paths), per_call=True).map["groups"]) == 80


def test_a_resource_is_not_longer_than_a_policy_takes() -> None:
    """512 characters with the ARN."""
    with pytest.raises(RouteMapError, match="too long a resource"):
        compiled({"/" + "a" * 440: {"get": "a"}})
    assert compiled({"/" + "a" * 400: {"get": "a"}}).map["groups"]


def test_alternatives_that_exclude_each_other_are_counted_exactly() -> None:
    """Where the sum over all scopes is too much, few scopes are tried in every combination."""
    both = compiled({"/a/{id}": {"get": "a"}, "/a/me": {"get": "b"}})
    room = Room(reserve=Room().reserve + both.room_bytes - both.most_bytes)
    assert compile_routes(document({"/a/{id}": {"get": "a"}, "/a/me": {"get": "b"}}), room).map == both.map


def test_the_names_of_a_stage_count() -> None:
    """A longer name needs more room for each pattern."""
    paths = document(layout(2, 2))
    short, long = (compile_routes(paths, Room(stage=name)) for name in ("v1", "a" * 60))
    assert long.most_bytes - short.most_bytes == 58 * sum(len(group["allow"]) for group in short.map["groups"])


@pytest.mark.parametrize(
    ("pattern", "shape", "expected"),
    [
        ("GET/a/*", ("GET", "a", None), {("GET", "a", "*")}),
        ("GET/a/*", ("GET", "a", None, "b"), {("GET", "a", "*", "b")}),
        ("GET/a/*", ("GET", "a"), set()),
        ("GET/a*", ("GET", "a"), {("GET", "a")}),
        ("GET/a*", ("GET", "ab", None), {("GET", "ab", "*")}),
        ("*/b", ("GET", None, "b"), {("GET", "*", "b")}),
        ("*/b", ("GET", "a", None), {("GET", "a", "b")}),
        ("GET/*/b", ("GET", None, None, None), {("GET", "*", "*", "b")}),
        ("GET/*/b/*", ("GET", None, None, None), {("GET", "*", "b", "*")}),
        ("GET/*/b*", ("GET", None, None, None), {("GET", "*", "b*", "*"), ("GET", "*", "*", "b*")}),
        ("GET/a/*", ("GET", "a", ""), {("GET", "a", "")}),
        ("GET/a", ("POST", "a"), set()),
        ("GET/*", ("GET", ""), {("GET", "")}),
        ("GET/a/", ("GET", "a", None), set()),
    ],
)
def test_what_a_pattern_and_a_path_have_in_common(
    pattern: str, shape: tuple[str | None, ...], expected: set[tuple[str, ...]]
) -> None:
    """A `*` holds any number of segments and parts of them; a parameter is never empty."""
    assert families(pattern, shape) == expected


def test_the_widest_patterns_are_enough() -> None:
    """Of patterns of which one covers another, it alone is left."""
    assert widest(frozenset({"a/*", "a/*/*", "a/b", "b", "*b"})) == ("*b", "a/*")


def test_tokens_that_tell_requirements_apart() -> None:
    """Of alternatives the smaller is enough; more scopes never allow less."""
    a, b, both = ({frozenset(each)} for each in ("a", "b", "ab"))
    assert smallest(frozenset(a | both)) == a
    assert can_be_apart(frozenset(b), frozenset(a))
    assert not can_be_apart(frozenset(a), frozenset(both))
    assert not can_be_apart(frozenset(both), frozenset(a), frozenset(b))
    assert not can_be_apart(frozenset({frozenset[str]()}), frozenset(a))
    assert can_be_apart(frozenset(), frozenset(a))
