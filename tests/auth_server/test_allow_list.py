"""From where a client may come: its networks, and what somebody elsewhere is told."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth_server import allow_list
from auth_server.audit import AuditLog
from auth_server.challenge import Gate
from auth_server.throttle import Throttle
from tests.auth_server.assertions import P256, SIGN, claims, jwk, jwks, sign
from tests.simulator import (
    NOW,
    SECRET,
    MemoryClientStore,
    MemoryStateStore,
    Response,
    Simulator,
    basic,
    client,
    document,
    event,
)

INSIDE, OUTSIDE = "192.0.2.7", "198.51.100.7"
NETWORKS = ("192.0.2.0/24", "2001:db8:1::/48")


def came_from(address: str | None) -> dict[str, Any]:
    """Give the context of a request from an address."""
    return {"requestId": "request-1", "identity": {"sourceIp": address}}


def ask(server: Simulator, address: str | None, secret: str = SECRET, path: str = "/oauth/token") -> Response:
    """Send a client's request from an address."""
    body = "grant_type=client_credentials&token=x"
    headers = basic("demo", secret)
    return server.send(event("POST", path, body=body, headers=headers, requestContext=came_from(address)))


def server(*networks: str) -> Simulator:
    """Give a server whose client may come from these networks."""
    return Simulator(clients=MemoryClientStore(client(allow_from=networks)))


@pytest.mark.parametrize(
    ("address", "admitted"),
    [
        (INSIDE, True),
        ("::ffff:192.0.2.7", True),
        ("2001:db8:1:ffff::1", True),
        (OUTSIDE, False),
        ("192.0.3.0", False),
        ("::ffff:198.51.100.7", False),
        ("2001:db8:2::1", False),
        ("::192.0.2.7", False),
        ("", False),
        ("nonsense", False),
        ("192.0.2.7, 198.51.100.7", False),
        (None, False),
    ],
)
def test_a_client_is_served_in_its_networks_alone(address: str | None, admitted: bool) -> None:
    """By IPv4 and IPv6, an IPv4 address in IPv6's form among them; without an address that can be read, not at all."""
    assert ask(server(*NETWORKS), address)["statusCode"] == (200 if admitted else 401)


@pytest.mark.parametrize("address", [INSIDE, "2001:db8::1", None, "nonsense"])
def test_without_networks_a_client_may_come_from_anywhere(address: str | None) -> None:
    """An empty list is no list."""
    assert ask(server(), address)["statusCode"] == 200


@pytest.mark.spec("RFC 6749", "5.2")
def test_elsewhere_a_right_secret_is_answered_like_a_wrong_one() -> None:
    """Byte for byte, so that whoever has stolen it does not learn that it is right."""
    one = server(*NETWORKS)
    answers = [ask(one, OUTSIDE, secret) for secret in (SECRET, "wrong")]
    assert answers[0] == answers[1]
    assert document(answers[0])["error"] == "invalid_client"
    assert "WWW-Authenticate" in answers[0]["headers"]


@pytest.mark.parametrize("path", ["/oauth/introspect", "/oauth/revoke"])
def test_the_list_holds_wherever_a_client_authenticates(path: str) -> None:
    """Introspection and revocation are refused elsewhere as well."""
    assert ask(server(*NETWORKS), INSIDE, path=path)["statusCode"] == 200
    assert ask(server(*NETWORKS), OUTSIDE, path=path)["statusCode"] == 401


def test_elsewhere_an_assertion_is_not_used_up() -> None:
    """What was refused for its address is good still where it belongs: nothing changes before all is checked."""
    signer = client(auth_methods=("private_key_jwt",), secrets=(), jwks=jwks(jwk(P256, kid="k1")), allow_from=NETWORKS)
    one = Simulator(clients=MemoryClientStore(signer))
    form = {
        "grant_type": "client_credentials",
        "client_assertion": sign(claims(iss="demo", sub="demo"), {"alg": "ES256", "kid": "k1"}, SIGN["ES256"]),
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    }
    statuses = [one.post(form, requestContext=came_from(each))["statusCode"] for each in (OUTSIDE, INSIDE)]
    assert statuses == [401, 200]


def test_the_audit_line_tells_the_client_and_why(capsys: pytest.CaptureFixture[str]) -> None:
    """An operator who has forgotten a network finds it out."""
    ask(server(*NETWORKS), OUTSIDE)
    line = json.loads(capsys.readouterr().out)
    assert (line["client_id"], line["source_ip"]) == ("demo", OUTSIDE)
    assert line["reason"] == "the address is in none of the client's networks"


def test_the_gate_refuses_elsewhere_whom_it_remembers_here() -> None:
    """Credentials that it has just admitted in the client's network are refused to another address."""
    throttle = Throttle(MemoryStateStore(), lambda: NOW)
    gate = Gate(MemoryClientStore(client(allow_from=NETWORKS)), throttle, AuditLog("ERROR"), lambda: NOW)

    def admits(address: str) -> bool:
        asked = event("POST", "/oauth/token", headers=basic("demo", SECRET), requestContext=came_from(address))
        return gate.answer({**asked, "methodArn": "arn"}) is not None

    assert [admits(address) for address in (INSIDE, OUTSIDE, INSIDE)] == [True, False, True]


@given(st.ip_addresses(), st.integers(0, 128))
def test_a_network_has_its_own_addresses(address: Any, length: int) -> None:
    """Each address is in the networks that are made of its own beginning."""
    bits = address.max_prefixlen
    length = min(length, bits)
    first = type(address)(int(address) >> (bits - length) << (bits - length))
    assert allow_list.admits((f"{first}/{length}",), str(address)) or (address.version == 6 and address.ipv4_mapped)


@given(st.text())
def test_any_text_is_a_network_or_refused(text: str) -> None:
    """Nothing but a ValueError comes of a bad one, and what is normal stays as it is."""
    try:
        network = allow_list.normalise(text)
    except ValueError:
        assert not allow_list.is_network(text)
    else:
        assert allow_list.is_network(network)
