"""What the template deploys, as values: its functions, tables and OpenAPI documents, for given parameters.

    stack = Stack(parameters={"IssuerUrl": "http://127.0.0.1:8080", "ApiUrl": "http://127.0.0.1:8081"},
                  attributes={"ClientsTable": "clients", "ProductsTable": "products"})
    stack.functions()["TokenFunction"].environment["ISSUER"]     "http://127.0.0.1:8080"
    stack.tables()["ClientsTable"].definition                    the arguments of dynamodb:CreateTable
    stack.api("AuthApi")                                         the OpenAPI document, every value filled in

Nothing here speaks to AWS. What AWS would make up, such as the id of an API, is made up here, or given in `attributes`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from infra.intrinsics import ResolutionError, Resolver
from infra.template_yaml import Document, load

TEMPLATE: Final = Path(__file__).with_name("template.yaml")
AUTHORIZER_TEMPLATE: Final = Path(__file__).with_name("authorizer.yaml")
TEMPLATES: Final = (TEMPLATE, AUTHORIZER_TEMPLATE)
# The examples whose functions are built of ours.
VENDING_EXAMPLE: Final = TEMPLATE.parent / "examples" / "token-vending.yaml"
CLIENT_EXAMPLE: Final = VENDING_EXAMPLE.with_name("token-client.yaml")
# The table of the client SDK, which is its users' and stands in their accounts.
TOKEN_CACHE_EXAMPLE: Final = TEMPLATE.parent / "examples" / "token-cache.yaml"
FUNCTION: Final = "AWS::Serverless::Function"
TABLE: Final = "AWS::DynamoDB::Table"
API: Final = "AWS::Serverless::Api"

PSEUDO_PARAMETERS: Final[Mapping[str, str]] = {
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::StackName": "latchkey",
    "AWS::URLSuffix": "amazonaws.com",
}
_NUMBER_TYPE: Final = "Number"
# The property that names a resource, and is what Ref of it gives.
_NAME_PROPERTY: Final[Mapping[str, str]] = {
    "AWS::DynamoDB::Table": "TableName",
    "AWS::IAM::Role": "RoleName",
    "AWS::KMS::Alias": "AliasName",
    "AWS::Logs::LogGroup": "LogGroupName",
    FUNCTION: "FunctionName",
}
# What `Fn::GetAtt` of Arn is, after `arn:{partition}:`. A log group's ends as its policies want it.
_ARN: Final[Mapping[str, str]] = {
    FUNCTION: "lambda:{region}:{account}:function:{name}",
    "AWS::DynamoDB::Table": "dynamodb:{region}:{account}:table/{name}",
    "AWS::IAM::Role": "iam::{account}:role/{name}",
    "AWS::KMS::Key": "kms:{region}:{account}:key/{name}",
    "AWS::Logs::LogGroup": "logs:{region}:{account}:log-group:{name}:*",
}
_TABLE_ARGUMENTS: Final = ("AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes")


@dataclass(frozen=True, slots=True)
class Function:
    """A Lambda function; `timeout` is in seconds, `memory` in MB, `handler` is `package.module.function`."""

    logical_id: str
    name: str
    handler: str
    environment: Mapping[str, str]
    timeout: int
    memory: int
    runtime: str
    architecture: str

    @property
    def module(self) -> str:
        """Return the module of the handler."""
        return self.handler.rpartition(".")[0]


@dataclass(frozen=True, slots=True)
class Table:
    """A DynamoDB table; `definition` holds the arguments of `create_table`, `ttl_attribute` is None where none is."""

    logical_id: str
    name: str
    definition: Document
    ttl_attribute: str | None


class Stack:
    """The template with its parameters given, as CloudFormation would fill it in."""

    def __init__(
        self,
        template: Path = TEMPLATE,
        *,
        parameters: Mapping[str, str] | None = None,
        attributes: Mapping[str, str] | None = None,
        pseudo_parameters: Mapping[str, str] | None = None,
    ) -> None:
        """`attributes` maps "LogicalId" to what `Ref` of it is, and "LogicalId.Attribute" to what `Fn::GetAtt` is.

        Raises `ResolutionError` for a parameter or a resource that the template does not have.
        """
        self._template = load(template)
        self._resources: Document = self._template["Resources"]
        self._pseudo = {**PSEUDO_PARAMETERS, **(pseudo_parameters or {})}
        self._attributes = dict(attributes or {})
        self._parameters = _parameters(self._template.get("Parameters", {}), parameters or {})
        self._require_known(name.partition(".")[0] for name in self._attributes)
        self._resolver = Resolver(self._ref, self._attribute, self._template.get("Conditions", {}), template.parent)

    def functions(self) -> dict[str, Function]:
        """Return every function by its logical id."""
        return {logical_id: self._function(logical_id) for logical_id in self._of_type(FUNCTION)}

    def tables(self) -> dict[str, Table]:
        """Return every table by its logical id."""
        return {logical_id: self._table(logical_id) for logical_id in self._of_type(TABLE)}

    def apis(self) -> dict[str, Document]:
        """Return every REST API's OpenAPI document by the API's logical id."""
        return {logical_id: self.api(logical_id) for logical_id in self._of_type(API)}

    def api(self, logical_id: str) -> Document:
        """Return one REST API's OpenAPI document."""
        document: Document = self.properties(logical_id)["DefinitionBody"]
        return document

    def resources(self) -> dict[str, str]:
        """Return the type of every resource whose condition holds, by its logical id."""
        return {name: resource["Type"] for name, resource in self._resources.items() if self._is_made(name)}

    def outputs(self) -> dict[str, str]:
        """Return every output whose condition holds."""
        return {
            name: str(self.resolve(output["Value"]))
            for name, output in self._template.get("Outputs", {}).items()
            if "Condition" not in output or self._resolver.holds(output["Condition"])
        }

    def refusals(self) -> list[str]:
        """Return what the template's rules object to in the parameters; CloudFormation then makes no stack."""
        rules = self._template.get("Rules", {}).values()
        return [
            assertion["AssertDescription"]
            for rule in rules
            if "RuleCondition" not in rule or self._resolver.evaluate(rule["RuleCondition"])
            for assertion in rule["Assertions"]
            if not self._resolver.evaluate(assertion["Assert"])
        ]

    def properties(self, logical_id: str) -> Document:
        """Return a resource's properties, those of the template's `Globals` among them, filled in."""
        resource = self._resource(logical_id)
        section = resource["Type"].rpartition("::")[2] if resource["Type"].startswith("AWS::Serverless::") else ""
        common = self._template.get("Globals", {}).get(section, {})
        properties: Document = self.resolve(_merged(common, resource.get("Properties", {})))
        return properties

    def resolve(self, value: Any) -> Any:
        """Return any part of the template with its intrinsic functions replaced; raises `ResolutionError`."""
        return self._resolver.resolve(value)

    def _function(self, logical_id: str) -> Function:
        properties = self.properties(logical_id)
        variables = properties.get("Environment", {}).get("Variables", {})
        return Function(
            logical_id=logical_id,
            name=self._ref(logical_id),
            handler=properties["Handler"],
            environment={name: str(value) for name, value in variables.items()},
            timeout=int(properties["Timeout"]),
            memory=int(properties["MemorySize"]),
            runtime=properties["Runtime"],
            architecture=properties["Architectures"][0],
        )

    def _table(self, logical_id: str) -> Table:
        properties = self.properties(logical_id)
        name: str = self._ref(logical_id)
        definition: Document = {"TableName": name}
        definition |= {argument: properties[argument] for argument in _TABLE_ARGUMENTS if argument in properties}
        ttl = properties.get("TimeToLiveSpecification", {}).get("AttributeName")
        return Table(logical_id=logical_id, name=name, definition=definition, ttl_attribute=ttl)

    def _of_type(self, kind: str) -> list[str]:
        return [name for name, made in self.resources().items() if made == kind]

    def _is_made(self, logical_id: str) -> bool:
        condition = self._resource(logical_id).get("Condition")
        return condition is None or self._resolver.holds(condition)

    def _resource(self, logical_id: str) -> Document:
        self._require_known([logical_id])
        resource: Document = self._resources[logical_id]
        return resource

    def _require_known(self, logical_ids: Any) -> None:
        for logical_id in logical_ids:
            if logical_id not in self._resources:
                raise ResolutionError(f"the template has no resource {logical_id}")

    def _ref(self, name: str) -> Any:
        for known in (self._parameters, self._pseudo, self._attributes):
            if name in known:
                return known[name]
        resource = self._resource(name)
        named = resource.get("Properties", {}).get(_NAME_PROPERTY.get(resource["Type"], ""))
        return self.resolve(named) if named is not None else f"{self._pseudo['AWS::StackName']}-{name}"

    def _attribute(self, logical_id: str, attribute: str) -> str:
        if f"{logical_id}.{attribute}" in self._attributes:
            return self._attributes[f"{logical_id}.{attribute}"]
        kind = self._resource(logical_id)["Type"]
        if attribute != "Arn" or kind not in _ARN:
            raise ResolutionError(f"the attribute {logical_id}.{attribute} is not given")
        region, account = self._pseudo["AWS::Region"], self._pseudo["AWS::AccountId"]
        place = _ARN[kind].format(region=region, account=account, name=self._ref(logical_id))
        return f"arn:{self._pseudo['AWS::Partition']}:{place}"


def _parameters(declared: Document, given: Mapping[str, str]) -> dict[str, Any]:
    """Return every parameter's value, a number where the template calls it one."""
    if unknown := given.keys() - declared.keys():
        raise ResolutionError(f"the template has no parameter {', '.join(sorted(unknown))}")
    values = {name: given.get(name, parameter.get("Default")) for name, parameter in declared.items()}
    if missing := [name for name, value in values.items() if value is None]:
        raise ResolutionError(f"no value is given for {', '.join(missing)}")
    return {
        name: int(value) if declared[name]["Type"] == _NUMBER_TYPE else str(value) for name, value in values.items()
    }


def _merged(common: Document, own: Document) -> Document:
    """Return the properties of both: objects are merged, and what a resource says itself wins."""
    both = {name for name in common.keys() & own.keys() if isinstance(common[name], dict)}
    return {**common, **own, **{name: _merged(common[name], own[name]) for name in both}}


__all__ = ["AUTHORIZER_TEMPLATE", "TEMPLATE", "TEMPLATES", "Function", "ResolutionError", "Stack", "Table"]
