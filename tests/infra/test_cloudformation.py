"""The template as values: what a local stack, and the tests, take out of it."""

from pathlib import Path

import pytest

from infra.cloudformation import ResolutionError, Stack

LOCAL = {"IssuerUrl": "http://127.0.0.1:8080", "ApiUrl": "http://127.0.0.1:8081"}


def test_a_function_has_the_environment_of_the_template() -> None:
    """A function's environment is the template's, its common part included, and each value is a string."""
    function = Stack(parameters={**LOCAL, "TokenLifetimeSeconds": "60"}).functions()["TokenFunction"]
    assert function.module == "auth_server.handler"
    assert function.environment["ISSUER"] == LOCAL["IssuerUrl"]
    assert function.environment["TOKEN_LIFETIME_SECONDS"] == "60"
    assert function.environment["LOG_LEVEL"] == "INFO"


def test_what_aws_would_make_up_can_be_given() -> None:
    """What Ref and Fn::GetAtt of a resource are can be given; without that they are made up."""
    attributes = {"ClientsTable": "mine", "ClientsTable.Arn": "arn:mine", "AuthApi": "abc"}
    stack = Stack(attributes=attributes)
    assert stack.functions()["TokenFunction"].environment["CLIENTS_TABLE"] == "mine"
    assert stack.tables()["ClientsTable"].definition["TableName"] == "mine"
    assert stack.resolve({"Fn::GetAtt": ["ClientsTable", "Arn"]}) == "arn:mine"
    assert stack.resolve({"Fn::GetAtt": ["ProductsTable", "Arn"]}).endswith(":table/latchkey-products")
    assert stack.outputs()["Issuer"] == "https://abc.execute-api.us-east-1.amazonaws.com/prod"


def test_a_table_can_be_made_of_its_definition() -> None:
    """A table's definition is what dynamodb:CreateTable takes, with the key that the functions use."""
    table = Stack().tables()["ClientsTable"]
    assert (table.name, table.ttl_attribute) == ("latchkey-clients", None)
    assert table.definition["KeySchema"] == [{"AttributeName": "client_id", "KeyType": "HASH"}]


def test_a_stack_lies_where_it_is_told() -> None:
    """Account, Region, partition and the stack's name can be given, and are in every ARN."""
    place = {
        "AWS::Partition": "aws-us-gov",
        "AWS::Region": "us-gov-west-1",
        "AWS::StackName": "mine",
        "AWS::AccountId": "1",
    }
    document = Stack(pseudo_parameters=place).api("AuthApi")
    uri = document["paths"]["/oauth/token"]["post"]["x-amazon-apigateway-integration"]["uri"]
    assert uri == (
        "arn:aws-us-gov:apigateway:us-gov-west-1:lambda:path/2015-03-31/functions/"
        "arn:aws-us-gov:lambda:us-gov-west-1:1:function:mine-token/invocations"
    )


def test_outputs_of_no_use_are_left_out() -> None:
    """An output stands there only where its condition holds."""
    assert "AuthDomainTarget" not in Stack().outputs()
    own = {"AuthDomainName": "auth.example.com", "AuthCertificateArn": "arn:aws:acm:us-east-1:1:certificate/a"}
    outputs = Stack(parameters=own, attributes={"AuthDomain.RegionalDomainName": "d-1.example.com"}).outputs()
    assert outputs["AuthDomainTarget"] == "d-1.example.com"


@pytest.mark.parametrize(
    "arguments",
    [
        {"parameters": {"Isuer": "x"}},
        {"attributes": {"ClientTable": "x"}},
    ],
)
def test_an_unknown_name_is_an_error(arguments: dict[str, dict[str, str]]) -> None:
    """A parameter or a resource that the template does not have is an error."""
    with pytest.raises(ResolutionError):
        Stack(**arguments)  # type: ignore[arg-type] # one of several keyword arguments


def test_an_attribute_that_nobody_knows_is_an_error() -> None:
    """An attribute that AWS alone knows is not made up."""
    with pytest.raises(ResolutionError, match=r"SigningKey\.KeyId"):
        Stack().resolve({"Fn::GetAtt": ["SigningKey", "KeyId"]})


def test_a_parameter_without_a_value_is_an_error(tmp_path: Path) -> None:
    """A parameter needs a value, its own default or one that is given."""
    template = tmp_path / "template.yaml"
    template.write_text("Parameters: {Needed: {Type: String}}\nResources: {}\n", "utf-8")
    with pytest.raises(ResolutionError, match="Needed"):
        Stack(template)
    assert Stack(template, parameters={"Needed": "x"}).functions() == {}


def test_a_template_is_a_mapping(tmp_path: Path) -> None:
    """A file that is no mapping is no template."""
    template = tmp_path / "template.yaml"
    template.write_text("- 1\n", "utf-8")
    with pytest.raises(TypeError, match=r"template\.yaml"):
        Stack(template)


def test_a_date_is_a_string(tmp_path: Path) -> None:
    """A policy's version is the string that it looks like, quoted or not."""
    template = tmp_path / "template.yaml"
    template.write_text("Resources:\n  Policy: {Type: X, Properties: {Version: 2012-10-17}}\n", "utf-8")
    assert Stack(template).properties("Policy") == {"Version": "2012-10-17"}
