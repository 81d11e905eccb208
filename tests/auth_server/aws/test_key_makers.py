"""Making keys in KMS, and doing away with them. What the local endpoint never refuses, botocore's Stubber refuses."""

import json
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.stub import ANY, Stubber

from auth_server.aws.key_makers import ENDORSES, RETIRES, TAG, TRIES, FirstKey, KmsKeyMaker, describe_first_key
from auth_server.aws.kms import ALGORITHM
from auth_server.errors import DependencyError
from auth_server.signing_keys.rotation import Anchor, RotationError
from infra.cloudformation import Stack
from infra.local.stack import create_keys
from tests.auth_server.aws.test_kms import PUBLIC_KEY
from tests.infra.deployed import API_URL, ISSUER
from tests.simulator import NOW, LocalKeySource

ARN = "arn:aws:kms:us-east-1:123456789012:key/mrk-1"
FIRST = FirstKey(Anchor(LocalKeySource().load(), NOW), ARN, multi_region=True, replicas=())
ROLE = "arn:aws:iam::123456789012:role/rotation"
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [{"Sid": ENDORSES, "Principal": {"AWS": ROLE}}]})


def stubbed() -> tuple[Any, Stubber]:
    """Give a boto3 client that answers what is planted."""
    kms = boto3.client("kms", config=Config(retries={"total_max_attempts": 1}))
    return kms, Stubber(kms)


def maker(kms: Any, first: FirstKey = FIRST) -> KmsKeyMaker:
    """Give a maker that does not wait."""
    return KmsKeyMaker(first, lambda _: kms, None, keys_table="keys", sleep=lambda _: None)


def plant_creation(stub: Stubber) -> None:
    """Let a key be made."""
    stub.add_response("get_key_policy", {"Policy": POLICY}, {"KeyId": "mrk-1", "PolicyName": "default"})
    stub.add_response("create_key", {"KeyMetadata": {"KeyId": "mrk-2"}}, dict.fromkeys(CREATED, ANY))


CREATED = ("BypassPolicyLockoutSafetyCheck", "Description", "KeySpec", "KeyUsage", "MultiRegion", "Policy", "Tags")
FOUND = {"KeyId": ARN, "PublicKey": PUBLIC_KEY, "KeyUsage": "SIGN_VERIFY", "SigningAlgorithms": [ALGORITHM]}


def test_a_key_that_kms_does_not_know_yet_is_waited_for() -> None:
    """KMS may deny for some seconds that there is a key that it has just made."""
    kms, stub = stubbed()
    plant_creation(stub)
    for _ in range(TRIES - 1):
        stub.add_client_error("get_public_key", "NotFoundException")
    stub.add_response("get_public_key", FOUND)
    with stub:
        assert maker(kms).make().key_id == "mrk-2"


def test_a_key_that_never_appears_is_a_failure() -> None:
    """A key whose public half cannot be had is announced to nobody."""
    kms, stub = stubbed()
    plant_creation(stub)
    for _ in range(TRIES):
        stub.add_client_error("get_public_key", "NotFoundException")
    with stub, pytest.raises(DependencyError, match=r"^kms:GetPublicKey: NotFoundException$"):
        maker(kms).make()


def test_nothing_is_made_where_nobody_is_said_to_endorse() -> None:
    """A first key whose policy does not say who rotates keys gets no successor that nobody could end."""
    kms, stub = stubbed()
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{"Sid": "TheAccountAdministers"}]})
    stub.add_response("get_key_policy", {"Policy": policy})
    with stub, pytest.raises(RotationError, match=ENDORSES):
        maker(kms).make()


@pytest.mark.parametrize("code", ["KMSInvalidStateException", "NotFoundException"])
def test_a_key_is_discarded_twice(code: str) -> None:
    """A key that is about to be deleted already, or gone, is discarded."""
    kms, stub = stubbed()
    stub.add_client_error("disable_key", code)
    stub.add_client_error("schedule_key_deletion", code)
    with stub:
        maker(kms).discard("mrk-2")
        stub.assert_no_pending_responses()


def test_a_key_that_cannot_be_discarded_is_a_failure() -> None:
    """What is not disabled is not said to be."""
    kms, stub = stubbed()
    stub.add_client_error("disable_key", "AccessDeniedException")
    with stub, pytest.raises(DependencyError, match=r"^kms:DisableKey: AccessDeniedException$"):
        maker(kms).discard("mrk-2")


