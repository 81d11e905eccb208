"""Rules for the template, where linters are silent and AWS is not, or where both are and an attacker is not."""

from collections.abc import Iterator
from typing import Any, Final

import yaml

from infra.cloudformation import Stack
from infra.lint.deployment import Deployment, Rule
from infra.template_yaml import Document

MAX_PARAMETER_CHARACTERS: Final = 4096  # "CloudFormation quotas": a parameter's value
MAX_ENVIRONMENT_BYTES: Final = 4096  # "Lambda quotas": all environment variables of a function


def file_has_no_aliases(deployment: Deployment) -> Iterator[str]:
    """Check for YAML aliases, which CloudFormation does not read."""
    for name, text in deployment.files.items():
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
            yield f"{name}: there is a YAML alias"


def included_file_has_long_forms_alone(deployment: Deployment) -> Iterator[str]:
    """Check for short forms of intrinsic functions, such as !Sub, which AWS::Include does not read."""
    for name, text in deployment.files.items():
        if "Resources:" not in text:
            tags = {str(getattr(event, "tag", "")) for event in yaml.parse(text, yaml.SafeLoader)}
            yield from (f"{name}: {tag} is a short form" for tag in sorted(tags) if tag.startswith("!") and tag != "!")


def asymmetric_key_does_not_rotate(deployment: Deployment) -> Iterator[str]:
    """Check that no RSA key is told to rotate: KMS rotates symmetric keys alone, and the deployment fails."""
    for logical_id, key in deployment.of_type("AWS::KMS::Key"):
        if key.get("KeySpec", "SYMMETRIC_DEFAULT") != "SYMMETRIC_DEFAULT" and "EnableKeyRotation" in key:
            yield f"{logical_id}: a {key['KeySpec']} key does not rotate"


def function_is_bounded(deployment: Deployment) -> Iterator[str]:
    """Check that each function says its memory, time, processor, role and log, and that the log ends some day."""
    logs = {name for name, log in deployment.of_type("AWS::Logs::LogGroup") if "RetentionInDays" in log}
    common = deployment.template.get("Globals", {}).get("Function", {})
    for logical_id, own in deployment.of_type("AWS::Serverless::Function"):
        function = {**common, **own}
        for name in ("MemorySize", "Timeout", "Architectures", "Runtime", "Role"):
            if name not in function:
                yield f"{logical_id}: {name} is not said"
        if function.get("LoggingConfig", {}).get("LogGroup", {}).get("Ref") not in logs:
            yield f"{logical_id}: its log has no retention"


def environment_fits(deployment: Deployment) -> Iterator[str]:
    """Check that no parameter at its longest, the others at their defaults, is too much for Lambda's environment."""
    for name, parameter in deployment.template["Parameters"].items():
        if parameter["Type"] == "String" and "AllowedValues" not in parameter:
            longest = "x" * int(parameter.get("MaxLength", MAX_PARAMETER_CHARACTERS))
            for logical_id, function in Stack(deployment.path, parameters={name: longest}).functions().items():
                size = sum(len(key) + len(value) for key, value in function.environment.items())
                if size > MAX_ENVIRONMENT_BYTES:
                    yield f"{logical_id}: {name} can make the environment {size} bytes"


# AWS knows no ARN for these: the key is not made yet, which it is with its tags, or a whole Region is asked about.
WITHOUT_A_RESOURCE: Final = frozenset({"kms:CreateKey", "kms:TagResource", "tag:GetResources"})


def role_names_what_it_may_do(deployment: Deployment) -> Iterator[str]:
    """Check that no policy of a role has a wildcard among its actions, nor among resources that have a name."""
    for logical_id, statement in _statements(deployment):
        if any("*" in str(action) for action in _list(statement["Action"])):
            yield f"{logical_id}: a wildcard among the actions"
        named = not set(_list(statement["Action"])) <= WITHOUT_A_RESOURCE
        if named and any(isinstance(resource, str) and "*" in resource for resource in _list(statement["Resource"])):
            yield f"{logical_id}: a wildcard among the resources"


def table_is_safe(deployment: Deployment) -> Iterator[str]:
    """Check that each table outlives the stack, can be restored, and is encrypted."""
    for logical_id, table in deployment.of_type("AWS::DynamoDB::Table"):
        resource = deployment.template["Resources"][logical_id]
        if (resource.get("DeletionPolicy"), resource.get("UpdateReplacePolicy")) != ("Retain", "Retain"):
            yield f"{logical_id}: it goes with the stack"
        for name in ("DeletionProtectionEnabled", "PointInTimeRecoverySpecification", "SSESpecification"):
            if name not in table:
                yield f"{logical_id}: {name} is not said"


def parameter_is_described(deployment: Deployment) -> Iterator[str]:
    """Check that each parameter says what it is and may be, and stands in a group."""
    interface = deployment.template["Metadata"]["AWS::CloudFormation::Interface"]
    grouped = {name for group in interface["ParameterGroups"] for name in group["Parameters"]}
    parameters = deployment.template["Parameters"]
    for name in sorted(parameters.keys() ^ grouped | parameters.keys() ^ interface["ParameterLabels"].keys()):
        yield f"{name}: it is not in a group, not labelled, or no parameter"
    for name, parameter in parameters.items():
        if not parameter.get("Description") or not parameter.get("ConstraintDescription"):
            yield f"{name}: Description and ConstraintDescription are needed"


def _statements(deployment: Deployment) -> Iterator[tuple[str, Document]]:
    """Yield every statement of a role's policies."""
    for logical_id, role in deployment.of_type("AWS::IAM::Role"):
        for policy in role.get("Policies", []):
            yield from ((logical_id, statement) for statement in policy["PolicyDocument"]["Statement"])
    for logical_id, policy in deployment.of_type("AWS::IAM::RolePolicy"):
        yield from ((logical_id, statement) for statement in policy["PolicyDocument"]["Statement"])


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


TEMPLATE_RULES: Final[tuple[Rule, ...]] = (
    file_has_no_aliases,
    included_file_has_long_forms_alone,
    asymmetric_key_does_not_rotate,
    function_is_bounded,
    environment_fits,
    role_names_what_it_may_do,
    table_is_safe,
    parameter_is_described,
)
