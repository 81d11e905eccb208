"""The event of a REST API's TOKEN authorizer, read once into a frozen value.

    {"type": "TOKEN", "authorizationToken": "Bearer ...",
     "methodArn": "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/prod/GET/products"}

Source: API Gateway developer guide, "Input to an API Gateway Lambda authorizer".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from authorizer.errors import EventError

# Every part is spelt out, so that no `*` or `?` of an ARN can widen the policy that is made from it.
_METHOD_ARN = re.compile(
    r"(?P<api_arn>arn:aws(?:-[a-z0-9]+)*:execute-api:[a-z0-9-]{1,32}:[0-9]{12}:(?P<api>[A-Za-z0-9_-]{1,64}))"
    r"/(?P<stage>[A-Za-z0-9_-]{1,128})/(?P<method>[A-Z]{1,32})(?P<path>/.*)?",
    re.DOTALL | re.ASCII,
)


@dataclass(frozen=True, slots=True)
class MethodArn:
    """The ARN of the method that is called: `arn:{partition}:execute-api:{region}:{account}:{api}/{stage}/GET/...`."""

    api_arn: str
    api: str
    stage: str
    method: str
    path: str

    @classmethod
    def parse(cls, text: object) -> "MethodArn":
        """Take an ARN apart; raises `EventError`."""
        match = _METHOD_ARN.fullmatch(text) if isinstance(text, str) else None
        if match is None:
            raise EventError("methodArn is not the ARN of an API Gateway method")
        return cls(match["api_arn"], match["api"], match["stage"], match["method"], match["path"] or "/")

    @property
    def stage_resource(self) -> str:
        """Every method of this API's stage, in the same partition, Region and account."""
        return f"{self.api_arn}/{self.stage}/*"


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """The question to a TOKEN authorizer: may the bearer of `authorization`, unread as yet, call `method_arn`."""

    authorization: object
    method_arn: MethodArn


def parse(event: object) -> TokenRequest:
    """Read an event; raises `EventError`. An absent token is the decision's business, not a malformed event."""
    members: Mapping[str, Any] = event if isinstance(event, Mapping) else {}
    if members.get("type") != "TOKEN":
        raise EventError("not the event of a TOKEN authorizer")
    return TokenRequest(members.get("authorizationToken"), MethodArn.parse(members.get("methodArn")))
