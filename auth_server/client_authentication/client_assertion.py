"""A JWT assertion as a request presents it (RFC 7521 4.2, RFC 7523 2.2), and whose it claims to be."""

from dataclasses import dataclass, field
from typing import Final

from auth_server import jwt_assertion
from auth_server.errors import InvalidClientError
from auth_server.form import Form
from auth_server.jwt_assertion import UnverifiedAssertion

JWT_BEARER: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass(frozen=True, slots=True)
class Presented:
    """What was sent. `client_id` serves to look the client up; `fault` says why there is no assertion."""

    client_id: str
    is_federated: bool
    unverified: UnverifiedAssertion | None = field(default=None, repr=False)
    fault: str = ""

    def unverified_assertion(self) -> UnverifiedAssertion:
        """Give the assertion; raises `InvalidClientError` where what was sent is none."""
        if self.unverified is None:
            raise InvalidClientError(reason=self.fault)
        return self.unverified


def find(form: Form) -> Presented | None:
    """Give what was presented, None where nothing was.

    A bad assertion is an attempt to authenticate all the same: whether another method was used at once comes first,
    so it is refused only later. An issuer that is neither the client nor the subject is another's: a federated token.
    """
    assertion_type, text = form.one("client_assertion_type"), form.one("client_assertion")
    if assertion_type is None and text is None:
        return None
    named = form.one("client_id")
    try:
        unverified = _read(assertion_type, text)
    except InvalidClientError as error:
        return Presented(named or "", is_federated=False, fault=error.reason)
    iss, sub = (unverified.unverified_claims.get(name) for name in ("iss", "sub"))
    return Presented(
        client_id=named or (sub if isinstance(sub, str) else ""),  # RFC 7521 4.2: the parameter is optional
        is_federated=named is not None and iss not in (named, sub),
        unverified=unverified,
    )


def _read(assertion_type: str | None, text: str | None) -> UnverifiedAssertion:
    if assertion_type != JWT_BEARER:
        raise InvalidClientError(reason="the client_assertion_type is absent or another")
    if text is None:
        raise InvalidClientError(reason="there is no client_assertion")
    return jwt_assertion.parse(text)
