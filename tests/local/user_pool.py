"""A Cognito user pool of the local AWS endpoint, and tokens of the people in it."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import boto3

from infra.local.aws_endpoint import aws_endpoint
from infra.local.stack import REGION

ACCOUNT = "123456789012"
PASSWORD = "A-Long-Enough-1"


@dataclass(frozen=True)
class UserPool:
    """A pool, and an app client that people log in with."""

    url: str
    arn: str
    pool_id: str
    client_id: str

    def tokens(self, username: str, *groups: str) -> dict[str, str]:
        """Make a user in these groups, and log them in: `IdToken` and `AccessToken`."""
        cognito = _cognito(self.url)
        cognito.admin_create_user(UserPoolId=self.pool_id, Username=username)
        cognito.admin_set_user_password(UserPoolId=self.pool_id, Username=username, Password=PASSWORD, Permanent=True)
        for group in groups:
            with suppress(cognito.exceptions.GroupExistsException):
                cognito.create_group(UserPoolId=self.pool_id, GroupName=group)
            cognito.admin_add_user_to_group(UserPoolId=self.pool_id, Username=username, GroupName=group)
        answer = cognito.initiate_auth(
            ClientId=self.client_id,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": username, "PASSWORD": PASSWORD},
        )
        return dict(answer["AuthenticationResult"])


@contextmanager
def user_pool() -> Iterator[UserPool]:
    """Serve an AWS endpoint, as the local stack does, with a pool in it."""
    with socket.create_server(("127.0.0.1", 0)) as listener, aws_endpoint(listener):
        yield make_pool(f"http://127.0.0.1:{listener.getsockname()[1]}")


def make_pool(url: str) -> UserPool:
    """Make a pool at an AWS endpoint."""
    cognito = _cognito(url)
    pool = cognito.create_user_pool(PoolName="people")["UserPool"]
    client = cognito.create_user_pool_client(
        UserPoolId=pool["Id"], ClientName="page", ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"]
    )
    return UserPool(url, pool["Arn"], pool["Id"], client["UserPoolClient"]["ClientId"])


def _cognito(url: str) -> Any:
    session = boto3.session.Session("local", "local", region_name=REGION)
    return session.client("cognito-idp", endpoint_url=url)
