"""Mutual TLS (RFC 8705): authentication by a certificate, and tokens bound to one. One thing is changed at a time."""

import base64
import subprocess
import sys
from ipaddress import ip_address
from typing import Any
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from auth_server.client_registration import InvalidClientMetadataError, check
from auth_server.clients import TlsSubject
from tests.auth_server.certificates import (
    CLIENT_KEY,
    SUBJECT,
    SUBJECT_DN,
    certificate,
    context,
    der_of,
    thumbprint,
)
from tests.auth_server.test_wire import payload_2
from tests.authorizer.proofs import ED_KEY, ec_jwk, ed_jwk, proof, rsa_jwk
from tests.simulator import (
    ENVIRON,
    NOW,
    PRIVATE_KEY,
    SECRET,
    MemoryClientStore,
    Simulator,
    basic,
    client,
    document,
    event,
)

GRANT = {"grant_type": "client_credentials"}
BODY = {**GRANT, "client_id": "demo"}
BOTH = (NOW - 86_400, NOW + 86_400)
ON = {**ENVIRON, "MTLS": "on"}
PKI: dict[str, Any] = {
    "auth_methods": ("tls_client_auth",),
    "tls_subject": TlsSubject("tls_client_auth_subject_dn", SUBJECT_DN),
    "secrets": (),
}
SELF_SIGNED: dict[str, Any] = {
    "auth_methods": ("self_signed_tls_client_auth",),
    "jwks": {"keys": [ec_jwk(CLIENT_KEY)]},
    "secrets": (),
}
PEM = certificate()


def server(environ: dict[str, str] = ON, **changes: Any) -> Simulator:
    """Give a server that knows one client, `demo`, with these changes."""
    return Simulator(clients=MemoryClientStore(check(client(**changes))), environ=environ)


def connect(simulator: Simulator, pem: str | None, body: Any = None, **changes: Any) -> dict[str, Any]:
    """Ask for a token over a connection in which this certificate was shown."""
    return simulator.post(BODY if body is None else body, requestContext=context(pem), **changes)


def outcome(response: dict[str, Any]) -> tuple[int, str]:
    """Give status and error code, `issued` where there is none."""
    return response["statusCode"], document(response).get("error", "issued")


ISSUED, NOT_AUTHENTICATED, BAD_REQUEST = (200, "issued"), (401, "invalid_client"), (400, "invalid_request")


@pytest.mark.spec("RFC 8705", "2.1")
def test_a_certificate_authenticates() -> None:
    """A valid certificate whose subject is the client's is its authentication, and binds the token (RFC 8705 4)."""
    simulator = server(**PKI)
    response = connect(simulator, PEM)
    assert outcome(response) == ISSUED
    assert document(response)["token_type"] == "Bearer"
    assert simulator.claims(response)["cnf"] == {"x5t#S256": thumbprint(PEM)}


@pytest.mark.spec("RFC 8705", "3.1")
def test_the_confirmation_of_the_rfc() -> None:
    """`x5t#S256` is the base64url of the SHA-256 of the certificate's DER: 43 characters."""
    simulator = server(**PKI)
    (digest,) = simulator.claims(connect(simulator, PEM))["cnf"].values()
    assert len(digest) == 43


def test_every_format_of_event_brings_the_certificate() -> None:
    """A REST API gives it in `identity`, an HTTP API in `authentication`; each in its own place alone."""
    simulator = server(**PKI)
    shown = {"clientCert": {"clientCertPem": PEM}}
    http = payload_2("/oauth/token", body="&".join(f"{name}={value}" for name, value in BODY.items()))
    http["isBase64Encoded"] = False
    for place, expected in (("authentication", ISSUED), ("identity", NOT_AUTHENTICATED)):
        received = {**http, "requestContext": {**http["requestContext"], place: shown}}
        assert outcome(simulator.send(received)) == expected
    rest = {"requestId": "r", "identity": {}, "authentication": shown}
    assert outcome(simulator.post(BODY, requestContext=rest)) == NOT_AUTHENTICATED


