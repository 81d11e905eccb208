"""Distinguished names: written as strings (RFC 4514), and compared as names, not as strings (RFC 5280 7.1)."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

# An attribute is the OID of its type and its value; an RDN is a set of them; the last RDN of a certificate comes first.
Attribute = tuple[str, str]
DistinguishedName = tuple[frozenset[Attribute], ...]

# RFC 4514 3, RFC 4519, and two that certificates have besides (RFC 5280 4.1.2.4). A name of a type has no case.
_OIDS: Final = {
    "CN": "2.5.4.3",
    "SN": "2.5.4.4",
    "SERIALNUMBER": "2.5.4.5",
    "C": "2.5.4.6",
    "L": "2.5.4.7",
    "ST": "2.5.4.8",
    "STREET": "2.5.4.9",
    "O": "2.5.4.10",
    "OU": "2.5.4.11",
    "TITLE": "2.5.4.12",
    "GIVENNAME": "2.5.4.42",
    "DC": "0.9.2342.19200300.100.1.25",
    "UID": "0.9.2342.19200300.100.1.1",
    "EMAILADDRESS": "1.2.840.113549.1.9.1",
}
_OID = re.compile(r"[0-2](?:\.(?:0|[1-9][0-9]*))+")
_ESCAPED: Final = r' "#+,;<=>' + "\\"
# One attribute, up to the `,` or `+` that ends it: what is neither escaped nor special, `\` and a special character,
# or `\` and two hexadecimal digits. A space may not be the first or the last, nor `#` the first (RFC 4514 2.4).
_ATTRIBUTE = re.compile(
    r"(?P<type>[A-Za-z][A-Za-z0-9-]*|[0-9.]+)="
    r"(?P<value>(?:[^\"+,;<>\\\0]|\\[ \"#+,;<=>\\]|\\[0-9A-Fa-f]{2})*)(?P<end>[,+]|$)",
    re.DOTALL,
)
_PAIRS = re.compile(r"(?:\\[0-9A-Fa-f]{2})+|\\.", re.DOTALL)
_UPPER = str.maketrans({chr(code): chr(code + 32) for code in range(ord("A"), ord("Z") + 1)})


def parse(text: str) -> DistinguishedName:
    """Read a name of at least one attribute; raises ValueError.

    A value in hexadecimal BER (`#04024869`) is not taken: write what it stands for.
    """
    rdns: list[set[Attribute]] = [set()]
    for oid, value, end in _attributes(text):
        rdns[-1].add((oid, fold(value)))
        if end == ",":
            rdns.append(set())
    return tuple(map(frozenset, rdns))


def of_rdns(rdns: Iterable[Iterable[Attribute]]) -> DistinguishedName:
    """Give the name whose RDNs stand in a certificate's order, the reverse of a string's (RFC 4514 2.1)."""
    names = [frozenset((oid, fold(value)) for oid, value in rdn) for rdn in rdns]
    return tuple(reversed(names))


def fold(value: str) -> str:
    """Prepare a value for comparison: without case and surplus spaces (caseIgnoreMatch, RFC 4517 4.2.11).

    Only ASCII letters lose their case. Other characters must be the same, which is stricter than RFC 4518, so that no
    character passes for another that looks like it.
    """
    return re.sub(" +", " ", value.strip(" ")).translate(_UPPER)


def _attributes(text: str) -> Iterator[tuple[str, str, str]]:
    position, end = 0, ","
    while end:
        match = _ATTRIBUTE.match(text, position)
        if match is None or not (match["end"] or match.end() == len(text)):
            raise ValueError("not a distinguished name of RFC 4514")
        position, end = match.end(), match["end"]
        yield _oid(match["type"]), _unescaped(match["value"]), end


def _oid(name: str) -> str:
    oid = _OIDS.get(name.upper()) or (name if _OID.fullmatch(name) else None)
    if oid is None:
        raise ValueError("an attribute type that is unknown: write its OID")
    return oid


def _unescaped(value: str) -> str:
    bare = _PAIRS.sub("x", value)
    if not bare or bare[0] in " #" or bare[-1] == " ":  # RFC 4514 2.4
        raise ValueError("an attribute value that is empty, or begins or ends as none may")
    text = _PAIRS.sub(_character, value)
    if "\0" in text:
        raise ValueError("a NUL in an attribute value")
    return text


def _character(pair: re.Match[str]) -> str:
    text = pair[0]
    return text[1] if text[1] in _ESCAPED else bytes.fromhex(text.replace("\\", "")).decode("utf-8")
