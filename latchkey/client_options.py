"""What the options of `clients create` and `clients update` say about a client."""

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Annotated, Any, NoReturn

import typer

from auth_server import allow_list
from auth_server.client_authentication import METHODS, tls_client_auth
from auth_server.clients import CLIENT_CREDENTIALS, NO_AUTHENTICATION, Client, TlsSubject
from auth_server.grants import GRANTS
from auth_server.trusted_issuers import TrustedIssuer
from latchkey.client_keys import read_jwks, read_trusted_issuer
from latchkey.errors import UsageError

Scope = Annotated[str | None, typer.Option(metavar="SCOPES", help="Its scopes, separated by spaces.")]
DefaultScope = Annotated[
    str | None, typer.Option(metavar="SCOPES", help="The scopes of a token when none are asked for. Else all of them.")
]
Audience = Annotated[
    list[str] | None,
    typer.Option(
        metavar="AUDIENCE", help="An audience it may ask for. Several: say it again; the first is its default."
    ),
]
IsAudience = Annotated[
    list[str] | None,
    typer.Option(
        metavar="URL", help="An audience that it is, as an API: it may introspect tokens for it. Several: say it again."
    ),
]
GrantType = Annotated[
    list[str] | None,
    typer.Option(
        metavar="GRANT",
        help=f"How it may get tokens: {', '.join(GRANTS)}. Several: say it again. "
        f"{CLIENT_CREDENTIALS} alone where none is named.",
    ),
]
MayGrantScope = Annotated[
    str | None,
    typer.Option(
        metavar="SCOPES",
        help="What it may grant to clients that it registers, separated by spaces. To register takes clients:register.",
    ),
]
MayGrantAudience = Annotated[
    list[str] | None,
    typer.Option(
        metavar="URL",
        help="An audience that it may grant to clients that it registers. Several: say it again; the first is their "
        "default.",
    ),
]
AuthMethod = Annotated[
    list[str] | None,
    typer.Option(
        metavar="METHOD",
        help=f"How it may authenticate: {', '.join(METHODS)}. Several: say it again. "
        f"Or {NO_AUTHENTICATION}: tokens are vended in its name, and it cannot ask for any.",
    ),
]
TokenLifetime = Annotated[
    str | None, typer.Option(metavar="SECONDS", help="How long its tokens live. Else as long as the server says.")
]
Claim = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE",
        help="A claim for its tokens. VALUE is read as JSON where it is valid JSON (3, true, [1]), else as a string. "
        "Several: say it again.",
    ),
]
UsageIdentifierKey = Annotated[
    str | None,
    typer.Option(metavar="VALUE", help="The API key whose usage plan its calls count for. It is no secret."),
]
AllowFrom = Annotated[
    list[str] | None,
    typer.Option(
        metavar="CIDR",
        help="A network that it may authenticate from, such as 192.0.2.0/24 or 2001:db8::/32. Several: say it again. "
        "From anywhere where none is named.",
    ),
]
TokensPerHour = Annotated[
    str | None,
    typer.Option(metavar="NUMBER", help="How many tokens it may get in an hour. Without a bound where none."),
]
MonitorQuota = Annotated[
    bool | None,
    typer.Option("--monitor-quota/--enforce-quota", help="Count its tokens, and refuse none of them."),
]
TokenReuse = Annotated[
    str | None,
    typer.Option(
        metavar="on|off",
        help="Whether it gets its unexpired token again when it asks again. Else what the server says.",
    ),
]
Name = Annotated[str | None, typer.Option(metavar="TEXT", help="A name for people.")]
Jwks = Annotated[
    str | None, typer.Option(metavar="FILE", help="A JWK Set of the public keys that it signs with (private_key_jwt).")
]
JwksUri = Annotated[str | None, typer.Option(metavar="URL", help="Where it publishes these keys instead.")]
Trust = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FILE",
        help="An issuer whose tokens it may authenticate with (federated_jwt), as JSON. Several: say it again.",
    ),
]

DpopBound = Annotated[
    bool | None,
    typer.Option("--dpop-bound/--no-dpop-bound", help="It gets no token that is not bound to its key by DPoP."),
]
TlsBound = Annotated[
    bool | None,
    typer.Option("--tls-bound/--no-tls-bound", help="It gets no token that is not bound to its client certificate."),
]
TlsSubjectDn = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="The subject of its certificate (tls_client_auth), such as CN=demo,O=Example. Name one of these five.",
    ),
]
TlsSanDns = Annotated[str | None, typer.Option(metavar="NAME", help="Or a DNS name in its certificate.")]
TlsSanUri = Annotated[str | None, typer.Option(metavar="URI", help="Or a URI in its certificate.")]
TlsSanIp = Annotated[str | None, typer.Option(metavar="ADDRESS", help="Or an IP address in its certificate.")]
TlsSanEmail = Annotated[str | None, typer.Option(metavar="ADDRESS", help="Or an email address in its certificate.")]
# Of which one says what a certificate must name; the parameter of RFC 8705 2.1.2 that each stands for.
TLS_SUBJECTS = {name.replace("client_auth_", ""): name for name in tls_client_auth.PARAMETERS}