def test_a_certificate_counts_only_where_mutual_tls_is_on() -> None:
    """With MTLS off, as it is by default, a certificate in the event is ignored."""
    for environ in (ENVIRON, {**ENVIRON, "MTLS": "off"}):
        assert outcome(connect(server(environ, **PKI), PEM)) == NOT_AUTHENTICATED
        simulator = server(environ)
        response = connect(simulator, PEM, {**BODY, "client_secret": SECRET})
        assert "cnf" not in simulator.claims(response)


@pytest.mark.spec("RFC 8705", "2")
@pytest.mark.parametrize(
    "pem", ["", "x", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "x" * 70_000]
)
def test_a_certificate_that_cannot_be_read_is_refused(pem: str) -> None:
    """What is no certificate authenticates nobody, and never ends in a fault."""
    assert outcome(connect(server(**PKI), pem)) == (BAD_REQUEST if pem else NOT_AUTHENTICATED)


@pytest.mark.parametrize(
    "shown", ["x", 7, ["x"], {"clientCertPem": 7}, {"clientCertPem": ["x"]}, {"clientCertPem": {}}]
)
def test_an_event_of_another_shape_is_answered(shown: Any) -> None:
    """Whatever stands in the certificate's place, the request is refused."""
    requests = {"requestId": "r", "identity": {"clientCert": shown}}
    assert server(**PKI).post(BODY, requestContext=requests)["statusCode"] in (400, 401)


SPOOFED = [
    "X-SSL-Cert",
    "X-SSL-Client-Cert",
    "X-Forwarded-Client-Cert",
    "Client-Cert",
    "X-Amzn-Mtls-Clientcert",
    "SSL_CLIENT_CERT",
]


@pytest.mark.spec("RFC 8705", "6.5")
@pytest.mark.parametrize("name", SPOOFED)
@pytest.mark.parametrize("value", [PEM.replace("\n", " "), quote(PEM), base64.b64encode(PEM.encode()).decode()])
def test_a_certificate_in_a_header_is_ignored(name: str, value: str) -> None:
    """A certificate comes from the gateway alone: no header authenticates, and none changes what is bound."""
    assert outcome(connect(server(**PKI), None, headers={name: value})) == NOT_AUTHENTICATED
    simulator = server(**PKI)
    response = connect(simulator, PEM, headers={name: certificate(key=ec.generate_private_key(ec.SECP256R1()))})
    assert simulator.claims(response)["cnf"] == {"x5t#S256": thumbprint(PEM)}


@pytest.mark.spec("RFC 8705", "2")
def test_the_client_id_is_required() -> None:
    """The client makes requests with the client_id parameter; a certificate alone says nothing about who asks."""
    assert outcome(connect(server(**PKI), PEM, GRANT)) == NOT_AUTHENTICATED


def test_the_client_is_the_one_whose_subject_it_is() -> None:
    """A good certificate authenticates no other client, and none that does not exist."""
    simulator = server(**PKI)
    simulator.clients.clients["other"] = client(
        client_id="other", **PKI | {"tls_subject": TlsSubject("tls_client_auth_subject_dn", "CN=Other")}
    )
    for client_id in ("other", "nobody", "x" * 256):
        assert outcome(connect(simulator, PEM, {**GRANT, "client_id": client_id})) == NOT_AUTHENTICATED


@pytest.mark.parametrize("change", [{"enabled": False}, {"auth_methods": ("client_secret_post",)}])
@pytest.mark.parametrize("kind", [PKI, SELF_SIGNED])
def test_a_client_that_may_not_is_refused(kind: dict[str, Any], change: dict[str, Any]) -> None:
    """A disabled client, and one of another method, is refused with a good certificate too."""
    pem = certificate(self_signed=kind is SELF_SIGNED)
    assert outcome(connect(server(**kind), pem)) == ISSUED
    assert outcome(connect(server(**kind | change), pem)) == NOT_AUTHENTICATED


