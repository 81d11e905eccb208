"""The identity of an AWS role, as STS vouches for it (sts:GetWebIdentityToken)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from token_client.aws import Connection, calling
from token_client.errors import ConfigurationError, CredentialsError

_GLOBAL = "https://sts.amazonaws.com"  # what botocore takes where no region is known
_LIFETIMES_S = range(60, 3_601)  # what STS takes


@dataclass(frozen=True, slots=True)
class AwsRole:
    """The role that this process has, to `audience`: the authorization server's issuer.

    The account needs outbound web identity federation, once for all; the global endpoint of STS does not offer it. STS
    signs RS256, for `lifetime_s` seconds.
    """

    audience: str
    lifetime_s: int = 300
    region_name: str | None = None
    endpoint_url: str | None = None
    session: Any = field(default=None, repr=False)
    _connection: Connection = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.audience:
            raise ConfigurationError("a token needs an audience; it is empty")
        if self.lifetime_s not in _LIFETIMES_S:
            raise ConfigurationError(f"lifetime_s is from {_LIFETIMES_S[0]} to {_LIFETIMES_S[-1]} seconds")
        object.__setattr__(self, "_connection", Connection(self.region_name, self.endpoint_url, self.session))

    def __call__(self) -> str:
        """Give a token. Raises `CredentialsError`."""
        with calling("sts:GetWebIdentityToken", CredentialsError):
            sts = self._connection.client("sts")
            if sts.meta.endpoint_url == _GLOBAL:
                raise CredentialsError("sts:GetWebIdentityToken: the global endpoint has none; name a region")
            answer = sts.get_web_identity_token(
                Audience=[self.audience], SigningAlgorithm="RS256", DurationSeconds=self.lifetime_s
            )
            return str(answer["WebIdentityToken"])
