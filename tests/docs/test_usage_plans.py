"""The page about usage plans cannot drift: its record gives its token, and its template can be deployed."""

import json
import re
from pathlib import Path
from typing import Any

import cfnlint.api  # type: ignore[import-untyped] # has no type information
import yaml

from auth_server.client_registration import check
from authorizer import access_token, policy
from authorizer.event import MethodArn
from infra.template_yaml import load
from infra.translation import translated_template
from tests.simulator import ISSUER, MemoryClientStore, Simulator, client

PAGE = (Path(__file__).parents[2] / "docs" / "usage-plans.md").read_text(encoding="utf-8")
TOKEN, ANSWER = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL))
DOCUMENT, RESOURCES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
KEY = "apikey1234abcdefghij0123456789"
AROUND = """
AWSTemplateFormatVersion: '2010-09-09'
Transform: AWS::Serverless-2016-10-31
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties: {StageName: prod, DefinitionBody: DOCUMENT}
"""


def test_the_record_of_the_page_gives_its_token() -> None:
    """The claim is the record's, beside what every token says, and the authorizer reads it."""
    reporting = client(client_id="reporting", scopes=("products:read",), audiences=("https://api.example.com",))
    server = Simulator(clients=MemoryClientStore(check(reporting)))
    assert "usage_identifier_key" not in server.claims(server.token("reporting"))
    server.clients.clients["reporting"] = check(client(**_members(reporting), usage_identifier_key=KEY))
    claims = server.claims(server.token("reporting"))
    assert {**claims, "jti": TOKEN["jti"]} == {**TOKEN, "iss": ISSUER}
    assert access_token.from_claims(claims, "kid").usage_identifier_key == KEY


def test_the_token_of_the_page_gives_its_answer() -> None:
    """Member by member, but for the context, of which the page shows a part."""
    (statement,) = ANSWER["policyDocument"]["Statement"]
    method_arn = MethodArn.parse(statement["Resource"][0].replace("*", "GET/products"))
    answer = policy.allow_stage(access_token.from_claims(TOKEN, "kid"), method_arn)
    assert answer["context"].items() >= ANSWER["context"].items()
    assert {**answer, "context": ANSWER["context"]} == ANSWER


def _members(record: Any) -> dict[str, Any]:
    return {name: getattr(record, name) for name in ("client_id", "scopes", "audiences")}


def test_the_command_of_the_page_names_the_key_of_its_template() -> None:
    """Record, token, answer and API key are one value."""
    assert f"--usage-identifier-key {KEY}" in PAGE
    assert f"Value: {KEY}" in RESOURCES


def test_the_template_of_the_page_can_be_deployed(tmp_path: Path) -> None:
    """SAM translates it with the document around it, and cfn-lint has nothing against what comes of it."""
    document = {"openapi": "3.0.1", "info": {"title": "products", "version": "1"}, **yaml.safe_load(DOCUMENT)}
    assert document["x-amazon-apigateway-api-key-source"] == "AUTHORIZER"
    template = tmp_path / "template.yaml"
    template.write_text(AROUND.replace("DOCUMENT", json.dumps(document)) + RESOURCES, encoding="utf-8")
    translated = translated_template(load(template))
    plan = translated["Resources"]["Plan"]
    assert plan["DependsOn"] in translated["Resources"]
    assert [str(match) for match in cfnlint.api.lint(json.dumps(translated))] == []
