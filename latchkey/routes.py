"""`latchkey routes`: which scopes open which routes, for the authorizer and for people."""

import re
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from authorizer import base64url, jws, strict_json
from authorizer.errors import RefusedError
from authorizer.route_map import RouteMap
from authorizer.scope import is_scope
from latchkey.errors import CommandError, UsageError
from latchkey.escape import printable
from latchkey.options import Json, command_group, help_end
from latchkey.output import emit, print_line, print_table, table, to_json
from latchkey.secret_input import read_stdin

app = command_group("Compile the map from scopes to routes, and see what it allows.")

_Stage = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="The stage's name, on which the size of a policy depends; one of 12 letters else."
    ),
]


@app.command(
    "compile",
    epilog=help_end(
        "latchkey routes compile openapi.yaml -o routes.json",
        'ROUTES="$(latchkey routes compile openapi.yaml --compact)"',
    ),
)
def compile_(  # noqa: PLR0913 - each option is a parameter
    document: Annotated[Path, typer.Argument(metavar="FILE", help="The OpenAPI document, in YAML or JSON.")],
    *,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Where the map goes; stdout else.")
    ] = None,
    compact: Annotated[
        bool, typer.Option("--compact", help="Write the compact form, for an environment variable.")
    ] = False,
    per_call: Annotated[
        bool, typer.Option("--per-call", help="Write no patterns: a map for POLICY_FOR=call alone.")
    ] = False,
    stage: _Stage = None,
    reserve: Annotated[
        int | None,
        typer.Option(metavar="BYTES", min=512, max=8000, help="What is kept for principal and context; 2560 else."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Compile the map for ROUTES and ROUTES_FILE of the authorizer from the security entries of a document.

    Whatever scopes a token has: its policy fits, and allows the routes of these scopes and no others. A document for
    which that cannot be is refused. Warnings go to stderr.
    """
    compiled = _compiled(document, stage=stage, reserve=reserve, per_call=per_call)
    for warning in compiled.warnings:
        sys.stderr.write(f"Warning: {printable(warning)}\n")
    text = compiled.compact if compact else compiled.json
    if output is not None:
        _write(output, text)
    if as_json:
        print_line(to_json(_report(compiled, output, compact=compact)))
    elif output is None:
        print_line(text)


@app.command(
    epilog=help_end(
        'latchkey routes explain --scope "products:read" --openapi openapi.yaml',
        "latchkey token get --client-id reporting | latchkey routes explain - --map routes.json",
    )
)
def explain(  # noqa: PLR0913 - each option is a parameter
    token: Annotated[
        str | None,
        typer.Argument(metavar="TOKEN", help="A token, whose scope is taken unverified; - reads it from stdin."),
    ] = None,
    *,
    scope: Annotated[str | None, typer.Option(metavar="SCOPES", help="Scopes, separated by spaces.")] = None,
    map_file: Annotated[Path | None, typer.Option("--map", metavar="FILE", help="The map, in either form.")] = None,
    openapi: Annotated[Path | None, typer.Option(metavar="FILE", help="The OpenAPI document, compiled first.")] = None,
    stage: _Stage = None,
    as_json: Json = False,
) -> None:
    """Say which routes a token's scopes open, which not and what is missing, and the patterns of its policy."""
    if (token is None) == (scope is None):
        raise UsageError("give either a token or --scope")
    if (map_file is None) == (openapi is None):
        raise UsageError("give either --map or --openapi")
    scopes = _scopes(_scope_of(token) if token is not None else scope or "")
    data = _read(map_file) if map_file is not None else _data(openapi, stage)
    try:
        route_map = RouteMap.parse(data)
    except ValueError as error:
        raise CommandError(f"{map_file or openapi} is not a route map: {error}") from None
    found = _explanation(route_map, scopes)
    emit(found, as_json=as_json, show=lambda: f"Scopes: {' '.join(sorted(scopes)) or 'none'}")
    if not as_json:
        _print(found)


_OPEN_OR_CLOSED = (
    "Without security of its own: public where API Gateway has no authorizer on it, and else closed to every token."
)


def _report(compiled: Any, output: Path | None, *, compact: bool) -> dict[str, Any]:
    """Give {"map": {...} or "...", "file": null, "warnings": [..], "policy_bytes": 288, "room_bytes": 5434}.

    `policy_bytes` are those of the largest policy's patterns, and `room_bytes` what there is for them.
    """
    return {
        "map": compiled.compact if compact else compiled.map,
        "file": str(output) if output else None,
        "warnings": list(compiled.warnings),
        "policy_bytes": compiled.most_bytes,
        "room_bytes": compiled.room_bytes,
    }


def _compiled(document: Path, *, stage: str | None, reserve: int | None, per_call: bool) -> Any:
    try:
        from infra import route_map  # noqa: PLC0415 - the list of commands needs no compiler
        from infra.route_map.yaml_document import read_file  # noqa: PLC0415 - as above
    except ModuleNotFoundError as error:
        raise CommandError(f"{error.name} is missing: pip install 'latchkey[cli]'") from None

    room = route_map.Room()
    room = replace(room, stage=room.stage if stage is None else _stage(stage), reserve=reserve or room.reserve)
    try:
        return route_map.compile_routes(read_file(document), room, per_call=per_call)
    except OSError as error:
        raise CommandError(f"{document} cannot be read: {error.strerror}") from None
    except route_map.RouteMapError as error:
        raise CommandError(str(error)) from None


def _data(openapi: Path | None, stage: str | None) -> bytes:
    assert openapi is not None  # noqa: S101 - one of the two is given
    return bytes(_compiled(openapi, stage=stage, reserve=None, per_call=False).json.encode("ascii"))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}") from None


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text + "\n", encoding="ascii")
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}") from None