def test_a_key_is_made_wherever_the_first_one_is(aws_endpoint: str) -> None:
    """A later key has a replica in each Region of the first, with the policy that the first has there; and both end."""
    regions = {region: boto3.client("kms", endpoint_url=aws_endpoint, region_name=region) for region in REGIONS}
    here, there = regions.values()
    parameters = {"IssuerUrl": ISSUER, "ApiUrl": API_URL, "MultiRegionKeys": "true"}
    # Of a name of its own: an alias is called after the stack, and the endpoint is that of other tests too.
    stack = Stack(parameters=parameters, pseudo_parameters={"AWS::StackName": "multi-region"})
    key_id = create_keys(here, stack)["SigningKey"]
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{"Sid": ENDORSES, "Principal": {"AWS": ROLE}}]})
    here.replicate_key(KeyId=key_id, ReplicaRegion=REGIONS[1])
    there.put_key_policy(KeyId=key_id, PolicyName="default", Policy=policy)
    described = describe_first_key(here, key_id)
    assert (described.multi_region, described.key_id) == (True, key_id)
    first = FirstKey(described.anchor, described.arn, multi_region=True, replicas=(REGIONS[1],))
    makes = KmsKeyMaker(first, lambda region: regions[region or REGIONS[0]], None, keys_table="keys")
    asked: list[Any] = []  # the local endpoint gives a replica the policy of its primary key, whatever it is told
    here.meta.events.register("provide-client-params.kms.ReplicateKey", lambda params, **_: asked.append(params))
    made = makes.make()
    assert made.key_id is not None
    assert made.key_id.startswith("mrk-")
    assert there.get_public_key(KeyId=made.key_id)["PublicKey"] == here.get_public_key(KeyId=made.key_id)["PublicKey"]
    (replica,) = asked
    assert [(one["Sid"], one["Principal"]) for one in json.loads(replica["Policy"])["Statement"]] == [
        (RETIRES, {"AWS": ROLE})
    ]
    assert replica["Tags"] == [{"TagKey": TAG, "TagValue": "keys"}]
    makes.discard(made.key_id)
    for kms in regions.values():
        assert kms.describe_key(KeyId=made.key_id)["KeyMetadata"]["KeyState"] == "PendingDeletion"


REGIONS = ("us-east-1", "eu-west-1")


def test_the_regions_of_the_first_key_are_read_from_kms() -> None:
    """Where KMS says that the first key is, later ones are to be; its own Region aside."""
    kms, stub = stubbed()  # the local endpoint says nothing of replicas
    metadata = {
        "KeyId": "mrk-1",
        "Arn": ARN,
        "CreationDate": datetime.fromtimestamp(NOW, UTC),
        "MultiRegion": True,
        "MultiRegionConfiguration": {
            "MultiRegionKeyType": "PRIMARY",
            "PrimaryKey": {"Arn": ARN, "Region": "us-east-1"},
            "ReplicaKeys": [{"Arn": ARN.replace("us-east-1", region), "Region": region} for region in REGIONS[1:]],
        },
    }
    stub.add_response("describe_key", {"KeyMetadata": metadata})
    stub.add_response("get_public_key", FOUND)
    with stub:
        described = describe_first_key(kms, "alias/latchkey")
    assert (described.replicas, described.multi_region, described.anchor.created_at) == (("eu-west-1",), True, NOW)


def test_what_was_made_is_found_by_its_tag_until_it_is_discarded(aws_endpoint: str) -> None:
    """The keys of this table alone are found, those made before a time, and none that is about to be deleted."""
    kms = boto3.client("kms", endpoint_url=aws_endpoint)
    tagging = boto3.client("resourcegroupstaggingapi", endpoint_url=aws_endpoint)
    mine, other = (
        kms.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY", Tags=[{"TagKey": TAG, "TagValue": table}])[
            "KeyMetadata"
        ]["KeyId"]
        for table in ("keys-of-this-test", "keys-of-another")
    )
    makes = KmsKeyMaker(FIRST, lambda _: kms, tagging, keys_table="keys-of-this-test")
    tomorrow = int(datetime.now(UTC).timestamp()) + 86_400
    assert makes.made_before(tomorrow) == [mine]
    assert makes.made_before(tomorrow - 2 * 86_400) == []
    makes.discard(mine)
    assert makes.made_before(tomorrow) == []
    assert kms.describe_key(KeyId=other)["KeyMetadata"]["KeyState"] == "Enabled"