TIMES = {
    "expired": (NOW - 86_400, NOW - 1),
    "not yet valid": (NOW + 1, NOW + 86_400),
}


@pytest.mark.spec("RFC 5280", "4.1.2.5")
@pytest.mark.parametrize("valid", TIMES.values(), ids=TIMES.keys())
def test_a_certificate_out_of_its_time_is_refused(valid: tuple[float, float]) -> None:
    """The validity period is checked, whichever way the certificate is used; both of its ends belong to it."""
    assert outcome(connect(server(**PKI), certificate(valid=valid))) == NOT_AUTHENTICATED
    assert outcome(connect(server(**SELF_SIGNED), certificate(self_signed=True, valid=valid))) == NOT_AUTHENTICATED
    binding = server(tls_client_certificate_bound_access_tokens=True)
    assert outcome(connect(binding, certificate(valid=valid), {**BODY, "client_secret": SECRET})) == BAD_REQUEST
    for inclusive in ((NOW, NOW + 9), (NOW - 9, NOW)):
        assert outcome(connect(server(**PKI), certificate(valid=inclusive))) == ISSUED


@pytest.mark.spec("RFC 8705", "2.1.2")
@pytest.mark.parametrize(
    ("registered", "expected"),
    [
        (SUBJECT_DN, ISSUED),
        (r"cn=demo client,o=Räksmörgås\2C Inc.,c=de", ISSUED),
        (r"2.5.4.3=Demo Client,2.5.4.10=R\C3\A4ksm\C3\B6rg\C3\A5s\, Inc.,2.5.4.6=DE", ISSUED),
        (r"C=DE,O=Räksmörgås\, Inc.,CN=Demo Client", NOT_AUTHENTICATED),
        (r"CN=Demo Client,C=DE", NOT_AUTHENTICATED),
        (r"CN=Demo Client", NOT_AUTHENTICATED),
        (r"CN=Demo Client,O=Räksmörgås,C=DE", NOT_AUTHENTICATED),
        (r"CN=Demo Client,O=RÄKSMÖRGÅS\, Inc.,C=DE", NOT_AUTHENTICATED),
        (r"CN=Demo Client+O=Räksmörgås\, Inc.,C=DE", NOT_AUTHENTICATED),
        (r"CN=Demo Client\,O=Räksmörgås\, Inc.,C=DE", NOT_AUTHENTICATED),
    ],
)
def test_the_subject_is_compared_as_a_name(registered: str, expected: tuple[int, str]) -> None:
    """tls_client_auth_subject_dn is a string of RFC 4514: parsed, and not compared as text."""
    simulator = server(**PKI | {"tls_subject": TlsSubject("tls_client_auth_subject_dn", registered)})
    assert outcome(connect(simulator, PEM)) == expected


SAN = {
    "dns": ("tls_client_auth_san_dns", "Client.example.com", x509.DNSName("client.EXAMPLE.com")),
    "uri": (
        "tls_client_auth_san_uri",
        "spiffe://example.com/demo",
        x509.UniformResourceIdentifier("spiffe://example.com/demo"),
    ),
    "ipv4": ("tls_client_auth_san_ip", "203.0.113.9", x509.IPAddress(ip_address("203.0.113.9"))),
    "ipv6": ("tls_client_auth_san_ip", "2001:DB8:0::9", x509.IPAddress(ip_address("2001:db8::9"))),
    "email": ("tls_client_auth_san_email", "demo@Example.com", x509.RFC822Name("demo@example.COM")),
}
OTHERS: list[x509.GeneralName] = [
    x509.DNSName("other.example.com"),
    x509.DNSName("client.example.com.evil.example"),
    x509.DNSName("*.example.com"),
    x509.UniformResourceIdentifier("spiffe://example.com/Demo"),
    x509.UniformResourceIdentifier("spiffe://example.com/demo/"),
    x509.IPAddress(ip_address("203.0.113.10")),
    x509.RFC822Name("Demo@example.com"),
    x509.RFC822Name("demo@example.com.evil.example"),
    x509.DirectoryName(SUBJECT),
]


