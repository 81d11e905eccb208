"""Vending with DynamoDB and KMS behind it, for whatever it is built into."""

import time

import boto3.session

from auth_server.aws import connect
from auth_server.aws.dynamodb import DynamoDBClientStore
from auth_server.aws.signing_keys import key_ring
from auth_server.aws.state_table import DynamoDBStateStore
from auth_server.aws.vending_table import DynamoDBTokenCache
from auth_server.vending.settings import EmbeddedSettings
from auth_server.vending.vending import Vending


def build(settings: EmbeddedSettings, session: boto3.session.Session | None = None) -> Vending:
    """Connect to AWS; a session of its own reads the environment now."""
    dynamodb, kms = connect("dynamodb", session), connect("kms", session)
    cache = DynamoDBTokenCache(
        dynamodb,
        kms,
        table=settings.vending_table,
        key_id=settings.vended_token_key_id,
        issuer=settings.issuer,
    )
    return Vending(
        settings.terms,
        clients=DynamoDBClientStore(dynamodb, settings.clients_table),
        state=DynamoDBStateStore(dynamodb, settings.state_table),
        keys=key_ring(settings, kms=kms, dynamodb=dynamodb, clock=time.time),
        cache=cache,
        clock=time.time,
    )
