"""docs/conformance.md, out of the marks of the tests: which section of which standard has which tests.

A test that is a sentence of a standard is marked `@pytest.mark.spec("RFC 6749", "5.2")`. The sections below are those
that bind this product; one without a test shows as a gap. `make docs` writes the page; a test holds it to the marks.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "conformance.md"

# Standard, its title, and each section that binds an authorization server, a resource server, or the sign-in of people.
SECTIONS: dict[str, tuple[str, dict[str, str]]] = {
    "RFC 6585": ("Additional HTTP status codes", {"4": "429 Too Many Requests"}),
    "RFC 6749": (
        "The OAuth 2.0 Authorization Framework",
        {
            "2.3.1": "Client password",
            "3.2": "Token endpoint",
            "3.3": "Access token scope",
            "4.4.3": "Access token response",
            "5.1": "Successful response",
            "5.2": "Error response",
        },
    ),
    "RFC 6750": (
        "Bearer token usage",
        {"2.1": "Authorization request header field", "3": "The WWW-Authenticate header", "3.1": "Error codes"},
    ),
    "RFC 7009": (
        "Token revocation",
        {"2.1": "Revocation request", "2.2": "Revocation response"},
    ),
    "RFC 7515": ("JSON Web Signature", {"2": "Base64url", "4": "JOSE header", "4.1.11": "crit"}),
    "RFC 7517": ("JSON Web Key", {"5": "JWK Set format"}),
    "RFC 7519": ("JSON Web Token", {"4.1.3": "aud", "4.1.4": "exp", "4.1.5": "nbf", "4.1.7": "jti"}),
    "RFC 7523": ("JWT profile for client authentication", {"3": "JWT format and processing requirements"}),
    "RFC 7591": (
        "Dynamic client registration",
        {
            "2": "Client metadata",
            "3.1": "Client registration request",
            "3.2.1": "Client information response",
            "3.2.2": "Client registration error response",
        },
    ),
    "RFC 7592": (
        "Dynamic client registration management",
        {"2.1": "Read request", "2.2": "Update request", "2.3": "Delete request", "3": "Client information response"},
    ),
    "RFC 7638": ("JWK thumbprint", {"3": "Thumbprint computation"}),
    "RFC 7662": ("Token introspection", {"2.1": "Introspection request", "2.2": "Introspection response"}),
    "RFC 8414": ("Authorization server metadata", {"2": "Metadata"}),
    "RFC 8693": (
        "Token exchange",
        {"2.1": "Request", "2.2.1": "Successful response", "2.2.2": "Error response", "4.1": "act", "4.4": "may_act"},
    ),
    "RFC 8705": (
        "Mutual TLS",
        {
            "2": "Mutual TLS for client authentication",
            "2.1": "PKI method",
            "2.2": "Self-signed method",
            "3": "Certificate-bound access tokens",
            "3.1": "x5t#S256",
            "3.4": "Certificate-bound clients",
        },
    ),
    "RFC 8707": ("Resource indicators", {"2": "Resource parameter"}),
    "RFC 8725": ("JWT best current practices", {"3.1": "Algorithm verification", "3.11": "Explicit typing"}),
    "RFC 9068": (
        "JWT profile for access tokens",
        {"2.1": "Header", "2.2": "Data structure", "4": "Validating JWT access tokens"},
    ),
    "RFC 9449": (
        "DPoP",
        {
            "4.2": "DPoP proof JWT syntax",
            "4.3": "Checking DPoP proofs",
            "5": "DPoP access token request",
            "6.1": "JWK thumbprint confirmation",
            "7.1": "The DPoP authentication scheme",
            "7.2": "Compatibility with the Bearer authentication scheme",
            "11.1": "DPoP proof replay",
        },
    ),
    "RFC 9701": ("JWT response for introspection", {"4": "Requesting a JWT response", "5": "JWT response"}),
    "RFC 3986": ("URI: generic syntax", {}),
    "RFC 4514": ("LDAP: string representation of distinguished names", {}),
    "RFC 4648": ("Base encodings", {}),
    "RFC 5280": ("X.509 certificates", {}),
    "RFC 7518": ("JSON Web Algorithms", {}),
    "RFC 7521": ("Assertion framework", {}),
    "RFC 7800": ("Proof-of-possession key semantics for JWTs", {}),
    "RFC 7617": ("HTTP Basic authentication", {}),
    "RFC 8037": ("EdDSA in JOSE", {}),
    "RFC 8259": ("JSON", {}),
    "RFC 9110": ("HTTP semantics", {}),
    "RFC 9728": ("Protected resource metadata", {"2": "Metadata", "3.2": "Response", "5.1": "WWW-Authenticate"}),
    "RFC 9562": ("UUIDs", {"5.7": "Version 7"}),
    "RFC 9106": ("Argon2", {"4": "Parameter choice"}),
    "NIST SP 800-63B-4": (
        "Authentication and authenticator management",
        {"3.1.1.2": "Password verifiers", "3.2.2": "Rate limiting (throttling)"},
    ),
}


def marks(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Yield standard, section and test (`file::name`) of every marked test below a folder."""
    for file in sorted(folder.rglob("test_*.py")):
        module = ast.parse(file.read_text(encoding="utf-8"))
        for function in ast.walk(module):
            if isinstance(function, ast.FunctionDef):
                for standard, section in map(_mark, function.decorator_list):
                    if standard:
                        yield standard, section, f"{file.relative_to(ROOT)}::{function.name}"


def _mark(decorator: ast.expr) -> tuple[str, str]:
    match decorator:
        case ast.Call(func=ast.Attribute(attr="spec"), args=[ast.Constant(str(standard)), ast.Constant(str(section))]):
            return standard, section
    return "", ""


def page() -> str:
    """Give the page."""
    tests: dict[tuple[str, str], list[str]] = defaultdict(list)
    for standard, section, test in marks(ROOT / "tests"):
        tests[standard, section].append(test)
    lines = ["# Conformance", "", "Written by `make docs` from the marks of the tests; do not edit.", ""]
    for standard, (title, sections) in SECTIONS.items():
        lines += [f"## {standard}: {title}", "", "| section | | tests |", "| --- | --- | --- |"]
        marked = {section for name, section in tests if name == standard}
        for section in sorted({*sections, *marked}, key=_order):
            lines.append(f"| {section} | {sections.get(section, '')} | {_cell(tests[standard, section])} |")
        lines.append("")
    return "\n".join(lines)


def _cell(tests: list[str]) -> str:
    return "<br>".join(f"`{test}`" for test in sorted(set(tests))) or "**gap**"


def _order(section: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (999, part) for part in section.split(".")]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