@pytest.mark.spec("RFC 8705", "2.1.2")
@pytest.mark.parametrize(("parameter", "value", "name"), SAN.values(), ids=SAN.keys())
def test_an_alternative_name_authenticates(parameter: str, value: str, name: x509.GeneralName) -> None:
    """One of the certificate's alternative names is the registered one, of its own kind; others beside it are fine."""
    simulator = server(**PKI | {"tls_subject": TlsSubject(parameter, value)})
    assert outcome(connect(simulator, certificate(names=[*OTHERS, name]))) == ISSUED
    assert outcome(connect(simulator, certificate(names=OTHERS))) == NOT_AUTHENTICATED
    assert outcome(connect(simulator, certificate())) == NOT_AUTHENTICATED


def test_a_name_of_another_kind_is_another_name() -> None:
    """A DNS name in the place of a URI, or in the common name, is not the registered one."""
    simulator = server(**PKI | {"tls_subject": TlsSubject("tls_client_auth_san_dns", "client.example.com")})
    common = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "client.example.com")])
    uri = x509.UniformResourceIdentifier("client.example.com")
    assert outcome(connect(simulator, certificate(common, names=[uri]))) == NOT_AUTHENTICATED


def test_a_self_signed_certificate_names_nobody() -> None:
    """One's own certificate can name whom one likes: it is never taken for an authority's."""
    assert outcome(connect(server(**PKI), certificate(self_signed=True))) == NOT_AUTHENTICATED
    both = {**PKI, **SELF_SIGNED, "auth_methods": ("tls_client_auth", "self_signed_tls_client_auth")}
    other_key = ec.generate_private_key(ec.SECP256R1())
    assert outcome(connect(server(**both), certificate(self_signed=True, key=other_key))) == NOT_AUTHENTICATED


@pytest.mark.spec("RFC 8705", "2.2")
@pytest.mark.parametrize(
    ("key", "jwk"),
    [(CLIENT_KEY, ec_jwk(CLIENT_KEY)), (PRIVATE_KEY, rsa_jwk(PRIVATE_KEY)), (ED_KEY, ed_jwk())],
    ids=["EC", "RSA", "Ed25519"],
)
def test_a_self_signed_certificate_is_known_by_its_key(key: Any, jwk: dict[str, Any]) -> None:
    """A certificate of the client's own making authenticates by the public key that the client registered."""
    simulator = server(**SELF_SIGNED | {"jwks": {"keys": [ec_jwk(), {"kty": "oct?"}, jwk]}})
    pem = certificate(self_signed=True, key=key)
    response = connect(simulator, pem)
    assert simulator.claims(response)["cnf"] == {"x5t#S256": thumbprint(pem)}


@pytest.mark.spec("RFC 8705", "2.2")
def test_another_key_than_the_registered_is_refused() -> None:
    """A certificate of the right name with another key, of a kind that is used here or not, is nobody's."""
    for key in (
        ec.generate_private_key(ec.SECP256R1()),
        ec.generate_private_key(ec.SECP384R1()),
        rsa.generate_private_key(public_exponent=65537, key_size=2048),
    ):
        assert outcome(connect(server(**SELF_SIGNED), certificate(self_signed=True, key=key))) == NOT_AUTHENTICATED


@pytest.mark.spec("RFC 8705", "2.2.2")
def test_a_registered_certificate_is_that_very_one() -> None:
    """Where the JWK has an x5c, its first certificate is the one; another with the same key is not."""
    pem, renewed = certificate(self_signed=True), certificate(self_signed=True)
    x5c = [base64.b64encode(der_of(pem)).decode()]
    simulator = server(**SELF_SIGNED | {"jwks": {"keys": [{**ec_jwk(CLIENT_KEY), "x5c": x5c}]}})
    assert outcome(connect(simulator, pem)) == ISSUED
    assert outcome(connect(simulator, renewed)) == NOT_AUTHENTICATED


