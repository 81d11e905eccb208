"""How large a policy can become, in bytes of JSON as the authorizer measures it.

API Gateway takes 8 KB of result (developer guide, "Quotas for configuring and running a REST API"), and 512 characters
for a Resource ("Output from an API Gateway Lambda authorizer").
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

MAX_RESULT_BYTES: Final = 8_192
MAX_RESOURCE_CHARACTERS: Final = 512
# For principal and context: `scope` twice, client, subject, issuer and audience.
DEFAULT_RESERVE: Final = 2_560

# The longest of each: aws-us-gov, us-isob-east-1 and its like, twelve digits, ten letters.
_API_ARN_CHARACTERS: Final = len("arn:aws-us-gov:execute-api:") + 14 + len(":123456789012:") + 10
# Of a stage's 128 characters hardly any are ever used; whoever uses more says so.
DEFAULT_STAGE: Final = "s" * 12


@dataclass(frozen=True, slots=True)
class Room:
    """What there is room for: `stage` is the stage's name, `reserve` the bytes that something else needs."""

    stage: str = DEFAULT_STAGE
    reserve: int = DEFAULT_RESERVE

    @property
    def prefix(self) -> int:
        """Characters of a Resource before the pattern."""
        return _API_ARN_CHARACTERS + len(f"/{self.stage}/")

    @property
    def bytes(self) -> int:
        """Bytes for patterns: what is left when a policy with two empty statements is there."""
        statements: list[dict[str, object]] = [
            {"Action": "execute-api:Invoke", "Effect": effect, "Resource": []} for effect in ("Allow", "Deny")
        ]
        empty = {"policyDocument": {"Version": "2012-10-17", "Statement": statements}}
        return MAX_RESULT_BYTES - 1 - self.reserve - len(json.dumps(empty))

    def cost(self, pattern: str) -> int:
        """Bytes of one pattern, with its quotes and comma."""
        return self.prefix + len(pattern) + len('"", ')

    def takes(self, pattern: str) -> bool:
        """Whether a Resource with this pattern is short enough."""
        return self.prefix + len(pattern) <= MAX_RESOURCE_CHARACTERS
