"""Lint what is deployed: `python -m infra.lint`. Exit status 1, and a line for each finding, where there is one.

cfn-lint reads the template twice, as it is written and as SAM translates it: each shows what the other hides. The rest
are rules of our own, for faults that no linter knows. None of it asks anything of AWS.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import cfnlint.api  # type: ignore[import-untyped] # has no type information
from samtranslator.model.exceptions import InvalidDocumentException

from infra.cloudformation import TEMPLATE
from infra.lint.deployment import Deployment
from infra.lint.openapi_rules import OPENAPI_RULES
from infra.lint.template_rules import TEMPLATE_RULES
from infra.template_yaml import Document
from infra.translation import translated_template


def findings(template: Path = TEMPLATE) -> Iterator[str]:
    """Yield every fault of a template and of the documents that it includes, as "rule: what and where"."""
    yield from _written(template)
    deployment = Deployment.read(template)
    yield from ruled(deployment)
    try:
        yield from _translated(translated_template(deployment.template))
    except InvalidDocumentException as error:
        yield f"SAM: {error.message}"


def ruled(deployment: Deployment) -> Iterator[str]:
    """Yield what the rules of our own find."""
    for rule in (*OPENAPI_RULES, *TEMPLATE_RULES):
        yield from (f"{rule.__name__}: {finding}" for finding in rule(deployment))


def _written(template: Path) -> Iterator[str]:
    for match in cfnlint.api.lint_file(template):
        yield f"{match.rule.id}: {match.message} ({template.name}:{match.linenumber})"


def _translated(template: Document) -> Iterator[str]:
    # The checks that its metadata turn off concern the written template alone.
    template["Metadata"].pop("cfn-lint", None)
    for match in cfnlint.api.lint(json.dumps(template)):
        yield f"{match.rule.id}: {match.message} (translated, at {'/'.join(map(str, match.path or []))})"