def _stage(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,128}|\$default", name):
        raise UsageError("--stage is the name of a stage: up to 128 letters, digits, - and _, or $default")
    return name


def _scope_of(argument: str) -> str:
    """Read what a token says of its scope; nothing is verified, and nothing of the token is shown."""
    text = (read_stdin() if argument == "-" else argument).strip()
    try:
        claims = strict_json.parse_object(base64url.decode(jws.parse(text).unverified_payload))
    except (RefusedError, ValueError):
        raise CommandError("this is not a token that can be read: a signed JWT with claims") from None
    scope = claims.get("scope", "")
    if not isinstance(scope, str):
        raise CommandError("the scope of the token is not text")
    return scope


def _scopes(text: str) -> frozenset[str]:
    if text and not is_scope(text):
        raise UsageError("scopes have single spaces between them, and characters of RFC 6749 3.3")
    return frozenset(text.split())


def _explanation(route_map: RouteMap, scopes: frozenset[str]) -> dict[str, Any]:
    """Give {"scopes": [..], "routes": [{"route": .., "allowed": .., "missing": ..}], "allow": [..], "deny": [..]}.

    `missing` holds, for each alternative, the scopes that the token lacks of it: null where the route is allowed, empty
    where it is closed.
    """
    routes = [
        {"route": route, "allowed": missing is None, "missing": missing}
        for route, missing in route_map.missing(scopes).items()
    ]
    patterns = route_map.policy_for(scopes) if route_map.has_patterns else None
    return {
        "scopes": sorted(scopes),
        "routes": routes,
        "connect": route_map.permits_connect(scopes),
        "allow": list(patterns.allow) if patterns else None,
        "deny": list(patterns.deny) if patterns else None,
    }


def _print(found: Mapping[str, Any]) -> None:
    if found["routes"]:
        print_table(table(("route", "allowed", "missing"), [_row(each) for each in found["routes"]]))
    if found["connect"]:
        print_line("$connect of a WebSocket API is allowed.")
    if any(each["missing"] == [] for each in found["routes"]):
        print_line(f"* {_OPEN_OR_CLOSED}")
    if found["allow"] is None:
        print_line("The map has no patterns: it is for POLICY_FOR=call.")
        return
    patterns = [("Allow", each) for each in found["allow"]] + [("Deny", each) for each in found["deny"]]
    if patterns:
        print_table(table(("effect", "pattern"), patterns))
    elif not found["connect"]:
        print_line("Nothing is allowed.")


def _row(route: Mapping[str, Any]) -> tuple[str, str, str]:
    if route["allowed"]:
        return route["route"], "yes", ""
    if not route["missing"]:
        return route["route"], "*", ""
    return route["route"], "no", " or ".join(" ".join(each) for each in route["missing"])
