"""Distinguished names as strings (RFC 4514), compared as names."""

import warnings

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from auth_server import distinguished_name
from auth_server.distinguished_name import parse

CN, O, UID, DC = "2.5.4.3", "2.5.4.10", "0.9.2342.19200300.100.1.1", "0.9.2342.19200300.100.1.25"  # noqa: E741 - the attribute's name


@pytest.mark.spec("RFC 4514", "4")
@pytest.mark.parametrize(
    ("text", "name"),
    [
        (
            "UID=jsmith,DC=example,DC=net",
            [{(UID, "jsmith")}, {(DC, "example")}, {(DC, "net")}],
        ),
        (
            "OU=Sales+CN=J.  Smith,DC=example,DC=net",
            [{("2.5.4.11", "sales"), (CN, "j. smith")}, {(DC, "example")}, {(DC, "net")}],
        ),
        (
            r"CN=James \"Jim\" Smith\, III,DC=example,DC=net",
            [{(CN, 'james "jim" smith, iii')}, {(DC, "example")}, {(DC, "net")}],
        ),
        (r"CN=Before\0dAfter,DC=example,DC=net", [{(CN, "before\rafter")}, {(DC, "example")}, {(DC, "net")}]),
        (r"CN=Lu\C4\8Di\C4\87", [{(CN, "lučić")}]),
        (r"CN=\#x\+\;\<\=\>\\\ ", [{(CN, r"#x+;<=>" + "\\")}]),
        ("2.5.4.3=Demo", [{(CN, "demo")}]),
        ("cn=a,o=b", [{(CN, "a")}, {(O, "b")}]),
        ("emailAddress=a@b.example", [{("1.2.840.113549.1.9.1", "a@b.example")}]),
    ],
)
def test_names_of_the_rfc(text: str, name: list[set[tuple[str, str]]]) -> None:
    """RDNs, sets of several attributes, escapes and OIDs are read as RFC 4514 4 shows them."""
    assert parse(text) == tuple(map(frozenset, name))


@pytest.mark.spec("RFC 4514", "3")
@pytest.mark.parametrize(
    "text",
    [
        "",
        "demo",
        "CN",
        "CN=",
        "=x",
        "CN=a,",
        ",CN=a",
        "CN=a,,O=b",
        "CN=a+",
        "CN=a;O=b",
        "CN=a, O=b",
        "CN = a",
        "CN= a",
        "CN=a ",
        "CN=a\\\\ ",
        "CN=#04024869",
        'CN="a"',
        "CN=a<b",
        "CN=a\\",
        "CN=a\\g",
        "CN=a\\c3",
        "CN=\\C3\\28",
        "CN=a\0",
        "CN=a\\00",
        "NOSUCHTYPE=a",
        "2.5.4.=a",
        "2.05.4=a",
        "9.5=a",
        "/C=DE/CN=a",
    ],
)
def test_what_is_no_name_is_refused(text: str) -> None:
    """What the grammar does not allow is refused when it is registered, and not guessed at."""
    with pytest.raises(ValueError, match=r"."):
        parse(text)


@pytest.mark.spec("RFC 5280", "7.1")
@pytest.mark.parametrize(
    "other",
    [
        "cn=DEMO client,o=EXAMPLE",
        r"CN=Demo\20Client,O=Example",
        "CN=Demo   Client,O=Example",
        r"2.5.4.3=\44emo Client,O=Example",
    ],
)
def test_one_name_has_several_strings(other: str) -> None:
    """Neither the case of ASCII letters nor surplus spaces nor the way of escaping make another name."""
    assert parse(other) == parse("CN=Demo Client,O=Example")


@pytest.mark.spec("RFC 5280", "7.1")
@pytest.mark.parametrize(
    "other",
    [
        "O=Example,CN=Demo Client",
        "CN=Demo Client+O=Example",
        "CN=Demo Client",
        "CN=Demo Client,O=Example,C=DE",
        "CN=Demo Client,OU=Example",
        "CN=DemoClient,O=Example",
        r"CN=Demo Client\,O=Example",
        "CN=Demo Client,O=\uff25xample",
        "CN=Demo Client,O=E\u0445ample",
        "CN=Demo Client,O=E\u200bxample",
    ],
)
def test_another_name_is_another(other: str) -> None:
    """Order, sets, types and every character that is not only another case tell names apart."""
    assert parse(other) != parse("CN=Demo Client,O=Example")


def test_only_ascii_letters_lose_their_case() -> None:
    """The sign of the Kelvin has a lower case that is an ASCII letter, and is none itself."""
    assert parse("CN=\u212a") != parse("CN=k") == parse("CN=K")


def test_the_order_of_a_set_is_no_order() -> None:
    """The attributes of one RDN are a set (X.501)."""
    assert parse("CN=a+O=b,C=DE") == parse("O=b+CN=a,C=DE")


types = st.sampled_from([NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME, NameOID.DOMAIN_COMPONENT, NameOID.USER_ID])
values = st.text(st.characters(min_codepoint=1, exclude_categories=["Cs"]), min_size=1, max_size=8)
rdns = st.dictionaries(types, values, min_size=1, max_size=3)


@given(st.lists(rdns, min_size=1, max_size=4))
def test_a_certificates_name_is_its_string(name: list[dict[x509.ObjectIdentifier, str]]) -> None:
    """The string that another implementation makes of a name is read as that name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        text = x509.Name(
            [
                x509.RelativeDistinguishedName([x509.NameAttribute(oid, value) for oid, value in rdn.items()])
                for rdn in name
            ]
        ).rfc4514_string()
    expected = distinguished_name.of_rdns([(oid.dotted_string, value) for oid, value in rdn.items()] for rdn in name)
    assert parse(text) == expected


@given(st.text(st.sampled_from('CNOcn=,+\\ #"20ab.ä\0\n'), max_size=24))
def test_any_text_is_a_name_or_refused(text: str) -> None:
    """Whatever is given as a name, the answer is a name or ValueError."""
    try:
        name = parse(text)
    except ValueError:
        return
    assert all(name)