@pytest.mark.parametrize("x5c", [[], "x", None, 7, [7], {"0": "x"}])
def test_an_x5c_of_another_form_is_no_certificate(x5c: Any) -> None:
    """It does not fall back to the key."""
    simulator = server(**SELF_SIGNED | {"jwks": {"keys": [{**ec_jwk(CLIENT_KEY), "x5c": x5c}]}})
    assert outcome(connect(simulator, certificate(self_signed=True))) == NOT_AUTHENTICATED


def test_a_certificate_of_an_authority_is_not_self_signed() -> None:
    """The registered key in an authority's certificate is not the method that the client registered."""
    assert outcome(connect(server(**SELF_SIGNED), PEM)) == NOT_AUTHENTICATED


@pytest.mark.spec("RFC 6749", "2.3")
def test_a_certificate_beside_a_secret_is_no_second_method() -> None:
    """On a domain with mutual TLS everybody shows a certificate: beside other credentials it authenticates nobody."""
    simulator = server()
    for response in (
        connect(simulator, PEM, {**BODY, "client_secret": SECRET}),
        connect(simulator, PEM, GRANT, headers=basic("demo", SECRET)),
        connect(simulator, PEM, BODY, headers=basic("demo", SECRET)),
    ):
        assert outcome(response) == ISSUED
        assert "cnf" not in simulator.claims(response)


@pytest.mark.parametrize(
    ("body", "headers", "expected"),
    [
        ({**BODY, "client_secret": SECRET + "x"}, {}, NOT_AUTHENTICATED),
        (BODY, basic("demo", SECRET + "x"), NOT_AUTHENTICATED),
        (BODY, {"Authorization": "Bearer x"}, NOT_AUTHENTICATED),
        ({**BODY, "client_assertion": "x"}, {}, None),
        ({**BODY, "client_assertion_type": "x"}, {}, None),
    ],
)
def test_a_certificate_saves_no_bad_credentials(
    body: dict[str, str], headers: dict[str, str], expected: tuple[int, str] | None
) -> None:
    """Other credentials that fail are a failure, whatever certificate is shown beside them."""
    methods = ("tls_client_auth", "client_secret_basic", "client_secret_post", "private_key_jwt")
    simulator = server(**PKI | {"auth_methods": methods, "jwks": {"keys": [ec_jwk()]}})
    simulator.clients.clients["demo"] = client(**PKI | {"auth_methods": methods, "jwks": {"keys": [ec_jwk()]}})
    response = connect(simulator, PEM, body, headers=headers)
    assert outcome(response) in ((expected,) if expected else (BAD_REQUEST, NOT_AUTHENTICATED))


@pytest.mark.spec("RFC 8705", "3.4")
def test_a_client_of_bound_tokens_needs_a_certificate() -> None:
    """With tls_client_certificate_bound_access_tokens, any certificate binds, and none is refused."""
    simulator = server(tls_client_certificate_bound_access_tokens=True)
    body = {**BODY, "client_secret": SECRET}
    assert outcome(connect(simulator, None, body)) == BAD_REQUEST
    assert outcome(connect(simulator, "x", body)) == BAD_REQUEST
    for pem in (PEM, certificate(self_signed=True)):
        assert simulator.claims(connect(simulator, pem, body))["cnf"] == {"x5t#S256": thumbprint(pem)}


def test_a_client_of_bound_tokens_gets_none_where_mutual_tls_is_off() -> None:
    """What a client's record demands is never left out silently."""
    simulator = server(ENVIRON, tls_client_certificate_bound_access_tokens=True)
    assert outcome(connect(simulator, PEM, {**BODY, "client_secret": SECRET})) == BAD_REQUEST