@dataclass(frozen=True, slots=True)
class Named:
    """The options as they were given; None, or an empty list, for one that was not."""

    scope: str | None = None
    default_scope: str | None = None
    audience: Sequence[str] | None = None
    auth_method: Sequence[str] | None = None
    token_lifetime: str | None = None
    claim: Sequence[str] | None = None
    name: str | None = None
    is_audience: Sequence[str] | None = None
    grant_type: Sequence[str] | None = None
    may_grant_scope: str | None = None
    may_grant_audience: Sequence[str] | None = None
    dpop_bound: bool | None = None
    tls_bound: bool | None = None
    tls_subject_dn: str | None = None
    tls_san_dns: str | None = None
    tls_san_uri: str | None = None
    tls_san_ip: str | None = None
    tls_san_email: str | None = None
    jwks: str | None = None
    jwks_uri: str | None = None
    trust: Sequence[str] | None = None
    usage_identifier_key: str | None = None
    allow_from: Sequence[str] | None = None
    tokens_per_hour: str | None = None
    monitor_quota: bool | None = None
    token_reuse: str | None = None

    def members(self) -> dict[str, Any]:
        """Give the options that were given."""
        options = {option.name: getattr(self, option.name) for option in fields(self)}
        return {name: given for name, given in options.items() if given is not None and given != []}

    def apply(self, client: Client) -> Client:
        """Change what is named, and nothing else. An empty text clears what it names. Raises `UsageError`."""
        changes = {}
        if len(TLS_SUBJECTS.keys() & self.members().keys()) > 1:
            raise UsageError("name one thing that the certificate says: one --tls-subject-dn or --tls-san-... of them")
        for name, given in self.members().items():
            member, read = _MEMBERS[name]
            changes[member] = read(given, client)
        return replace(client, **changes)


def named(parameters: Mapping[str, Any]) -> Named:
    """Pick the options out of a command's parameters (`locals()` at its beginning), which have their names."""
    return Named(**{field.name: parameters[field.name] for field in fields(Named)})


def _on_or_off(given: str, _: Client) -> bool | None:
    if given not in ("on", "off", ""):
        raise UsageError("--token-reuse is on or off")
    return given == "on" if given else None


def _scopes(given: str, _: Client) -> tuple[str, ...]:
    return tuple(dict.fromkeys(given.split()))


def _values(given: Sequence[str], _: Client) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, given)))


def _networks(given: Sequence[str], _: Client) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(_network, filter(None, given))))


def _network(text: str) -> str:
    try:
        return allow_list.normalise(text)
    except ValueError as error:
        raise UsageError(f"--allow-from: {error}") from None


def _trusted_issuers(given: Sequence[str], _: Client) -> tuple[TrustedIssuer, ...]:
    return tuple(map(read_trusted_issuer, filter(None, given)))


def _tls_subject(option: str) -> Callable[[str, Client], TlsSubject | None]:
    return lambda given, _: TlsSubject(TLS_SUBJECTS[option], given) if given else None


def _whole_number(rule: str) -> Callable[[str, Client], int | None]:
    def read(given: str, _: Client) -> int | None:
        if given and not re.fullmatch("[0-9]{1,9}", given):
            raise UsageError(rule)
        return int(given) if given else None

    return read


def _claims(given: Sequence[str], client: Client) -> dict[str, Any]:
    kept = {} if "" in given else client.claims
    return {**kept, **dict(_claim(pair) for pair in given if pair)}


def _claim(pair: str) -> tuple[str, Any]:
    name, equals, value = pair.partition("=")
    if not name or not equals or not name.isprintable():
        raise UsageError("--claim is NAME=VALUE")
    try:
        return name, json.loads(value, parse_constant=_not_json, parse_float=_finite)
    except (ValueError, RecursionError):
        return name, value


def _not_json(_: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")  # RFC 8259 6


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise UsageError("a number in --claim is out of range")
    return number


# Option, the member of a client that it changes, and how it is read.
_MEMBERS: dict[str, tuple[str, Callable[[Any, Client], Any]]] = {
    "scope": ("scopes", _scopes),
    "default_scope": ("default_scopes", _scopes),
    "audience": ("audiences", _values),
    "auth_method": ("auth_methods", _values),
    "grant_type": ("grant_types", _values),
    "may_grant_scope": ("registrable_scopes", _scopes),
    "may_grant_audience": ("registrable_audiences", _values),
    "token_lifetime": ("token_lifetime", _whole_number("--token-lifetime is a whole number of seconds")),
    "claim": ("claims", _claims),
    "name": ("name", lambda given, _: given),
    "is_audience": ("resource_identifiers", _values),
    "dpop_bound": ("dpop_bound_access_tokens", lambda given, _: given),
    "tls_bound": ("tls_client_certificate_bound_access_tokens", lambda given, _: given),
    **{option: ("tls_subject", _tls_subject(option)) for option in TLS_SUBJECTS},
    "jwks": ("jwks", lambda given, _: read_jwks(given)),
    "jwks_uri": ("jwks_uri", lambda given, _: given or None),
    "trust": ("trusted_issuers", _trusted_issuers),
    "usage_identifier_key": ("usage_identifier_key", lambda given, _: given or None),
    "allow_from": ("allow_from", _networks),
    "tokens_per_hour": ("tokens_per_hour", _whole_number("--tokens-per-hour is a whole number")),
    "token_reuse": ("token_reuse", _on_or_off),
    "monitor_quota": ("quota_monitored", lambda given, _: given),
}
