"""`latchkey routes`: compiling the map, and explaining it."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import infra
from authorizer.route_map import RouteMap
from tests.authorizer.issuer import claims, sign
from tests.latchkey.command import Command, Result

SAMPLE = str(Path(infra.__file__).parent / "openapi" / "resource_server.yaml")
OPENAPI = """
openapi: 3.0.1
security: [{token: [basic]}]
paths:
  /items: {get: {security: [{token: [items:read]}]}}
  /items/{id}:
    get: {security: [{token: [items:read]}]}
    put: {security: [{token: [items:write, admin]}, {token: [root]}]}
  /items/{id}/log: {get: {security: [{token: [log]}]}, post: {}}
  /open: {get: {security: []}}
components: {securitySchemes: {token: {type: oauth2, flows: {}}}}
"""


@pytest.fixture
def openapi(tmp_path: Path) -> str:
    """Write a document, and give its path."""
    path = tmp_path / "openapi.yaml"
    path.write_text(OPENAPI, encoding="utf-8")
    return str(path)


def run(*arguments: str, stdin: str = "") -> Result:
    """Run `latchkey routes`."""
    return Command().run("routes", *arguments, stdin=stdin)


def test_a_document_becomes_a_map(openapi: str) -> None:
    """The map is on stdout, and nothing else is; what an author might not expect is on stderr."""
    result = run("compile", openapi)
    assert result.status == 0
    read = RouteMap.parse(result.stdout.encode())
    assert read.permits("GET", "/items/{id}", frozenset({"items:read"}))
    assert read.permits("POST", "/items/{id}/log", frozenset({"basic"}))
    (warning,) = result.stderr.splitlines()
    assert warning.startswith("Warning: API Gateway ignores security at the root")


def test_the_sample_is_compiled_without_a_warning() -> None:
    """The document that is deployed, in JSON and in the compact form: the same map."""
    plain, compact = run("compile", SAMPLE), run("compile", SAMPLE, "--compact")
    assert (plain.status, plain.stderr, compact.status, compact.stderr) == (0, "", 0, "")
    assert run("explain", "--scope", "products:read", "--openapi", SAMPLE, "--json").json["allow"] == [
        "GET/products",
        "GET/products/*",
    ]
    reads = [RouteMap.parse(each.stdout.encode()).missing(frozenset({"products:read"})) for each in (plain, compact)]
    assert reads[0] == reads[1]


def test_json_has_the_map_and_what_was_noticed(openapi: str, tmp_path: Path) -> None:
    """One document: the map, the warnings, and how large a policy can be; with -o it is in the file too."""
    report = run("compile", openapi, "--json").json
    assert report["map"] == json.loads(run("compile", openapi).stdout)
    assert (len(report["warnings"]), report["file"]) == (1, None)
    assert 0 < report["policy_bytes"] <= report["room_bytes"] < 8_192 - 2_560
    assert (
        run("compile", openapi, "--json", "--compact").json["map"]
        == run("compile", openapi, "--compact").stdout.strip()
    )
    target = tmp_path / "routes.json"
    written = run("compile", openapi, "--json", "-o", str(target)).json
    assert written == {**report, "file": str(target)}
    assert json.loads(target.read_text()) == report["map"]
    assert run("compile", openapi, "-o", str(target), "--compact").stdout == ""
    assert RouteMap.parse(target.read_bytes()).has_patterns


def test_a_longer_stage_needs_more_room(openapi: str) -> None:
    """--stage and --reserve say what there is room for."""
    plain = run("compile", openapi, "--json").json
    assert run("compile", openapi, "--stage", "s" * 100, "--json").json["policy_bytes"] > plain["policy_bytes"]
    assert run("compile", openapi, "--reserve", "3560", "--json").json["room_bytes"] == plain["room_bytes"] - 1000
    run("compile", openapi, "--reserve", "7900").refused(1, "bytes more than", "--per-call")
    run("compile", openapi, "--stage", "a/b").refused(2, "--stage")


def test_what_cannot_be_told_apart_is_refused_unless_calls_are_single(tmp_path: Path) -> None:
    """Status 1 and one line; --per-call writes a map without patterns."""
    path = tmp_path / "openapi.yaml"
    path.write_text(OPENAPI.replace("/open:", "/items/{id}/tags/{tag}:"), encoding="utf-8")
    document = path.read_text().replace("security: []", "security: [{token: [tags]}]")
    path.write_text(document)
    refused = run("compile", str(path))
    refused.refused(1, "cannot tell", "GET /items/{id}/log (log)", "GET /items/x/tags/log", "POLICY_FOR=call")
    result = run("compile", str(path), "--per-call")
    assert not RouteMap.parse(result.stdout.encode()).has_patterns
    explained = run("explain", "--scope", "log", "--map", str(_written(tmp_path, result.stdout)))
    assert "it is for POLICY_FOR=call" in explained.stdout


def _written(folder: Path, text: str) -> Path:
    path = folder / "map"
    path.write_text(text, encoding="ascii")
    return path


def test_a_map_is_explained(openapi: str, tmp_path: Path) -> None:
    """Each route with what is missing, and the patterns of the policy; from a document or a map in either form."""
    explained = run("explain", "--scope", "items:read admin", "--openapi", openapi, "--json").json
    assert explained == {
        "scopes": ["admin", "items:read"],
        "routes": [
            {"route": "GET /items", "allowed": True, "missing": None},
            {"route": "GET /items/{id}", "allowed": True, "missing": None},
            {"route": "PUT /items/{id}", "allowed": False, "missing": [["items:write"], ["root"]]},
            {"route": "GET /items/{id}/log", "allowed": False, "missing": [["log"]]},
            {"route": "POST /items/{id}/log", "allowed": False, "missing": [["basic"]]},
            {"route": "GET /open", "allowed": True, "missing": None},
        ],
        "connect": False,
        "allow": ["GET/items", "GET/items/*", "GET/open"],
        "deny": ["GET/items/*/log", "GET/items/*/log/"],
    }
    for options in ((), ("--compact",)):
        path = str(_written(tmp_path, run("compile", openapi, *options).stdout))
        assert run("explain", "--scope", "items:read admin", "--map", path, "--json").json == explained
    shown = run("explain", "--scope", "items:read", "--openapi", openapi).stdout
    for words in ("Scopes: items:read", "items:write", "root", "GET/items/*/log", "Deny"):
        assert words in shown


def test_nothing_is_said_to_be_nothing(tmp_path: Path) -> None:
    """Scopes that open nothing, and routes that are closed to everybody."""
    path = tmp_path / "openapi.yaml"
    path.write_text('{"openapi": "3.1.0", "paths": {"/a": {"get": {}}}}', encoding="utf-8")
    shown = run("explain", "--scope", "", "--openapi", str(path)).stdout
    for words in ("Scopes: none", "closed to every token", "Nothing is allowed."):
        assert words in shown


@pytest.mark.parametrize(("scope", "words"), [("chat", "$connect of a WebSocket API is allowed."), ("", "Nothing is")])
def test_a_websocket_api_is_explained(tmp_path: Path, scope: str, words: str) -> None:
    """It has no routes to list: what is allowed is to connect, or nothing is."""
    path = tmp_path / "openapi.yaml"
    path.write_text("openapi: 3.0.1\nx-latchkey-connect-scopes: [chat]\n", encoding="utf-8")
    lines = run("explain", "--scope", scope, "--openapi", str(path)).stdout.splitlines()
    assert len(lines) == 2
    assert lines[1].startswith(words)


def test_a_tokens_scope_is_read_and_the_token_not_shown(openapi: str) -> None:
    """As an argument or on stdin; nothing of it is verified, and no part of it is printed."""
    jwt = sign(token_claims=claims(scope="items:read"))
    for arguments, stdin in (((jwt,), ""), (("-",), f"{jwt}\n")):
        result = run("explain", *arguments, "--openapi", openapi, "--json", stdin=stdin)
        assert result.json["scopes"] == ["items:read"]
        assert not any(part in result.stdout + result.stderr for part in jwt.split("."))


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("compile", "none.yaml"), 1, "none.yaml cannot be read"),
        (("explain", "--scope", "a", "--map", "none.json"), 1, "none.json cannot be read"),
        (("explain", "--scope", "a", "--map", SAMPLE), 1, "is not a route map"),
        (("explain", "--scope", "a"), 2, "either --map or --openapi"),
        (("explain", "--scope", "a", "--map", SAMPLE, "--openapi", SAMPLE), 2, "either --map or --openapi"),
        (("explain", "--openapi", SAMPLE), 2, "either a token or --scope"),
        (("explain", "a.b.c", "--scope", "a", "--openapi", SAMPLE), 2, "either a token or --scope"),
        (("explain", "a.b.c", "--openapi", SAMPLE), 1, "not a token that can be read"),
        (("explain", "--scope", "a  b", "--openapi", SAMPLE), 2, "single spaces"),
        (("compile", SAMPLE, "-o", "/none/x"), 1, "cannot be written"),
    ],
)
def test_what_is_wrong_is_said(arguments: tuple[str, ...], status: int, words: str) -> None:
    """One line, and the status that says whose fault it is."""
    run(*arguments).refused(status, words)


@pytest.mark.parametrize(
    "text", ["", "[]", "a: [", "{a: !Nope x}", "\x00", "1", "? [a]\n: b", "openapi: 3.0.1\npaths: {1: 2}"]
)
def test_what_is_no_document_is_refused(tmp_path: Path, text: str) -> None:
    """A file of something else is one line, and never a traceback."""
    path = tmp_path / "openapi.yaml"
    path.write_text(text, encoding="utf-8")
    result = run("compile", str(path))
    result.refused(1)
    assert "latchkey itself has failed" not in result.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("openapi: 3.0.1\npaths:\n  /a: [\n", "openapi.yaml: line 4: "),
        ('{"openapi": "3.0.1",\n "paths": }}', "openapi.yaml: line 2: "),
        ("openapi: 3.0.1\npaths: *nowhere", "openapi.yaml: line 2: found undefined alias"),
        ("openapi: 3.0.1\npaths: " + "[" * 100_000, "openapi.yaml: line 2: nested more than 100 deep"),
        ("swagger: '2.0'\npaths: {}", "--export-type oas30"),
    ],
    ids=["YAML cut off", "JSON", "an alias of nothing", "too deep for libyaml", "Swagger"],
)
def test_what_cannot_be_read_is_found_by_its_line(tmp_path: Path, text: str, words: str) -> None:
    """The error names file and line and says what is wrong there, or what to do instead."""
    path = tmp_path / "openapi.yaml"
    path.write_text(text, encoding="utf-8")
    run("compile", str(path)).refused(1, words)


@pytest.mark.parametrize("paths", ["{}", "{/a: {get: {}}}"])
def test_a_document_that_opens_nothing_is_warned_of(tmp_path: Path, paths: str) -> None:
    """A map of it is right, and hardly what its author wants."""
    path = tmp_path / "openapi.yaml"
    path.write_text(f"openapi: 3.0.1\npaths: {paths}", encoding="utf-8")
    result = run("compile", str(path))
    assert (result.status, result.stderr) == (0, "Warning: no operation has security: no token opens anything\n")


def test_nothing_stands_twice(openapi: str) -> None:
    """Of two members of one name, parsers take one or the other: the document is refused, and the line named."""
    path = Path(openapi)
    path.write_text(OPENAPI.replace("/open: {get: {", "/open: {get: {security: [{token: [open]}], "), encoding="utf-8")
    run("compile", openapi).refused(1, "security is there twice", "line 10")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.recursive(
        st.none() | st.booleans() | st.text(max_size=5) | st.sampled_from(["3.0.1", "/a", "a"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "paths",
                        "/a",
                        "/{x}",
                        "get",
                        "security",
                        "components",
                        "securitySchemes",
                        "a",
                        "x-latchkey-scopes",
                    ]
                ),
                inner,
                max_size=4,
            )
        ),
    )
)
def test_any_document_is_compiled_or_refused(tmp_path: Path, value: Any) -> None:
    """Whatever JSON there is: a map, or one line."""
    path = tmp_path / "openapi.json"
    document = {"openapi": "3.0.1", **value} if isinstance(value, dict) else value
    path.write_text(json.dumps(document), encoding="utf-8")
    result = run("compile", str(path))
    assert result.status in (0, 1)
    assert "latchkey itself has failed" not in result.stderr