@pytest.mark.spec("RFC 9449", "5")
def test_a_proof_and_a_certificate_bind_together() -> None:
    """A token that is bound to both names both, and its type is DPoP."""
    simulator = server(**PKI)
    response = connect(simulator, PEM, headers={"DPoP": proof()})
    assert set(simulator.claims(response)["cnf"]) == {"jkt", "x5t#S256"}
    assert document(response)["token_type"] == "DPoP"


def test_a_refusal_for_want_of_a_certificate_uses_no_proof() -> None:
    """Nothing is written where the request is refused."""
    simulator = server(tls_client_certificate_bound_access_tokens=True)
    response = connect(simulator, None, {**BODY, "client_secret": SECRET}, headers={"DPoP": proof()})
    assert outcome(response) == BAD_REQUEST
    assert not simulator.state.used


@pytest.mark.spec("RFC 8705", "3.3")
@pytest.mark.parametrize(("environ", "on"), [(ENVIRON, False), (ON, True)])
def test_the_metadata_tells_of_mutual_tls_where_it_is_on(environ: dict[str, str], on: bool) -> None:
    """The methods, and tls_client_certificate_bound_access_tokens, are there where they are true."""
    said = document(Simulator(environ=environ).send(event("GET", "/.well-known/oauth-authorization-server")))
    assert said.get("tls_client_certificate_bound_access_tokens") is (True if on else None)
    for endpoint in ("token", "introspection", "revocation"):
        methods = set(said[f"{endpoint}_endpoint_auth_methods_supported"])
        assert ({"tls_client_auth", "self_signed_tls_client_auth"} <= methods) is on
        assert ("tls_client_auth" in methods) is on


BAD_RECORDS: list[dict[str, Any]] = [
    PKI | {"tls_subject": None},
    SELF_SIGNED | {"jwks": None},
    SELF_SIGNED | {"jwks": None, "jwks_uri": "https://client.example/keys"},
    *(
        PKI | {"tls_subject": TlsSubject(parameter, value)}
        for parameter, value in (
            ("tls_client_auth_subject_dn", ""),
            ("tls_client_auth_subject_dn", "demo"),
            ("tls_client_auth_subject_dn", "CN=" + "x" * 1_000),
            ("tls_client_auth_san_dns", ""),
            ("tls_client_auth_san_dns", "*.example.com"),
            ("tls_client_auth_san_dns", "a b"),
            ("tls_client_auth_san_dns", "exämple.com"),
            ("tls_client_auth_san_uri", "demo"),
            ("tls_client_auth_san_uri", "a: b"),
            ("tls_client_auth_san_ip", "203.0.113"),
            ("tls_client_auth_san_ip", "203.0.113.0/24"),
            ("tls_client_auth_san_email", "demo"),
            ("tls_client_auth_san_email", "@example.com"),
            ("tls_client_auth_san_other", "x"),
            ("", "x"),
        )
    ),
]


@pytest.mark.spec("RFC 8705", "2.1.2")
@pytest.mark.parametrize("changes", BAD_RECORDS, ids=str)
def test_what_cannot_be_matched_cannot_be_registered(changes: dict[str, Any]) -> None:
    """A client of either method has what its certificate is known by, in a form that a certificate can have."""
    with pytest.raises(InvalidClientMetadataError):
        check(client(**changes))


def test_the_reader_of_certificates_waits_for_the_first_one() -> None:
    """The code that reads certificates is imported with the first one, and no cold start waits for it."""
    program = "import sys, auth_server.app; sys.exit('auth_server.client_certificate' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0  # noqa: S603 - our own words


def test_the_log_holds_no_certificate(capsys: pytest.CaptureFixture[str]) -> None:
    """The audit line names the method and the client, and nothing of the certificate."""
    connect(server(**PKI), PEM)
    connect(server(**PKI), certificate(self_signed=True))
    log = capsys.readouterr().out
    assert '"auth_method":"tls_client_auth"' in log
    assert PEM.splitlines()[1] not in log
    assert "CERTIFICATE" not in log
