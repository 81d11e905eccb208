"""The template, filled in with addresses that no request reaches."""

import sys
from typing import Final

from infra.cloudformation import Stack
from tests.simulator import AUDIENCE, ISSUER

AUTHORIZER: Final = "AuthorizerFunction"
TOKEN: Final = "TokenFunction"  # noqa: S105 - the name of a function
GATE: Final = "ChallengeFunction"


def runtime() -> str:
    """Name this Python as Lambda does."""
    return f"python{sys.version_info.major}.{sys.version_info.minor}"


def stack() -> Stack:
    """Give the template with this Python for its functions."""
    parameters = {"IssuerUrl": ISSUER, "ApiUrl": AUDIENCE, "Runtime": runtime()}
    return Stack(parameters=parameters, attributes={"SigningKey": "key", "SigningKey.Arn": "arn"})
